"""Call detail records: odd rows, several rows for one call, reading on."""

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.asterisk.cdr import calls_of, parse_row
from ccmm_plugin_telephony.asterisk.cdr_source import CallRecords
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import Roll
from tests.support.queue_logs import ZONE, at, column

UTC_ZONE = ZoneInfo("UTC")


def row(
    start: datetime,
    seconds: int,
    unique: str,
    linked: str,
    *,
    channel: str = "PJSIP/trunk-1",
    partner: str = "",
    app: str = "Queue",
    args: str = "support,tC,,,45",
    disposition: str = "ANSWERED",
    context: str = "inbound",
    name: str = '"Ann" <0770000000>',
    account: str | None = "acc",
) -> str:
    end = start + timedelta(seconds=seconds)
    times = [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in (start, start, end)]
    cells = ["0770000000", "support", context, name, channel, partner, app, args, *times, str(seconds), str(seconds)]
    tail = [disposition, "DOCUMENTATION", unique, "", "", linked, "7"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="")
    writer.writerow([*([account] if account is not None else []), *cells, *tail])
    return text.getvalue()


def through_local_channels(start: datetime, call: str) -> list[str]:
    """Four rows of one answered call, as they are written when a queue is reached through Local channels."""
    queue, agent = f"Local/support@inbound-{call}", f"Local/2001@agents-{call}"
    return [
        row(start, 9, f"{call}-a", call, channel=f"{agent};2", app="Hangup", args="16", context="agents"),
        row(start, 9, f"{call}-q", call, channel=f"{queue};2", partner=f"{agent};1"),
        row(start, 0, f"{call}-q", call, channel=f"{queue};2", app="NoOp", args="end"),
        row(start, 9, call, call, channel=f"{queue};1", app="NoOp", args="", context="customer"),
    ]


def read(path: Path, now: datetime, cursor: bytes = b"", **options: object) -> tuple[list[Roll], bytes]:
    source = CallRecords(cdr=path, **options)  # type: ignore[arg-type]
    observations, done = read_all(source, cursor=cursor, now=now, zone=ZONE)
    return [observation.roll for observation in observations], done.cursor


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in rows))
    return path


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", through_local_channels(at("09:00"), "c1"))
    window = Window(cursor=b"", now=at("12:00"), zone=ZONE)
    found = check_source(CallRecords(cdr=path), CallRecords(cdr=tmp_path / "absent.csv"), window=window)
    assert [observation.roll.kind for observation in found] == ["call"]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_only_malformed_escapes_from_a_row(noise: bytes) -> None:
    whole = row(at("09:00"), 5, "c", "c").encode()
    for text in (noise, whole[: len(noise)] + noise, noise + whole):
        try:
            parse_row(text, UTC_ZONE)
        except Malformed:
            continue


def test_both_column_orders_are_the_same_row() -> None:
    with_account = parse_row(row(at("09:00"), 5, "u", "l").encode(), UTC_ZONE)
    without = parse_row(row(at("09:00"), 5, "u", "l", account=None).encode(), UTC_ZONE)
    assert with_account == without
    assert (without.unique, without.linked, without.context, without.first_argument) == ("u", "l", "inbound", "support")


@pytest.mark.parametrize("name", ['"O"Brien, Bob"" <0770>', 'Ann "x" <1>', "", '""Ann"" <1>', "张三 <1>"])
def test_an_oddly_quoted_caller_does_not_lose_the_row(name: str) -> None:
    plain = row(at("09:00"), 5, "u", "l", name="NAME")
    odd = plain.replace('"NAME"', f'"{name}"')
    parsed = parse_row(odd.encode(), UTC_ZONE)
    assert (parsed.unique, parsed.linked, parsed.context, parsed.talk_s) == ("u", "l", "inbound", 5)


def test_times_are_read_in_the_zone_of_the_file() -> None:
    parsed = parse_row(row(at("09:00"), 5, "u", "l").encode(), ZoneInfo("Asia/Shanghai"))
    assert parsed.started_s == at("01:00").timestamp()


def test_a_time_of_no_call_center_is_malformed() -> None:
    with pytest.raises(Malformed, match="time"):
        parse_row(row(datetime(1970, 1, 1, tzinfo=UTC_ZONE), 5, "u", "l").encode(), UTC_ZONE)


def test_four_rows_through_local_channels_are_one_call_named_as_the_queue_log_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", through_local_channels(at("09:00"), "c1"))
    (roll,), _ = read(path, at("12:00"))
    assert list(roll.clear_key) == ["c1-q"]
    assert column(roll, "system") == ["cdr"]
    assert column(roll, "queue") == ["support"]
    assert column(roll, "answered") == [1]


def test_a_call_that_reached_no_agent_keeps_the_id_of_the_half_that_ran_the_dialplan() -> None:
    queue = "Local/support@inbound-1"
    rows = [
        row(at("09:00"), 1, "c1-q", "c1", channel=f"{queue};2", app="NoOp"),
        row(at("09:00"), 1, "c1", "c1", channel=f"{queue};1", app="NoOp", context="customer"),
    ]
    (call,) = calls_of(parse_row(text.encode(), UTC_ZONE) for text in rows)
    assert (call.id, call.answered, call.queue) == ("c1-q", False, None)


def test_a_call_refused_by_a_full_queue_is_here(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", [row(at("09:00"), 0, "c9", "c9", disposition="NO ANSWER")])
    (roll,), _ = read(path, at("12:00"))
    assert (list(roll.clear_key), column(roll, "queue"), column(roll, "answered")) == (["c9"], ["support"], [0])


def test_calls_out_are_told_by_their_context(tmp_path: Path) -> None:
    dialled = row(at("09:00"), 30, "c5", "c5", partner="PJSIP/trunk-2", app="Dial", context="from-internal")
    (roll,), _ = read(write(tmp_path / "Master.csv", [dialled]), at("12:00"), directions={"from-internal": "out"})
    assert (column(roll, "direction"), column(roll, "talk")) == (["out"], [30])


def test_a_row_that_comes_late_is_a_revision(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", [row(at("09:05"), 60, "c1", "c1")])
    (first,), cursor = read(path, at("10:45"))
    write(path, [row(at("09:05"), 60, "c1", "c1"), row(at("09:50"), 3600, "c2", "c2")])
    (again,), cursor = read(path, at("11:45"), cursor)
    assert (first.complete, list(first.clear_key)) == (True, ["c1"])
    assert (again.revision, again.revision_reason, list(again.clear_key)) == (1, "finished_late", ["c1", "c2"])
    assert read(path, at("12:45"), cursor)[0] == []


def test_small_batches_and_rotation_give_the_same_calls(tmp_path: Path) -> None:
    rows = [
        text for n in range(400) for text in through_local_channels(at("01:00") + timedelta(seconds=53 * n), f"c{n}")
    ]
    write(tmp_path / "Master.csv.1", rows[:801])
    path = write(tmp_path / "Master.csv", rows[801:])
    for size in (8_000_000, 30_000):
        found, _ = read(path, at("12:00"), batch_bytes=size)
        latest = {roll.hour_ms: list(roll.clear_key) for roll in sorted(found, key=lambda roll: roll.revision)}
        assert sum(len(keys) for keys in latest.values()) == 400


def test_a_file_of_something_else_is_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", ["name,score"] * 100)
    with pytest.raises(SourceUnavailable) as refused:
        read(path, at("12:00"))
    assert refused.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("wrong", [{"zone": "Mars/Olympus"}, {"directions": {"from-internal": "away"}}])
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        CallRecords.from_options(Options({"cdr": "/var/log/asterisk/cdr-csv/Master.csv", **wrong}))
