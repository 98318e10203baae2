"""An auth log of a Linux host in its three forms, and what the tests of `linux_log` read from it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_plugin_access_control.linux_log import LinuxLog
from ccmm_proto.v1.statement_pb2 import Observation
from tests.support.stated import values_of

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def line(at: datetime, text: str, *, pid: int = 77, app: str = "sshd", form: str = "rfc3339") -> str:
    if form == "rfc3164":
        local = at.astimezone(BERLIN)
        return f"{local:%b} {local.day:2} {local:%H:%M:%S} vm {app}[{pid}]: {text}\n"
    if form == "rfc5424":
        return f"<38>1 {at:%Y-%m-%dT%H:%M:%S}.797106+00:00 vm {app} {pid} - -  {text}\n"
    return f"{at:%Y-%m-%dT%H:%M:%S}.797106+00:00 vm {app}[{pid}]: {text}\n"


class Log:
    """An auth log, and the one that was rotated."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "auth.log"

    def write(self, *lines: str, changed: datetime = NOW, name: str = "auth.log") -> None:
        path = self.path.with_name(name)
        path.write_text("".join(lines))
        os.utime(path, (changed.timestamp(), changed.timestamp()))

    def options(self, **changed: object) -> dict[str, object]:
        return {"host": "pbx-01", "log": str(self.path), "persons": {"zhang": "E1007"}, **changed}

    def source(self, **changed: object) -> LinuxLog:
        given_options = Options(self.options(**changed))
        built = LinuxLog.from_options(given_options)
        given_options.refuse_unknown()
        return built


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def told(observations: list[Observation], kind: str) -> list[dict[str, object]]:
    return [values_of(one.occurrence) for one in observations if one.occurrence.kind == kind]


def ssh_session(at: datetime, user: str = "zhang", pid: int = 77, form: str = "rfc3339") -> tuple[str, str]:
    return (
        line(at, f"Accepted publickey for {user} from 192.0.2.7 port 34458 ssh2: ED25519 SHA256:x", pid=pid, form=form),
        line(at + 90 * SECOND, f"pam_unix(sshd:session): session closed for user {user}", pid=pid, form=form),
    )
