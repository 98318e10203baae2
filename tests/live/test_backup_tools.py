"""Real restic and borg repositories, made here: read behind the fence, and every failure that must be loud."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent import landlock
from ccmm_agent.plugin import Options, Window
from ccmm_agent.reading import Limits, Reading, SourceSpec, check_source_process, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_facilities.backup import Backup
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE, Observation, Value

ZONE = ZoneInfo("Asia/Shanghai")
PASSWORD = "canary-7Xq2-of-the-repository"
needs_restic = pytest.mark.skipif(not shutil.which("restic"), reason="restic is not installed")
needs_borg = pytest.mark.skipif(not shutil.which("borg"), reason="borg is not installed")
needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock: no program is started")
pytestmark = [pytest.mark.live]


def run(*command: str, environment: Mapping[str, str], code: int = 0) -> str:
    done = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    return done.stdout


class Repository:
    """A restic repository with copies of a small folder at the instants that are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.password = folder, folder / "restic", folder / "password"
        self.password.write_text(PASSWORD + "\n")
        self.password.chmod(0o600)
        (folder / "src").mkdir()
        (folder / "src" / "customers").write_text("E1007 13800138000\n" * 1000)
        self.restic("init")

    def restic(self, *arguments: str) -> str:
        common = ("--repo", str(self.path), "--password-file", str(self.password), "--no-cache")
        return run("restic", *common, *arguments, environment={"HOME": str(self.folder), "TZ": "UTC"})

    def back_up(self, at: datetime) -> None:
        self.restic(
            "backup", "--host", "crm-01", "--tag", "crm", "--time", f"{at:%Y-%m-%d %H:%M:%S}", str(self.folder / "src")
        )

    def options(self, **changed: object) -> dict[str, object]:
        return {
            "tool": "restic",
            "repository": str(self.path),
            "password_file": str(self.password),
            "run_check": "structure",
            "zone": "UTC",
            "copies": [{"copy": "crm", "due": "01:30", "host": "crm-01", "path": str(self.folder / "src")}],
            "look_back": "2d",
            **changed,
        }

    def read(self, now: datetime, cursor: bytes = b"", **changed: object) -> Reading:
        return read_source(spec(self.options(**changed)), cursor=cursor, now=now, zone=ZONE, limits=Limits(seconds=60))


def spec(options: Mapping[str, object]) -> SourceSpec:
    return SourceSpec(name="backups", plugin="backup", options=options)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def yesterday() -> datetime:
    """01:35 of the day before yesterday's end, so that everything here lies in the past."""
    return datetime.now(UTC).replace(hour=1, minute=35, second=0, microsecond=0) - timedelta(days=1)


def values(observations: list[Observation], kind: str) -> list[dict[str, object]]:
    found = []
    for one in observations:
        told = [one.occurrence.attributes] if one.occurrence.kind == kind else []
        told += [entry.attributes for entry in one.inventory.entries if one.inventory.kind == kind]
        found += [{a.name: value_of(a.value) for a in attributes} for attributes in told]
    return found


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def everything(reading: Reading) -> bytes:
    return b"".join(one.SerializeToString() for one in reading.observations) + (reading.cursor or b"")


@needs_restic
@needs_landlock
def test_a_repository_is_read_by_restic_behind_the_fence(repository: Repository) -> None:
    at = yesterday()
    repository.back_up(at)
    before = sorted(path for path in repository.folder.rglob("*"))
    now = at + timedelta(hours=20)
    reading = repository.read(now)
    assert (reading.outcome, reading.reason) == (OBSERVED, ""), reading.detail
    (holding,) = values(reading.observations, "holding")
    assert (holding["copy"], holding["files"], holding["encrypted"]) == ("crm", 1, True)
    assert holding["newest"] == round(at.timestamp() * 1000)
    assert [(job["verified"], job["due"]) for job in values(reading.observations, "job")] == [
        (False, round((at - timedelta(days=1, minutes=5)).timestamp() * 1000)),
        (True, round((at - timedelta(minutes=5)).timestamp() * 1000)),
    ]
    assert sorted(path for path in repository.folder.rglob("*")) == before  # no lock, no cache, nothing
    assert PASSWORD.encode() not in everything(reading)
    assert str(repository.folder).encode() not in everything(reading)


@needs_restic
def test_the_source_keeps_the_contract_with_a_real_repository(repository: Repository, tmp_path: Path) -> None:
    at = yesterday()
    repository.back_up(at)
    window = Window(cursor=b"", now=at + timedelta(hours=20), zone=ZONE)
    broken = repository.options(repository=str(tmp_path / "none"))
    check_source(
        healthy=Backup.from_options(Options(repository.options())),
        broken=Backup.from_options(Options(broken)),
        window=window,
    )


@needs_restic
@needs_landlock
def test_a_damaged_repository_verifies_nothing(repository: Repository) -> None:
    at = yesterday()
    repository.back_up(at)
    for pack in (repository.path / "data").rglob("*"):
        if pack.is_file():
            pack.chmod(0o600)
            content = bytearray(pack.read_bytes())
            content[10] ^= 0xFF
            pack.write_bytes(content)
    reading = repository.read(at + timedelta(hours=20), run_check="data")
    assert reading.outcome == OBSERVED, reading.detail
    assert [job["verified"] for job in values(reading.observations, "job")] == [False, False]


@needs_restic
@needs_landlock
def test_what_restic_refuses_is_said_with_its_mend(repository: Repository, tmp_path: Path) -> None:
    now = yesterday() + timedelta(hours=20)
    other = tmp_path / "other"
    other.write_text("canary-of-another-one")
    reading = repository.read(now, password_file=str(other))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
    assert reading.detail == f"restic refuses the password in {other}: is it of another repository?"
    (tmp_path / "empty").mkdir()
    reading = repository.read(now, repository=str(tmp_path / "empty"))
    assert (reading.reason, reading.detail) == (
        Reason.NOT_FOUND,
        f"there is no restic repository in {tmp_path / 'empty'}",
    )
    assert repository.read(now, program=str(tmp_path / "none")).reason == Reason.NOT_FOUND
    assert repository.read(now, password_file=str(tmp_path / "none")).reason == Reason.NOT_FOUND
    shutil.rmtree(repository.path / "keys")
    assert repository.read(now).reason in (Reason.REFUSED, Reason.UNREADABLE)


@needs_restic
@needs_landlock
def test_a_repository_that_may_not_be_read_wholly_is_refused(repository: Repository, tmp_path: Path) -> None:
    """Its snapshots lie behind a link that the manifest does not follow: to restic, a missing right."""
    (repository.path / "snapshots").rename(tmp_path / "elsewhere")
    (repository.path / "snapshots").symlink_to(tmp_path / "elsewhere")
    reading = repository.read(yesterday() + timedelta(hours=20))
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED), reading.detail
    assert reading.detail.endswith("give it the right to read, and none to write")


@needs_restic
@needs_landlock
def test_a_snapshot_that_restic_leaves_out_is_no_shorter_list(repository: Repository) -> None:
    """restic says so on stderr and ends with 0."""
    repository.back_up(yesterday())
    (snapshot,) = (repository.path / "snapshots").iterdir()
    (repository.path / "snapshots" / ("0" * 64)).write_bytes(snapshot.read_bytes()[:-1])
    reading = repository.read(yesterday() + timedelta(hours=20))
    assert reading.outcome == UNAVAILABLE
    assert reading.reason in (Reason.LIMITED, Reason.UNREADABLE), reading.detail


@needs_restic
@needs_landlock
def test_check_shows_version_rights_and_copies(repository: Repository) -> None:
    repository.back_up(yesterday())
    lines = check_source_process(spec(repository.options()), now=datetime.now(UTC), zone=ZONE)
    told = {line.subject: (line.verdict, line.detail) for line in lines}
    assert told["program"][1].startswith("/usr/bin/restic is restic 0.")
    assert told[str(repository.path)][0] in ("ok", "warning")
    assert told["crm"][1].startswith("1 copies, the newest ")
    assert told["isolation"][1].endswith("; may run: /usr/bin/restic")
    assert not any(PASSWORD in line.detail for line in lines)


@needs_restic
def test_the_list_of_a_timer_says_the_same_as_the_program(repository: Repository, tmp_path: Path) -> None:
    at = yesterday()
    repository.back_up(at)
    now = at + timedelta(hours=20)
    listed, journal = tmp_path / "list.json", tmp_path / "journal.jsonl"
    listed.write_text(repository.restic("snapshots", "--json"))
    os.utime(listed, (now.timestamp(), now.timestamp()))
    repository.restic("check")
    started = at + timedelta(hours=1)
    journal.write_text(
        json.dumps({"action": "check", "started": started.isoformat(), "ended": started.isoformat(), "code": 0}) + "\n"
    )
    files = {"repository": None, "password_file": None, "run_check": None}
    table = repository.options(snapshots=str(listed), journal=str(journal), **files)
    table = {key: value for key, value in table.items() if value is not None}
    reading = read_source(spec(table), cursor=b"", now=now, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert [job["verified"] for job in values(reading.observations, "job")] == [False, True]
    (holding,) = values(reading.observations, "holding")
    assert holding["newest"] == round(at.timestamp() * 1000)


@needs_borg
@pytest.mark.parametrize(("mode", "encrypted"), [("repokey", True), ("authenticated", False)])
def test_archives_of_borg_are_read_from_its_list(tmp_path: Path, mode: str, encrypted: bool) -> None:
    environment = {"BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": str(tmp_path), "TZ": "Asia/Shanghai"}
    repository, source = tmp_path / "borg", tmp_path / "src"
    source.mkdir()
    (source / "customers").write_text("E1007\n" * 100)
    run("borg", "init", "-e", mode, str(repository), environment=environment)
    at = yesterday().replace(hour=17)  # 01:35 of the next day in Shanghai
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}"
    run("borg", "create", "--timestamp", stamp, f"{repository}::crm-1", str(source), environment=environment)
    listed, journal = tmp_path / "list.json", tmp_path / "journal.jsonl"
    listed.write_text(run("borg", "info", "--json", "-a", "*", str(repository), environment=environment))
    now = at + timedelta(hours=6)
    os.utime(listed, (now.timestamp(), now.timestamp()))
    started = (at + timedelta(hours=1)).isoformat()
    journal.write_text(json.dumps({"action": "check", "started": started, "ended": started, "code": 0}) + "\n")
    options = {
        "tool": "borg",
        "snapshots": str(listed),
        "journal": str(journal),
        "look_back": "2d",
        "copies": [{"copy": "crm", "due": "01:30", "prefix": "crm-"}],
    }
    reading = read_source(spec(options), cursor=b"", now=now, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert [job["verified"] for job in values(reading.observations, "job")] == [False, True]
    (holding,) = values(reading.observations, "holding")
    assert (holding["files"], holding["encrypted"], holding["size_bytes"]) == (1, encrypted, 600)
