"""One [[source]] of every type that reads files, its files in a folder of its own, one line or file of each sort."""

import os
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from demo.sources import DOORS
from tests.support import every_access, every_crm, every_facility, every_record, every_telephony
from tests.support.every_base import NAME, STAFF, Builder, Table, export
from tests.support.freeswitch import answered_call, xml_file


def _asterisk(stack: ExitStack, place: Path, now: datetime) -> Table:
    entered = int((now - timedelta(hours=3)).timestamp())
    told = [(0, "NONE", "ENTERQUEUE||0770000000|1"), (5, STAFF, "CONNECT|5|1|3"), (65, STAFF, "COMPLETECALLER|5|60|1")]
    lines = [f"{entered + after}|1763.1|support|{who}|{what}\n" for after, who, what in told]
    (place / "queue_log").write_text("".join(lines))
    return {"queue_log": place / "queue_log"}


def _recordings(stack: ExitStack, place: Path, now: datetime) -> Table:
    began = now - timedelta(hours=3)
    sound = (
        b"RIFF" + (8036).to_bytes(4, "little") + b"WAVEfmt " + bytes((16, 0, 0, 0, 1, 0, 1, 0, 64, 31, 0, 0, 128, 62))
    )
    sound += bytes((0, 0, 2, 0, 16, 0)) + b"data" + (8000).to_bytes(4, "little") + bytes(8000)
    path = place / "1763.1.wav"
    path.write_bytes(sound)
    os.utime(path, (began.timestamp(), began.timestamp()))
    return {"folder": place}


def _documents(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "plan.txt").write_text("The plan.\n")
    (place / "plan.txt.toml").write_text(f'class = "emergency_plan"\nowner = "{STAFF}"\n')
    return {"folder": place}


def _door_log(stack: ExitStack, place: Path, now: datetime) -> Table:
    at = f"{now - timedelta(hours=3):%Y-%m-%d %H:%M}"
    row = (at, "B7", STAFF, "东门", "座席区", "进", "正常开门", "个人卡")
    head = ("刷卡时间", "卡号", "工号", "门", "区域", "方向", "结果", "卡类")
    options = {name: value for name, value in DOORS.items() if name in ("controlled_doors", "columns", "words")}
    return {"events": export(place / "events.csv", now, head, row), "encoding": "utf-8", "zone": "UTC", **options}


def _table(stack: ExitStack, place: Path, now: datetime) -> Table:
    path = export(place / "staff.csv", now, ("staff", "joined"), (STAFF, "2024-03-01"))
    return {"path": path, "kind": "person", "key": "staff", "columns": {"joined": "joined"}}


def _figures(stack: ExitStack, place: Path, now: datetime) -> Table:
    at = f"{now - timedelta(days=2):%Y-%m-%d %H:%M}"
    path = export(place / "paid.csv", now, ("at", "queue", "n"), (at, "support", "7"))
    return {"path": path, "started": "at", "columns": {"queue": "queue"}, "measures": {"survey_answered": "n"}}


def _freeswitch_xml(stack: ExitStack, place: Path, now: datetime) -> Table:
    joined = (now - timedelta(hours=3)).replace(minute=0)
    path = place / "a_fs-1.cdr.xml"
    path.write_bytes(xml_file(answered_call("fs-1", joined, 12, 100, cc_agent=STAFF, caller=NAME)))
    os.utime(path, (joined.timestamp() + 112,) * 2)
    return {"xml_folder": place}


FILES: dict[str, tuple[str, Builder]] = {
    "asterisk": ("asterisk", _asterisk),
    "asterisk_cdr": ("asterisk_cdr", every_telephony.asterisk_cdr),
    "asterisk_recordings": ("asterisk_recordings", _recordings),
    "backup": ("backup", every_facility.backup),
    "call_table": ("call_table", every_telephony.call_table),
    "card_data": ("card_data", every_access.card_data),
    "carrier": ("carrier", every_telephony.carrier),
    "config_snapshot": ("config_snapshot", every_facility.config_snapshot),
    "documents": ("documents", _documents),
    "door_log": ("door_log", _door_log),
    "failover": ("failover", every_facility.failover),
    "figures": ("figures", _figures),
    "freeswitch_cdr": ("freeswitch_cdr", every_telephony.freeswitch_cdr),
    "linux_auth": ("linux_auth", every_access.linux_auth),
    "linux_log": ("linux_log", every_access.linux_log),
    "log_store": ("log_store", every_facility.log_store),
    "quality": ("quality", every_record.quality),
    "scap": ("scap", every_access.scap),
    "schedule": ("schedule", every_record.schedule),
    "sql": ("sql", every_record.sql),
    "survey": ("survey", every_crm.survey),
    "table": ("table", _table),
    "tickets_table": ("tickets_table", every_crm.tickets_table),
    "freeswitch_cdr in a folder": ("freeswitch_cdr", _freeswitch_xml),
}
IN_FOLDERS = frozenset(  # those that look for their files in a folder
    (
        *("asterisk", "asterisk_cdr", "asterisk_recordings", "card_data", "documents", "failover", "freeswitch_cdr"),
        *("freeswitch_cdr in a folder", "log_store", "scap"),
    )
)
