"""A morning at a Hikvision device, and how the tests of `hikvision` read it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Done, Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.hikvision import Hikvision
from tests.support.doors import utc
from tests.support.hikvision_devices import HikDevice

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, 5, tzinfo=UTC)  # 14:00:05 in Shanghai
CARD, BADGE = {"cardNo": "3300000001", "userType": "normal"}, "3300000001"


def source(url: str, folder: Path, **changed: object) -> Hikvision:
    file = folder / "password"
    file.write_text("canary-of-this-device\n")
    file.chmod(0o600)
    base: Mapping[str, object] = {"url": url, "username": "ccmm", "password_file": str(file), "device": "Lobby"}
    options = Options({**base, "history": "1d", "doors": {"1": "Front door", "2": "Server room"}, **changed})
    built = Hikvision.from_options(options)
    options.refuse_unknown()
    return built


def read(one: Hikvision, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def read_at(
    device: HikDevice, folder: Path, now: datetime = NOW, cursor: bytes = b"", **changed: object
) -> tuple[list[Observation], Done]:
    device.clock = now.astimezone(ZONE).isoformat(timespec="seconds")
    with device.running() as server:
        return read(source(server.url, folder, **changed), cursor, now)


def alerts(found: list[Observation]) -> list[tuple[str, str, int, int]]:
    """(id, word, started, ended)."""
    told = [one.occurrence for one in found if one.occurrence.kind == "alert"]
    words = [{each.name: each.value.text for each in one.attributes} for one in told]
    return [
        (one.id.text, word.get("signal", word.get("class", "")), one.started_ms, one.ended_ms)
        for one, word in zip(told, words, strict=True)
    ]


def morning() -> HikDevice:
    device = HikDevice()
    device.add(5, 1, utc(0, 1), **CARD, employeeNoString="1001", name="Wang Fang")
    device.add(5, 21, utc(0, 1))
    device.add(5, 9, utc(0, 5), cardNo="999")
    device.add(5, 75, utc(3, 30), employeeNoString="1002", doorNo=2, cardReaderNo=2, name="Li Na")
    return device
