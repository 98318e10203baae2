"""One [[source]] of every type that can hold a secret, holding one, with a system that asks for it.

`every_secret(stack, folder, now)` starts the systems. Types whose table of `every_source` already holds a secret are
taken from there; tables of files are put into a database that asks for a password.
"""

import csv
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from ccmm_agent.testing_http import http_simulator
from ccmm_plugin_facilities.ntp_message import format_request, parse_key
from demo.ami_simulator import Account, AmiSimulator, Member, Queue
from demo.directory import BASE, READER_DN
from demo.ldap_simulator import Directory
from tests.support import elastic
from tests.support.databases import PASSWORD, READER, Server, running
from tests.support.every_access import known_terminal
from tests.support.every_base import HOST, MAIL, NAME, STAFF, Builder, Table, secret_file
from tests.support.every_crm import survey, tickets_table
from tests.support.every_record import quality, schedule
from tests.support.every_source import BUILDERS
from tests.support.every_telephony import call_table, carrier
from tests.support.restic import repository
from tests.support.time_server import Answering, clock_that_is, datagram_server
from tests.support.upsd import READER_PASSWORD, running_upsd

AMI_SECRET, LDAP_PASSWORD, CLOCK_KEY = "ami-secret-of-this-test", "ldap-password-of-this-test", "clock-key-of-this-test"
COMM_KEY = 731_904_826
TABLES: Mapping[str, Builder] = {
    "call_table": call_table,
    "carrier": carrier,
    "quality": quality,
    "schedule": schedule,
    "survey": survey,
    "tickets_table": tickets_table,
}


def every_secret(stack: ExitStack, folder: Path, now: datetime) -> dict[str, Table]:
    """By source type, as [[source]] tables without a name."""
    database = stack.enter_context(running("postgresql"))
    found: dict[str, Table] = {}
    for word, build in {**BUILDERS, **TABLES, **_OWN}.items():
        place = folder / word
        place.mkdir(parents=True)
        table = build(stack, place, now)
        table = _in_database(database, word, place, table) if word in TABLES or word in ROWS else table
        if secrets_of(table):
            found[word] = table
    return found


def secrets_of(table: Mapping[str, object]) -> list[Path]:
    """The files with a secret that a table names, at any depth."""
    return [Path(str(path)) for key, path in _pairs(table) if key.endswith("_file") and key != "ca_file"]


def _pairs(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key), inner
            yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)


def _in_database(server: Server, name: str, place: Path, table: Mapping[str, object]) -> Table:
    """Each file of rows as a table of texts; who reads it needs a password."""
    found: Table = {}
    for key, value in table.items():
        found[key] = _in_database(server, f"{name}_{key}", place, value) if isinstance(value, dict) else value
    if "path" not in found:
        return found
    with Path(str(found.pop("path"))).open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    if found.pop("until", None) is not None:  # a history of many days: a database says from which on it is read
        found["since"] = "2026-01-01"
    columns = ", ".join(f'"{column}" {_type(cell)}' for column, cell in zip(head, rows[0], strict=True))
    told = [", ".join("'" + cell.replace("'", "''") + "'" for cell in row) for row in rows]
    made = [f'INSERT INTO "{name}" VALUES ({row})' for row in told]
    server.run(f'CREATE TABLE "{name}" ({columns})', *made, f'GRANT SELECT ON "{name}" TO {READER}')
    password = secret_file(place, PASSWORD, "database.password")
    return {**found, "url": server.url, "user": READER, "password_file": password, "table": name}


def _type(cell: str) -> str:
    return "TIMESTAMP" if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", cell) else "TEXT"


def _asterisk_ami(stack: ExitStack, place: Path, now: datetime) -> Table:
    queues = [Queue("support", members=(Member(NAME, f"PJSIP/{STAFF}"),))]
    switch = stack.enter_context(AmiSimulator(accounts={"ccmm": Account(AMI_SECRET)}, queues=queues))
    return {"port": switch.port, "username": "ccmm", "secret_file": secret_file(place, AMI_SECRET)}


def _ldap(stack: ExitStack, place: Path, now: datetime) -> Table:
    stamp = f"{now - timedelta(days=30):%Y%m%d%H%M%SZ}"
    person = {"uid": [STAFF], "cn": [NAME], "mail": [MAIL], "employeeNumber": [STAFF], "createTimestamp": [stamp]}
    entries = {
        BASE: {"objectClass": ["dcObject", "organization"], "o": ["center"]},
        f"uid={STAFF},ou=people,{BASE}": {"objectClass": ["inetOrgPerson"], **person, "pwdChangedTime": [stamp]},
    }
    directory = Directory(entries, {READER_DN: LDAP_PASSWORD})
    directory.start()
    stack.callback(directory.server_close)
    stack.callback(directory.shutdown)
    bound = {"bind_dn": READER_DN, "password_file": secret_file(place, LDAP_PASSWORD)}
    return {"url": f"ldap://{HOST}:{directory.port}", **bound, "base": BASE, "system": "ldap"}


def _backup(stack: ExitStack, place: Path, now: datetime) -> Table:
    due = now - timedelta(hours=12)
    kept = {"repository": str(repository(place, due)), "password_file": str(place / "password")}
    copies = [{"copy": "crm", "due": f"{due:%H:%M}", "within": "1h", "tags": ["crm"]}]
    (place / "journal.jsonl").write_text("")
    told = {"journal": place / "journal.jsonl", "verify_within": "1h", "look_back": "1d"}
    return {"tool": "restic", **kept, "zone": "UTC", "copies": copies, **told}


def _clock(stack: ExitStack, place: Path, now: datetime) -> Table:
    reference = stack.enter_context(datagram_server(_proven(clock_that_is(0.0))))
    keyed = {"key_id": 7, "key_type": "sha256", "key_file": secret_file(place, CLOCK_KEY)}
    return {
        "references": [{"host": HOST, "port": reference, **keyed}],
        "systems": [{"source": "collector_host", "ask": "own"}],
    }


def _proven(answer: Answering) -> Answering:
    """A time server that serves only who proves the key, and proves it."""
    key = parse_key(7, "sha256", CLOCK_KEY)

    def prove(asked: bytes) -> bytes | None:
        if asked != format_request(asked[40:48], key) or (told := answer(asked[:48])) is None:
            return None
        return told + struct.pack(">I", 7) + sha256(CLOCK_KEY.encode() + told).digest()[:20]

    return prove


def _log_store(stack: ExitStack, place: Path, now: datetime) -> Table:
    store = elastic.Elastic({"logs-1": [now - timedelta(hours=ago) for ago in range(48)]})
    url = stack.enter_context(http_simulator(store.answer)).url
    asked = {"kind": "elasticsearch", "url": url, "index": "logs-*", "api_key_file": secret_file(place, elastic.KEY)}
    return {"stores": [{"name": "central", "source": "acd", **asked}]}


def _ups(stack: ExitStack, place: Path, now: datetime) -> Table:
    server = stack.enter_context(running_upsd(place, {"floor": {"ups_status": "OL", "battery_charge": "100"}}))
    who = {"username": "ccmm", "password_file": secret_file(place, READER_PASSWORD)}
    return {"host": HOST, "port": server.port, **who, "units": {"floor": "u9"}}


def _zkteco(stack: ExitStack, place: Path, now: datetime) -> Table:
    box = known_terminal(now, key=COMM_KEY)
    port = stack.enter_context(box.running())
    key = {"comm_key_file": secret_file(place, str(COMM_KEY))}
    return {"host": HOST, "port": port, **key, "door": "east-gate", "clock_limit": "1h", "settle": "1h"}


def _card_data(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "notes.csv").write_text(f"call,note\nc-1,{NAME} asks for an invoice\n")
    return {"place": "notes", "path": place / "notes.csv", "positions": {"note": "note"}}


def _sql(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "staff.csv").write_text(f"staff,joined\n{STAFF},2024-03-01\n")
    return {"path": place / "staff.csv", "kind": "person", "key": "staff", "columns": {"joined": "joined"}}


ROWS = frozenset(("card_data", "sql"))
_OWN: Mapping[str, Builder] = {
    "asterisk_ami": _asterisk_ami,
    "backup": _backup,
    "card_data": _card_data,
    "clock": _clock,
    "ldap": _ldap,
    "log_store": _log_store,
    "sql": _sql,
    "ups": _ups,
    "zkteco": _zkteco,
}
