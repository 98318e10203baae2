"""Sources of the facilities package, each with a system of its own: real servers where Debian has them."""

import json
import os
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.testing_http import http_simulator
from tests.support.answering_sip import answer, datagrams
from tests.support.every_base import HOST, Builder, Table, export, secret_file
from tests.support.fake_monitoring import TOKEN as MONITORING
from tests.support.fake_monitoring import FakeMonitoring
from tests.support.fake_zabbix import TOKEN as ZABBIX
from tests.support.fake_zabbix import FakeZabbix
from tests.support.snmpd import AUTH, PRIVACY, USER, running_snmpd
from tests.support.time_server import clock_that_is, datagram_server
from tests.support.upsd import running_upsd

_ENTERPRISE = "1.3.6.1.4.1.32473"


def clock(stack: ExitStack, place: Path, now: datetime) -> Table:
    reference = stack.enter_context(datagram_server(clock_that_is(0.0)))
    system = stack.enter_context(datagram_server(clock_that_is(0.02)))
    return {
        "references": [{"host": HOST, "port": reference}],
        "systems": [{"source": "acd", "ask": "ntp", "host": HOST, "port": system}],
    }


def reachability(stack: ExitStack, place: Path, now: datetime) -> Table:
    trunk = stack.enter_context(datagrams(lambda request: [answer(request)]))
    target = {"service": "voice", "ask": "sip", "host": HOST, "port": trunk}
    return {"observer": "independent", "targets": [target], "longest_gap": "10m"}


def snmp(stack: ExitStack, place: Path, now: datetime) -> Table:
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


def ups(stack: ExitStack, place: Path, now: datetime) -> Table:
    mains = {"ups_status": "OL", "battery_runtime": "1920", "battery_charge": "100", "ups_load": "23"}
    server = stack.enter_context(running_upsd(place, {"floor": mains}))
    return {"host": HOST, "port": server.port, "units": {"floor": "u9"}}


def backup(stack: ExitStack, place: Path, now: datetime) -> Table:
    due = now - timedelta(hours=12)
    snapshot = {
        "time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
        "paths": ["/srv/crm"],
        "hostname": "crm",
        "tags": ["crm"],
        "id": "1eda94",
    }
    (place / "list.json").write_text(json.dumps([snapshot]))
    os.utime(place / "list.json", (now.timestamp(), now.timestamp()))
    (place / "journal.jsonl").write_text("")
    copies = [{"copy": "crm-every", "due": f"{due:%H:%M}", "within": "1h", "tags": ["crm"]}]
    return {
        "tool": "restic",
        "snapshots": place / "list.json",
        "journal": place / "journal.jsonl",
        "zone": "UTC",
        "copies": copies,
        "look_back": "1d",
        "verify_within": "1h",
    }


def config_snapshot(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "dials.conf").write_text("most_failures = 5\n")
    files = [{"file": str(place / "dials.conf"), "system": "acd"}]
    return {"key_file": secret_file(place, "k" * 40), "files": files}


def failover(stack: ExitStack, place: Path, now: datetime) -> Table:
    """Planned before it begins, for the first look is earlier; a minute without a node, three on the other one."""
    said = ((11, "acd-a", "FAULT"), (10, "acd-b", "MASTER"), (7, "acd-a", "MASTER"))
    line = "{:%Y-%m-%dT%H:%M:%SZ} {} Keepalived_vrrp[1]: (VI_1) Entering {} STATE\n"
    lines = [line.format(now - timedelta(minutes=ago), node, state) for ago, node, state in said]
    (place / "keepalived.log").write_text("".join(lines))
    begin, end = (f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%M:%SZ}" for ago in (12, 6))
    plan = export(place / "drills.csv", now, ("ref", "from", "until"), ("drill-9", begin, end))
    log = {"folder": place, "pattern": "keepalived.log", "keepalived": "VI_1", "settle": "1s"}
    return {"service": "acd", "plan": plan, "home": "acd-a", **log}


def log_store(stack: ExitStack, place: Path, now: datetime) -> Table:
    lines = [f"{now - timedelta(hours=ago):%Y-%m-%dT%H:%M:%SZ} host app: line\n" for ago in reversed(range(48))]
    (place / "messages").write_text("".join(lines))
    store = {"name": "messages", "source": "acd", "kind": "files", "folder": str(place), "pattern": "messages*"}
    return {"stores": [store]}


def monitoring_prometheus(stack: ExitStack, place: Path, now: datetime) -> Table:
    system = FakeMonitoring(up_since=now - timedelta(days=1))
    system.fire("QueueTooLong", now - timedelta(minutes=5))
    system.rule("QueueTooLong")
    url = stack.enter_context(http_simulator(system.answer)).url
    words = [{"name": "QueueTooLong", "signal": "queue"}]
    return {"alertmanager": url, "prometheus": url, "token_file": secret_file(place, MONITORING), "alert": words}


def monitoring_zabbix(stack: ExitStack, place: Path, now: datetime) -> Table:
    system, began = FakeZabbix(), int(now.timestamp()) - 3600
    system.trigger(1, "Recorder is down", lastchange=began + 600)
    problem = system.problem(1, began)
    system.update(problem, began + 120, 2)
    system.resolve(problem, began + 600)
    url = stack.enter_context(http_simulator(system.answer)).url
    return {"url": f"{url}/zabbix", "token_file": secret_file(place, ZABBIX), "groups": ["Contact center"]}


BUILDERS: dict[str, Builder] = {
    "backup": backup,
    "clock": clock,
    "config_snapshot": config_snapshot,
    "failover": failover,
    "log_store": log_store,
    "monitoring_prometheus": monitoring_prometheus,
    "monitoring_zabbix": monitoring_zabbix,
    "reachability": reachability,
    "snmp": snmp,
    "ups": ups,
}
