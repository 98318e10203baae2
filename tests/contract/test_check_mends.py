"""Whatever `check` says has failed, for every registered source type, it says what mends it, in two languages."""

import json
from pathlib import Path

import pytest

from ccmm_agent.look import check
from tests.contract.test_plugin_contract import SOURCES


@pytest.mark.parametrize("word", sorted(SOURCES.keys() - {"ticks"}))
def test_a_system_that_is_not_there_is_told_with_its_mend(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent.toml").write_text(f'zone = "UTC"\n{SOURCES[word].example}', "utf-8")
    assert not check(tmp_path, as_json=True)
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    failed = [line for line in source["lines"] if line["verdict"] == "failed"]
    assert failed
    for line in failed:
        assert {"en", "zh"} == set(line["mend"]), line
