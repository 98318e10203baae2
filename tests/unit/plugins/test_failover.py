"""Planned switch-overs by hand: passed or not, stated once; and that no outage becomes a drill afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED
from tests.support.failover_nodes import PLAN, TEN, ZONE, Nodes, minutes, nodes, told
from tests.support.stated import ms

__all__ = ["nodes"]


def test_it_keeps_the_contract(nodes: Nodes, tmp_path: Path) -> None:
    broken = nodes.source(plan=str(tmp_path / "nothing.csv"))
    check_source(nodes.source(), broken, window=Window(cursor=b"", now=TEN + minutes(300), zone=ZONE))


def test_a_planned_switch_over_is_stated_once_from_the_loss_to_the_return(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-a", "FAULT")
    nodes.says(TEN + minutes(5.5), "acd-b", "MASTER")
    found, cursor, _, covers = nodes.read(cursor, TEN + minutes(30))
    assert (found, covers) == ([], (TEN - minutes(70), TEN))  # it is still away: nothing after its begin is vouched for
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    nodes.says(TEN + minutes(60), "acd-b", "BACKUP")
    found, cursor, detail, covers = nodes.read(cursor, TEN + minutes(75))
    (one,) = found
    assert told(one) == {
        "id": "drill-4",
        "started": ms(TEN + minutes(5)),
        "ended": ms(TEN + minutes(60)),
        "class": "failover",
        "ref": "acd",
        "passed": True,
        "seconds": 30.0,
        "minutes": 0.5,
        "rto_minutes": 5.0,
    }
    assert (detail, covers) == ("", (TEN, TEN + minutes(65)))
    assert nodes.read(cursor, TEN + minutes(90))[0] == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(5, "acd-a", "FAULT"), (12, "acd-b", "MASTER"), (60, "acd-a", "MASTER")], (False, 420.0)),  # too late
        ([(5, "acd-a", "FAULT"), (9, "acd-a", "MASTER")], (False, 240.0)),  # nobody took over
        ([(5, "acd-b", "MASTER"), (60, "acd-a", "MASTER")], (True, None)),  # it died without a word
        ([(5, "acd-b", "MASTER"), (5.1, "acd-a", "BACKUP"), (60, "acd-a", "MASTER")], (True, None)),
        (
            [(5, "acd-a", "BACKUP"), (5, "acd-b", "MASTER"), (20, "acd-b", "FAULT"), (21, "acd-a", "MASTER")],
            (True, 0.0),
        ),
    ],
)
def test_what_passed_and_how_long_it_took_by_hand(
    nodes: Nodes, lines: list[tuple[float, str, str]], expected: tuple[bool, float | None]
) -> None:
    cursor = nodes.planned()
    for after, node, state in lines:
        nodes.says(TEN + minutes(after), node, state)
    found, *_ = nodes.read(cursor, TEN + minutes(75))
    (one,) = map(told, found)
    assert (one["passed"], one.get("seconds")) == expected


def test_an_outage_does_not_become_a_drill_afterwards(nodes: Nodes) -> None:
    nodes.plan.write_text("ref,from,until\n")
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-a", "FAULT")
    nodes.says(TEN + minutes(6), "acd-b", "MASTER")
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    nodes.plan.write_text(PLAN)
    found, cursor, detail, _ = nodes.read(cursor, TEN + minutes(75))
    assert (found, detail) == ([], "drills planned after they began: 1")
    assert nodes.read(b"", TEN + minutes(180))[0] == []


def test_a_drill_may_be_moved_or_called_off_until_it_begins_and_not_afterwards(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.plan.write_text(PLAN.replace("10:00", "11:00"))
    _, cursor, *_ = nodes.read(cursor, TEN - minutes(30))
    nodes.says(TEN + minutes(5), "acd-b", "MASTER")  # before it: an outage
    nodes.says(TEN + minutes(20), "acd-a", "MASTER")
    nodes.says(TEN + minutes(70), "acd-a", "FAULT")  # in it, and nobody takes over
    nodes.says(TEN + minutes(90), "acd-a", "MASTER")
    _, cursor, *_ = nodes.read(cursor, TEN + minutes(65))
    nodes.plan.write_text("ref,from,until\n")
    found, cursor, *_ = nodes.read(cursor, TEN + minutes(150))
    (one,) = map(told, found)
    assert (one["started"], one["passed"]) == (ms(TEN + minutes(70)), False)


def test_a_drill_called_off_before_it_begins_leaves_nothing_open(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.plan.write_text("ref,from,until\n")
    _, cursor, *_ = nodes.read(cursor, TEN - minutes(30))
    found, cursor, detail, covers = nodes.read(cursor, TEN + minutes(200))
    assert (found, detail) == ([], "")
    assert covers == (TEN - minutes(40), TEN + minutes(190))


def test_a_drill_in_which_nothing_was_switched_is_counted_and_no_exercise(nodes: Nodes) -> None:
    cursor = nodes.planned()
    found, cursor, detail, covers = nodes.read(cursor, TEN + minutes(140))
    assert (found, detail) == ([], "drills without a switch-over: 1")
    assert covers == (TEN - minutes(70), TEN + minutes(130))
    assert nodes.read(cursor, TEN + minutes(155))[2] == ""


def test_a_service_that_stays_away_is_stated_after_a_day_without_an_end(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-b", "MASTER")
    assert nodes.read(cursor, TEN + timedelta(hours=20))[0] == []
    found, *_ = nodes.read(cursor, TEN + timedelta(hours=27))
    (one,) = map(told, found)
    assert (one["ended"], one["passed"]) == (None, True)


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(nodes: Nodes) -> None:
    losses = nodes.folder.parent / "losses.csv"
    losses.write_text("ref,lost_minutes\n")
    spec = SourceSpec(name="f", plugin="failover", options=nodes.options(losses=str(losses)))
    first = read_source(spec, cursor=b"", now=TEN - minutes(60), zone=ZONE)
    assert (first.outcome, first.detail) == (EMPTY, "")
    nodes.says(TEN + minutes(5), "acd-b", "MASTER")
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    second = read_source(spec, cursor=first.cursor or b"", now=TEN + minutes(75), zone=ZONE)
    assert (second.outcome, len(second.observations)) == (OBSERVED, 1), second.detail
    stated = b"".join(one.SerializeToString() for one in second.observations)
    assert b"acd-b" not in stated + (second.cursor or b"")
