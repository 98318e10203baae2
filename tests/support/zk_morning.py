"""A morning at a terminal, and how the tests of `zkteco` read it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Done, Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.zkteco import ZKTeco
from tests.support.zk_terminals import Enrolled, Record, Terminal

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, 5, tzinfo=UTC)  # 14:00:05 in Shanghai


def local(hour: int, minute: int = 0, second: int = 0, day: int = 22) -> datetime:
    return datetime(2026, 11, day, hour, minute, second)  # noqa: DTZ001 - terminals know no zone


USERS = [
    Enrolled(1, "1001", "Wang Fang", "4711", card=9001),
    Enrolled(2, "1002", "Li Na", card=9002, rights=1),
    Enrolled(3, "V1", "Guest", group="9", rights=14),
]
MORNING = [
    Record("1001", local(8, 1, 7), 0, place=1),
    Record("V1", local(8, 1, 9), 4, place=3),
    Record("1001", local(12, 30), 1, place=1),
]


def terminal(records: Sequence[Record] = MORNING, **changed: object) -> Terminal:
    return Terminal(users=list(USERS), records=list(records), **changed)  # type: ignore[arg-type]


def source(port: int, **changed: object) -> ZKTeco:
    base: Mapping[str, object] = {"host": "127.0.0.1", "port": port, "door": "Front door", "look_timeout": "3s"}
    options = Options({**base, **changed})
    built = ZKTeco.from_options(options)
    options.refuse_unknown()
    return built


def read(
    one: ZKTeco, cursor: bytes = b"", now: datetime = NOW, zone: ZoneInfo = ZONE
) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=zone)


def read_at(box: Terminal, now: datetime, cursor: bytes = b"", **changed: object) -> tuple[list[Observation], Done]:
    box.clock = now.astimezone(ZONE).replace(tzinfo=None)
    with box.running() as port:
        return read(source(port, **changed), cursor, now)


def inventory_of(found: Sequence[Observation], kind: str) -> dict[str, dict[str, object]]:
    entries = next(one.inventory for one in found if one.inventory.kind == kind).entries
    told: dict[str, dict[str, object]] = {}
    for entry in entries:
        told[entry.key.text] = {}
        for attribute in entry.attributes:
            which = attribute.value.WhichOneof("value")
            value = getattr(attribute.value, which or "")
            told[entry.key.text][attribute.name] = value
    return told


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
