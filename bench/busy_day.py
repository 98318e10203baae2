"""A busy center's day, read by one agent: 50,000 calls, 5,000 tickets, 20,000 badge events, 2,000 accounts."""

import csv
import os
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.collector import BIN
from demo.calls import ZONE, calls_of_day
from demo.characters import Character
from demo.directory import BASE, READER_DN, READER_PASSWORD
from demo.doors import EVENT_COLUMNS, HOLDER_COLUMNS
from demo.ldap_simulator import Directory, Entry
from demo.sources import KEPT, configuration, door_source
from demo.switch import write_queue_log, write_recordings

CALLS, TICKETS, BADGE_EVENTS, ACCOUNTS = 50_000, 5_000, 20_000, 2_000
CENTER = Character(
    id="busy",
    title="a large center",
    seed=7,
    months=0,
    agents=400,
    calls_a_day=CALLS,
    answered=0.95,
    mean_wait_s=12.0,
)
RECORDING_NAME = "(?P<started>[^-]+)-(?P<queue>[^-]+)-(?P<agent>[^-]+)-(?P<call>.+)"


def measure(place: Path) -> tuple[float, float, float]:
    """(processor seconds of agent and readers, peak MiB of the largest of them, MB that would leave)."""
    evening = (datetime.now(ZONE) - timedelta(days=1)).replace(hour=23, minute=59, second=59, microsecond=0)
    _build(place, evening)
    directory = Directory(_accounts(evening), {READER_DN: READER_PASSWORD})
    directory.start()
    try:
        return collected(place, _sources(place, directory.port))
    finally:
        directory.shutdown()
        directory.server_close()


def collected(place: Path, configuration: str) -> tuple[float, float, float]:
    """The same of what one agent reads that is configured so. Raises RuntimeError where it could not look."""
    (place / "agent").mkdir()
    (place / "agent" / "agent.toml").write_text(configuration, encoding="utf-8")
    with (place / "collected").open("wb") as out:
        command = [BIN / "ccmm-agent", "collect", place / "agent"]
        agent = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(agent.pid, 0)  # with the readers that it waited for
        agent.returncode = os.waitstatus_to_exitcode(status)
    told = (place / "collected").read_text()
    if agent.returncode != 0:
        raise RuntimeError(f"collect ended with {agent.returncode}: {told}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, _bytes(told) / 1e6


def _bytes(told: str) -> int:
    """The sum of the last column."""
    return sum(int(line.split()[-1]) for line in told.splitlines() if "OBSERVED" in line.split())


def _build(place: Path, evening: datetime) -> None:
    for name in ("switch", "doors", "tables"):
        (place / name).mkdir()
    calls = list(calls_of_day(CENTER, evening.date(), evening))
    write_queue_log(place / "switch", CENTER, calls, evening)
    write_recordings(place / "recordings", calls, evening)
    stamps = [evening - timedelta(seconds=3 * number) for number in range(BADGE_EVENTS)]
    _write(place / "doors/events.csv", EVENT_COLUMNS, [_passage(at, at.second * 33) for at in stamps])
    _write(place / "doors/holders.csv", HOLDER_COLUMNS, [_holder(number) for number in range(ACCOUNTS)])
    tickets = [(f"T{number}", _text(evening - timedelta(seconds=9 * number)), "request") for number in range(TICKETS)]
    _write(place / "tables/case.csv", ("id", "started", "class"), tickets)
    (place / "directory.password").touch(mode=0o600)
    (place / "directory.password").write_text(READER_PASSWORD)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _passage(at: datetime, person: int) -> Sequence[str]:
    way = "进" if at.minute % 2 else "出"
    return (at.strftime("%Y-%m-%d %H:%M"), f"B{person}", f"p{person}", "东门", "座席区", way, "正常开门", "个人卡")


def _holder(person: int) -> Sequence[str]:
    return (f"B{person}", f"p{person}", "个人卡", "启用", "", "座席区")


def _accounts(evening: datetime) -> dict[str, Entry]:
    stamp = evening.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
    entries: dict[str, Entry] = {BASE: {"objectClass": ["dcObject", "organization"], "o": [CENTER.id]}}
    for number in range(ACCOUNTS):
        person = f"p{number}"
        entries[f"uid={person},ou=people,{BASE}"] = {
            "objectClass": ["inetOrgPerson"],
            "uid": [person],
            "employeeNumber": [person],
            "createTimestamp": [stamp],
            "pwdChangedTime": [stamp],
        }
    return entries


def _sources(place: Path, ldap_port: int) -> str:
    return configuration(
        [
            {"name": "pbx", "plugin": "asterisk", "queue_log": place / "switch/queue_log"},
            {
                "name": "recordings",
                "plugin": "asterisk_recordings",
                "folder": place / "recordings",
                "name_pattern": RECORDING_NAME,
                "holding": KEPT,
            },
            {
                "name": "directory",
                "plugin": "ldap",
                "url": f"ldap://127.0.0.1:{ldap_port}",
                "bind_dn": READER_DN,
                "password_file": place / "directory.password",
                "base": BASE,
                "system": "ldap",
            },
            door_source(place / "doors", "utf-8"),
            {
                "name": "tickets",
                "plugin": "table",
                "path": place / "tables/case.csv",
                "kind": "case",
                "key": "id",
                "started": "started",
                "columns": {"class": "class"},
            },
        ]
    )
