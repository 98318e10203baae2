"""Sources of the access control package, each with a system of its own."""

import os
import ssl
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from tests.support.every_base import HOST, NAME, PHONE, STAFF, Builder, Table, secret_file
from tests.support.hik_morning import CARD, morning
from tests.support.scans import PROFILE, scan_result
from tests.support.tls_servers import tls_server
from tests.support.zk_morning import ZONE, terminal
from tests.support.zk_terminals import Enrolled, Record, Terminal


def card_data(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "notes").mkdir()
    (place / "notes" / "call-1.txt").write_text(f"{NAME}, {PHONE}, asks for an invoice\n")
    return {"place": "notes", "folder": place / "notes"}


def tls(stack: ExitStack, place: Path, now: datetime) -> Table:
    port = stack.enter_context(tls_server(ssl.TLSVersion.TLSv1_2, ciphers="ECDHE+AESGCM"))
    return {"endpoints": {"crm": f"{HOST}:{port}"}}


def known_terminal(now: datetime, key: int = 0) -> Terminal:
    """Its clock is right, and the person of `every_base` passed three hours ago."""
    box, local = terminal(key=key), now.astimezone(ZONE).replace(tzinfo=None)
    box.users.append(Enrolled(4, "nachtigall-7", NAME, card=9007))
    box.records.append(Record("nachtigall-7", local - timedelta(hours=3)))
    box.clock = local
    return box


def zkteco(stack: ExitStack, place: Path, now: datetime) -> Table:
    box = known_terminal(now)
    port = stack.enter_context(box.running())
    return {"host": HOST, "port": port, "door": "east-gate", "clock_limit": "1h", "settle": "1h"}


def hikvision(stack: ExitStack, place: Path, now: datetime) -> Table:
    device = morning()
    device.add(5, 1, now - timedelta(hours=3), **CARD, employeeNoString=STAFF, name=NAME)
    device.clock = now.astimezone(ZONE).isoformat(timespec="seconds")
    url = stack.enter_context(device.running()).url
    password = secret_file(place, "canary-of-this-device")
    doors = {"1": "Front door", "2": "Server room"}
    table: Table = {"url": url, "username": "ccmm", "password_file": password, "device": "Lobby", "doors": doors}
    return {**table, "clock_limit": "1h", "settle": "1h", "history": "1d"}


def linux_auth(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "passwd").write_text(f"nachtigall:x:1001:1001:{NAME},{STAFF}:/home/nachtigall:/bin/bash\n")
    (place / "group").write_text("sudo:x:27:nachtigall\n")
    return {"host": "pbx-01", "passwd": place / "passwd", "group": place / "group", "gecos_part": 2}


def linux_log(stack: ExitStack, place: Path, now: datetime) -> Table:
    stamps = [f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%M:%S}.797106+00:00 vm" for ago in (190, 5)]
    refused = f"{stamps[0]} sshd[77]: Failed password for nachtigall from 192.0.2.9 port 4711 ssh2\n"
    (place / "auth.log").write_text(refused + f"{stamps[1]} CRON[78]: pam_unix(cron:session): session closed\n")
    return {"host": "pbx-01", "log": place / "auth.log", "persons": {"nachtigall": STAFF}}


def scap(stack: ExitStack, place: Path, now: datetime) -> Table:
    ended = now - timedelta(days=1)
    (place / "scan.xml").write_text(scan_result(ended, access="pass"))
    os.utime(place / "scan.xml", (ended.timestamp(), ended.timestamp()))
    return {"results": place / "*.xml", "profiles": [PROFILE]}


BUILDERS: dict[str, Builder] = {
    "card_data": card_data,
    "hikvision": hikvision,
    "linux_auth": linux_auth,
    "linux_log": linux_log,
    "scap": scap,
    "tls": tls,
    "zkteco": zkteco,
}
