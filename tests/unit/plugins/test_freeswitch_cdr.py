"""Call records of FreeSWITCH: figures counted by hand, and what is no call of a queue."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Options, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_plugin_telephony.freeswitch.cdr_source import CallRecords
from ccmm_plugin_telephony.freeswitch.csv_record import TEMPLATE
from ccmm_plugin_telephony.freeswitch.record import NEEDED
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.freeswitch import answered_call, epoch
from tests.support.freeswitch_calls import CALLS, csv_source, put, read, write, xml_source
from tests.support.queue_logs import ZONE, at, column, count_at, measures, rolls, total


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_the_source_keeps_the_contract(tmp_path: Path, kind: str) -> None:
    if kind == "csv":
        healthy = csv_source(write(tmp_path / "Master.csv", CALLS))
        broken = csv_source(tmp_path / "absent.csv")
    else:
        for call in CALLS:
            put(tmp_path / "xml_cdr", call)
        healthy, broken = xml_source(tmp_path / "xml_cdr"), xml_source(tmp_path / "absent")
    assert len(check_source(healthy, broken, window=Window(cursor=b"", now=at("12:00"), zone=ZONE))) > 10


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_figures_of_a_quarter_hour_as_counted_by_hand(tmp_path: Path, kind: str) -> None:
    if kind == "csv":
        source = csv_source(write(tmp_path / "Master.csv", CALLS))
    else:
        for call in CALLS:
            put(tmp_path / "xml_cdr", call)
        source = xml_source(tmp_path / "xml_cdr")
    found, _ = read(source, at("12:00"))
    counted, n = measures(found), partial(count_at, found, queue="support")
    assert (n("calls_offered"), n("calls_answered"), n("calls_abandoned"), n("calls_left")) == (4, 2, 1, 1)
    assert (n("short_calls"), n("agent_releases"), n("calls_transferred")) == (1, 1, 0)
    assert n("calls_offered", queue="sales", start="09:15") == 1
    waits = counted["wait_answered", "support", at("09:00")].histogram
    assert (waits.total, list(waits.buckets)[:6]) == (32.0, [0, 0, 0, 1, 1, 0])  # 12 s within 15, 20 s within 20
    talk = counted["talk_time", "support", at("09:00")].sum
    assert (talk.total, talk.count) == (105.0, 2)
    assert not {id for id, _, _ in counted} & {"ring_no_answer", "hold_time", "after_call_time"}
    (roll,) = rolls(found, "call").values()
    assert list(roll.clear_key) == ["c1", "c2", "c3", "c4", "c5"]
    assert column(roll, "released_by") == ["caller", "agent", "caller", "system", "caller"]
    assert column(roll, "answered") == [1, 1, 0, 0, 1]


def test_an_agents_side_is_no_call(tmp_path: Path) -> None:
    agent = answered_call("leg", at("09:01"), 12, 100, cc_side="agent")
    leg = {**answered_call("leg2", at("09:01"), 12, 100), "cc_queue": "", "originating_leg_uuid": "c1"}
    found, _ = read(csv_source(write(tmp_path / "Master.csv", [CALLS[0], agent, leg])), at("12:00"))
    assert total(found, "calls_offered", "support") == 1
    assert list(rolls(found, "call")[at("09:00")].clear_key) == ["c1"]


def test_a_call_that_no_queue_took_is_a_call_and_no_figure(tmp_path: Path) -> None:
    out = {"uuid": "o1", "start_epoch": epoch(at("09:00")), "bridge_epoch": epoch(at("09:00:10"))}
    out |= {"end_epoch": epoch(at("09:01:10")), "context": "default"}
    path = write(tmp_path / "Master.csv", [out, {**out, "uuid": "o2", "bridge_epoch": "0", "context": "other"}])
    found, _ = read(csv_source(path, directions={"default": "out"}), at("12:00"))
    roll = rolls(found, "call")[at("09:00")]
    assert (column(roll, "direction"), column(roll, "answered"), column(roll, "talk")) == (
        ["out", None],
        [1, 0],
        [60, None],
    )
    assert column(roll, "system") == ["cdr", "cdr"]
    assert measures(found) == {}


def test_agents_are_named_by_their_staff_id(tmp_path: Path) -> None:
    table = tmp_path / "agents.csv"
    table.write_text("agent,staff\n1001@default,E7\n")
    found, _ = read(csv_source(write(tmp_path / "Master.csv", CALLS[:1]), agents=str(table)), at("12:00"))
    assert column(rolls(found, "call")[at("09:00")], "agent") == ["E7"]


def test_a_clock_change_of_the_center_moves_no_call(tmp_path: Path) -> None:
    """Epochs have no zone: the hour that Berlin has twice is two quarter hours like others."""
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    path = write(tmp_path / "Master.csv", [answered_call("a", first, 1, 9), answered_call("b", second, 1, 9)])
    found, _ = read(csv_source(path), datetime(2026, 10, 25, 4, tzinfo=UTC))
    assert sorted(start for id, _, start in measures(found) if id == "calls_offered") == [first, second]


def test_without_the_columns_of_an_ending_nothing_is_told_of_it(tmp_path: Path) -> None:
    template = ",".join(f'"${{{name}}}"' for name in NEEDED)
    path = tmp_path / "Master.csv"
    path.write_text(",".join(f'"{CALLS[1].get(name, "")}"' for name in NEEDED) + "\n")
    source = CallRecords.from_options(Options({"cdr": str(path), "template": template}))
    assert not {"agent_releases", "calls_transferred"} & {*source.feeds}
    found, _ = read(source, at("12:00"))
    assert not {id for id, _, _ in measures(found)} & {"agent_releases", "calls_transferred"}
    told = {line.subject for line in source.check(Window(cursor=b"", now=at("12:00"), zone=ZONE))}
    assert "template" in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"cdr": "/x/Master.csv"},
        {"cdr": "/x/Master.csv", "template": '"${uuid}"'},
        {"cdr": "/x/Master.csv", "template": f'{TEMPLATE},"${{uuid}}"'},
        {"cdr": "/x/Master.csv", "template": TEMPLATE, "xml_folder": "/x"},
        {"xml_folder": "/x", "template": TEMPLATE},
        {"xml_folder": "/x", "directions": {"public": "away"}},
        {},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        CallRecords.from_options(Options(wrong))


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "Master.csv", CALLS)
    put(tmp_path / "x", CALLS[0])
    csv: dict[str, object] = {"cdr": str(path), "template": TEMPLATE}
    options: dict[str, object] = csv if kind == "csv" else {"xml_folder": str(tmp_path / "x")}
    spec = SourceSpec(name="calls", plugin="freeswitch_cdr", options=options)
    reading = read_source(spec, cursor=b"", now=at("12:00"), zone=ZONE)
    assert (reading.outcome, reading.detail) == (OBSERVED, "")
