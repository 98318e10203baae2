"""Sources of the telephony package, each with a system of its own."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE
from tests.support.connect import ACCOUNT, INSTANCE, KEY, REGION, Connect, contact
from tests.support.connect import SECRET as CONNECT_SECRET
from tests.support.connect import user as connect_user
from tests.support.every_base import HOST, NAME, PHONE, STAFF, Builder, Table, export, secret_file
from tests.support.freeswitch import FreeSwitch, answered_call, csv_line
from tests.support.genesys import CLIENT, SECRET, Genesys
from tests.support.genesys_detail import conversation, user


def asterisk_cdr(stack: ExitStack, place: Path, now: datetime) -> Table:
    times = [now - timedelta(hours=3, seconds=-after) for after in (0, 5, 65)]
    cells = ["acc", PHONE, "support", "inbound", f"{NAME} <{PHONE}>", "PJSIP/trunk-1", "", "Queue", "support"]
    cells += [f"{at:%Y-%m-%d %H:%M:%S}" for at in times]
    cells += ["65", "60", "ANSWERED", "DOCUMENTATION", "1763.1", "", "", "1763.1", "7"]
    (place / "Master.csv").write_text(",".join(f'"{cell}"' for cell in cells) + "\n")
    return {"cdr": place / "Master.csv", "zone": "UTC"}


def freeswitch(stack: ExitStack, place: Path, now: datetime) -> Table:
    since = int((now - timedelta(hours=2)).timestamp())
    switch = FreeSwitch(agents={STAFF: ("Available", since)}, tiers=[("fs", STAFF)], queues=["fs"])
    port = stack.enter_context(switch.running()).port
    return {"host": HOST, "port": port, "secret_file": secret_file(place, switch.password), "connect_timeout": "5s"}


def freeswitch_cdr(stack: ExitStack, place: Path, now: datetime) -> Table:
    call = answered_call("fs-1", now - timedelta(hours=3), 12, 100, cc_agent=STAFF, caller_id_number=PHONE)
    (place / "Master.csv").write_text(f"{csv_line(call)}\n")
    return {"cdr": place / "Master.csv", "template": TEMPLATE}


def call_table(stack: ExitStack, place: Path, now: datetime) -> Table:
    entered = now - timedelta(hours=3)
    row = (f"{entered:%Y-%m-%d %H:%M:%S}", "ct-1", "fax", "answered", 9, 60, STAFF, PHONE)
    path = export(place / "calls.csv", now, ("at", "id", "skill", "result", "wait", "talk", "staff", "phone"), row)
    who = {"agent": "staff", "number": "phone"}
    columns = {"call": "id", "queue": "skill", "outcome": "result", "wait": "wait", "talk": "talk", **who}
    words = {"outcome": {"answered": "answered"}}
    return {"path": path, "started": "at", "zone": "UTC", "until": "now", "columns": columns, "values": words}


def carrier(stack: ExitStack, place: Path, now: datetime) -> Table:
    began = now - timedelta(days=1, hours=3)
    answered, ended = began + timedelta(seconds=5), began + timedelta(minutes=3)
    stamps = [f"{at:%Y-%m-%d %H:%M:%S}" for at in (began, answered, ended)]
    row = (stamps[0], "s1", "95555", "TG-1", "16", *stamps[1:], PHONE)
    path = export(place / "cdr.csv", now, ("at", "id", "called", "trunk", "cause", "up", "end", "from"), row)
    columns = {
        "call": "id",
        "line": "called",
        "trunk": "trunk",
        "cause": "cause",
        "answered_at": "up",
        "ended_at": "end",
        "party": "from",
    }
    channels = {"TG-1": 30}
    return {
        "path": path,
        "started": "at",
        "zone": "UTC",
        "until": "now",
        "lines": ["95555"],
        "columns": columns,
        "channels": channels,
    }


def genesys_cloud(stack: ExitStack, place: Path, now: datetime) -> Table:
    return {**_genesys(stack, place, now), "history": "4h"}


def genesys_cloud_users(stack: ExitStack, place: Path, now: datetime) -> Table:
    return {**_genesys(stack, place, now), "history": "1d"}


def _genesys(stack: ExitStack, place: Path, now: datetime) -> Table:
    call = conversation("gc-1", now - timedelta(hours=3), wait_s=12, talk_s=100, hold_s=20, after_s=30)
    cloud = Genesys(conversations=[call], users=[user("u-1", NAME, employerInfo={"employeeId": STAFF})])
    url = stack.enter_context(cloud.running()).url
    places = {"api_url": url, "login_url": url, "region": "mypurecloud.de"}
    return {**places, "client_id": CLIENT, "secret_file": secret_file(place, SECRET)}


def amazon_connect(stack: ExitStack, place: Path, now: datetime) -> Table:
    return {**_connect(stack, place, now), "history": "4h"}


def amazon_connect_users(stack: ExitStack, place: Path, now: datetime) -> Table:
    return {**_connect(stack, place, now), "history": "1d", "person_tag": "employee_id"}


def _connect(stack: ExitStack, place: Path, now: datetime) -> Table:
    one = contact("ac-1", now - timedelta(hours=3), wait_s=12, talk_s=100)
    cloud = Connect(contacts=[one], users=[connect_user("u-1", "nachtigall", "p-2", tag=STAFF)])
    who = {"region": REGION, "account_id": ACCOUNT, "instance_id": INSTANCE, "access_key_id": KEY}
    url = stack.enter_context(cloud.running()).url
    return {**who, "secret_file": secret_file(place, CONNECT_SECRET), "endpoint_url": url, "searches_per_minute": 600}


BUILDERS: dict[str, Builder] = {
    "amazon_connect": amazon_connect,
    "amazon_connect_users": amazon_connect_users,
    "asterisk_cdr": asterisk_cdr,
    "call_table": call_table,
    "carrier": carrier,
    "freeswitch": freeswitch,
    "freeswitch_cdr": freeswitch_cdr,
    "genesys_cloud": genesys_cloud,
    "genesys_cloud_users": genesys_cloud_users,
}
