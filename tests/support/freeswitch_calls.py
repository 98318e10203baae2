"""Call records of FreeSWITCH in both forms, and how the tests of `freeswitch_cdr` read them."""

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from ccmm_agent.plugin import Observation, Options
from ccmm_agent.testing import read_all
from ccmm_plugin_telephony.freeswitch.cdr_source import CallRecords
from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE
from tests.support.freeswitch import abandoned_call, answered_call, csv_line, xml_file
from tests.support.queue_logs import ZONE, at


def write(path: Path, calls: Iterable[Mapping[str, str]]) -> Path:
    path.write_text("".join(f"{csv_line(call)}\n" for call in calls))
    return path


def put(folder: Path, call: Mapping[str, str], applications: list[tuple[str, str, int]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"a_{call['uuid']}.cdr.xml"
    path.write_bytes(xml_file(call, applications))
    os.utime(path, (int(call["end_epoch"]),) * 2)
    return path


def csv_source(path: Path, **more: object) -> CallRecords:
    return CallRecords.from_options(Options({"cdr": str(path), "template": TEMPLATE, **more}))


def xml_source(folder: Path, **more: object) -> CallRecords:
    return CallRecords.from_options(Options({"xml_folder": str(folder), **more}))


def read(source: CallRecords, now: datetime, cursor: bytes = b"") -> tuple[list[Observation], bytes]:
    found, done = read_all(source, cursor=cursor, now=now, zone=ZONE)
    return found, done.cursor


CALLS = [
    answered_call("c1", at("09:01"), 12, 100),
    answered_call("c2", at("09:02"), 20, 5, sip_hangup_disposition="send_bye"),
    abandoned_call("c3", at("09:03"), 7),
    abandoned_call("c4", at("09:14"), 60, cc_cancel_reason="TIMEOUT"),
    answered_call("c5", at("09:16"), 3, 40, cc_queue="sales", cc_agent="1002@default"),
]
