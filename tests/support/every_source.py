"""One [[source]] of every installed type that the demo's center does not have, each with a system of its own to read.

`every_source(stack, folder, now)` starts the systems; `stack` ends them. Real servers where Debian has them (upsd,
snmpd), the simulators of the plugins' own tests elsewhere.
"""

import sqlite3
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE
from tests.support.answering_sip import answer, datagrams
from tests.support.freeswitch import FreeSwitch, answered_call, csv_line
from tests.support.snmpd import AUTH, PRIVACY, USER, running_snmpd
from tests.support.time_server import clock_that_is, datagram_server
from tests.support.tls_servers import tls_server
from tests.support.upsd import running_upsd
from tests.support.zk_morning import ZONE, terminal

Table = dict[str, object]
Builder = Callable[[ExitStack, Path, datetime], Table]
HOST = "127.0.0.1"
_ENTERPRISE = "1.3.6.1.4.1.32473"


def every_source(stack: ExitStack, folder: Path, now: datetime) -> Sequence[Table]:
    """As [[source]] tables of agent.toml, one a type."""
    tables = []
    for word, build in BUILDERS.items():
        place = folder / word
        place.mkdir(parents=True)
        tables.append({"name": f"every-{word}", "plugin": word, **build(stack, place, now)})
    return tables


def _secret(place: Path, text: str) -> str:
    path = place / "secret"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def _asterisk_cdr(stack: ExitStack, place: Path, now: datetime) -> Table:
    times = [now - timedelta(hours=3, seconds=-after) for after in (0, 5, 65)]
    cells = ["acc", "0770000000", "support", "inbound", "caller", "PJSIP/trunk-1", "", "Queue", "support"]
    cells += [f"{at:%Y-%m-%d %H:%M:%S}" for at in times]
    cells += ["65", "60", "ANSWERED", "DOCUMENTATION", "1763.1", "", "", "1763.1", "7"]
    (place / "Master.csv").write_text(",".join(f'"{cell}"' for cell in cells) + "\n")
    return {"cdr": place / "Master.csv", "zone": "UTC"}


def _card_data(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "notes").mkdir()
    (place / "notes" / "call-1.txt").write_text("the customer asks for an invoice\n")
    return {"place": "notes", "folder": place / "notes"}


def _clock(stack: ExitStack, place: Path, now: datetime) -> Table:
    reference = stack.enter_context(datagram_server(clock_that_is(0.0)))
    system = stack.enter_context(datagram_server(clock_that_is(0.02)))
    return {
        "references": [{"host": HOST, "port": reference}],
        "systems": [{"source": "acd", "ask": "ntp", "host": HOST, "port": system}],
    }


def _freeswitch(stack: ExitStack, place: Path, now: datetime) -> Table:
    since = int((now - timedelta(hours=2)).timestamp())
    switch = FreeSwitch(agents={"1001@default": ("Available", since)}, tiers=[("fs", "1001@default")], queues=["fs"])
    port = stack.enter_context(switch.running()).port
    return {"host": HOST, "port": port, "secret_file": _secret(place, switch.password), "connect_timeout": "5s"}


def _freeswitch_cdr(stack: ExitStack, place: Path, now: datetime) -> Table:
    call = answered_call("fs-1", now - timedelta(hours=3), 12, 100)
    (place / "Master.csv").write_text(f"{csv_line(call)}\n")
    return {"cdr": place / "Master.csv", "template": TEMPLATE}


def _reachability(stack: ExitStack, place: Path, now: datetime) -> Table:
    trunk = stack.enter_context(datagrams(lambda request: [answer(request)]))
    target = {"service": "voice", "ask": "sip", "host": HOST, "port": trunk}
    return {"observer": "independent", "targets": [target], "longest_gap": "10m"}


def _snmp(stack: ExitStack, place: Path, now: datetime) -> Table:
    server = stack.enter_context(running_snmpd(place, _ENTERPRISE))
    server.tell({f"{_ENTERPRISE}.1.0": ("gauge", 45)})
    auth, privacy = place / "auth", place / "privacy"
    for path, text in ((auth, AUTH), (privacy, PRIVACY)):
        path.write_text(text)
        path.chmod(0o600)
    return {
        "host": HOST,
        "port": server.port,
        "version": "3",
        "user": USER,
        "auth_password_file": auth,
        "privacy_password_file": privacy,
        "readings": [{"oid": f"{_ENTERPRISE}.1.0", "quantity": "rack_humidity", "sensor": "r9"}],
    }


def _sql(stack: ExitStack, place: Path, now: datetime) -> Table:
    with sqlite3.connect(place / "articles.db") as connection:
        connection.executescript("CREATE TABLE article (id, live); INSERT INTO article VALUES ('a1', 'yes');")
    connection.close()
    url = f"sqlite:///{place / 'articles.db'}"
    return {"url": url, "table": "article", "kind": "article", "key": "id", "columns": {"live": "live"}}


def _tls(stack: ExitStack, place: Path, now: datetime) -> Table:
    port = stack.enter_context(tls_server(ssl.TLSVersion.TLSv1_2))
    return {"endpoints": {"crm": f"{HOST}:{port}"}}


def _ups(stack: ExitStack, place: Path, now: datetime) -> Table:
    mains = {"ups_status": "OL", "battery_runtime": "1920", "battery_charge": "100", "ups_load": "23"}
    server = stack.enter_context(running_upsd(place, {"floor": mains}))
    return {"host": HOST, "port": server.port, "units": {"floor": "u9"}}


def _zkteco(stack: ExitStack, place: Path, now: datetime) -> Table:
    box = terminal()
    box.clock = now.astimezone(ZONE).replace(tzinfo=None)
    port = stack.enter_context(box.running())
    return {"host": HOST, "port": port, "door": "east-gate", "clock_limit": "1h", "settle": "1h"}


BUILDERS: Mapping[str, Builder] = {
    "asterisk_cdr": _asterisk_cdr,
    "card_data": _card_data,
    "clock": _clock,
    "freeswitch": _freeswitch,
    "freeswitch_cdr": _freeswitch_cdr,
    "reachability": _reachability,
    "snmp": _snmp,
    "sql": _sql,
    "tls": _tls,
    "ups": _ups,
    "zkteco": _zkteco,
}
