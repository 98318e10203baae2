"""Options by which nothing could ever be found are refused, or what they hide is counted in the evidence."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import BadOption, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.scap import Scap
from ccmm_plugin_facilities.config_snapshot import ConfigSnapshot

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_scans_in_which_no_failure_is_critical_are_refused() -> None:
    options = {"results": "/srv/*.xml", "profiles": ["standard"]}
    Scap.from_options(Options({**options, "critical": ["high"]}))
    with pytest.raises(BadOption, match="high, the worst that XCCDF knows"):
        Scap.from_options(Options({**options, "critical": ["critical"]}))


def test_lines_of_a_configuration_that_do_not_count_are_counted(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "queues.conf").write_text("; written 12:00\n[support]\nstrategy=ringall\n")
    text = {"file": str(tmp_path / "queues.conf"), "name": "queues", "system": "acd"}

    def detail(ignore: list[str]) -> str:
        given = {"key_file": str(tmp_path / "key"), "files": [{**text, "ignore": ignore}]}
        return read_all(ConfigSnapshot.from_options(Options(given)), now=NOW, zone=ZoneInfo("UTC"))[1].detail

    assert detail([]) == ""
    assert detail(["^;"]) == "lines left out by `ignore`: queues 1 of 3"
    assert detail(["."]) == "lines left out by `ignore`: queues 3 of 3"
