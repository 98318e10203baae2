"""Accounts made by the real useradd and usermod, log-ins by the real utmpdump: what they write is what is read."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.reading import SourceSpec, read_source
from ccmm_proto.v1.statement_pb2 import OBSERVED, Value

TOOLS = ("useradd", "usermod", "groupadd", "utmpdump")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="useradd or utmpdump is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="useradd needs root"),
]
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def run(*command: str, given: str = "") -> bytes:
    return subprocess.run(command, input=given.encode(), capture_output=True, check=True, timeout=30).stdout


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder with an /etc of its own."""
    etc = tmp_path / "etc"
    etc.mkdir()
    for name in ("passwd", "shadow", "group", "gshadow"):
        (etc / name).touch()
    prefix = ("--prefix", str(tmp_path))
    run("groupadd", *prefix, "--gid", "27", "sudo")
    for name, more in (
        ("zhang", ("-c", "Zhang San,E1007")),
        ("li", ("-G", "sudo")),
        ("wang", ("-s", "/usr/sbin/nologin")),
    ):
        run("useradd", *prefix, "--badname", "-s", "/bin/bash", *more, name)
    run("usermod", *prefix, "-p", "$6$canary$hash", "zhang")
    run("usermod", *prefix, "-L", "zhang")
    run("usermod", *prefix, "--expiredate", "2026-11-20", "li")
    return tmp_path


def accounts(host: Path, **more: object) -> dict[str, dict[str, object]]:
    places = {name: str(host / "etc" / name) for name in ("passwd", "group", "shadow")}
    spec = SourceSpec(name="host", plugin="linux_auth", options={"host": "pbx-01", "gecos_part": 2, **places, **more})
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert not any(b"canary" in one.SerializeToString() for one in reading.observations)
    entries = reading.observations[0].inventory.entries
    return {
        entry.key.text.removesuffix("@pbx-01"): {one.name: value_of(one.value) for one in entry.attributes}
        for entry in entries
    }


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def test_what_useradd_and_usermod_write_is_understood(host: Path) -> None:
    found = accounts(host)
    assert {name: (one["enabled"], one["locked"]) for name, one in found.items()} == {
        "zhang": (True, True),  # usermod -L: a key still opens it
        "li": (False, True),
        "wang": (False, True),
    }
    assert found["zhang"]["person"] == "E1007"
    assert found["li"]["privileged"] is True
    assert found["li"]["disabled"] == round(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000)
    changed = found["zhang"]["password_changed"]
    assert isinstance(changed, int)
    assert abs(changed / 1000 - datetime.now(UTC).timestamp()) < 2 * 86400


def test_what_utmpdump_writes_is_a_log_in(host: Path) -> None:
    when = NOW - timedelta(days=2)
    stamp = f"{when:%Y-%m-%dT%H:%M:%S},000000+00:00"
    record = f"[7] [00123] [ts/0] [zhang   ] [pts/0       ] [192.0.2.7           ] [192.0.2.7      ] [{stamp}]\n"
    (host / "wtmp").write_bytes(run("utmpdump", "-r", given=record))
    assert (host / "wtmp").stat().st_size == 384
    assert accounts(host, wtmp=str(host / "wtmp"))["zhang"]["last_login"] == round(when.timestamp() * 1000)
