"""Logs and plans of `failover`: which lines count, and what cannot be read or meant."""

import gzip
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Reason, Window
from ccmm_plugin_facilities.failover_drill import Event, absences
from ccmm_plugin_facilities.failover_state import parse_drill_state
from tests.support.failover_nodes import TEN, ZONE, Nodes, minutes, nodes, told
from tests.support.refusals import refusal
from tests.support.stated import ms

__all__ = ["nodes"]


def test_lines_of_another_instance_and_of_rotated_files_are_told_apart(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-b", "MASTER", instance="VI_2")
    nodes.says(TEN + minutes(10), "acd-b", "MASTER")
    packed = nodes.folder / "keepalived.log.1.gz"
    packed.write_bytes(gzip.compress(nodes.log.read_bytes()))
    os.utime(packed, ((TEN + minutes(11)).timestamp(),) * 2)
    nodes.lines = []
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    found, *_ = nodes.read(cursor, TEN + minutes(75))
    (one,) = map(told, found)
    assert (one["started"], one["ended"]) == (ms(TEN + minutes(10)), ms(TEN + minutes(60)))


def test_other_lines_go_by_patterns_of_their_own(nodes: Nodes) -> None:
    """A probe's record of who answered, every minute; a minute without an answer is the loss."""
    patterns: dict[str, object] = {"keepalived": None, "active": r" answered by (?P<node>\S+)", "passive": " no answer"}
    _, cursor, *_ = nodes.read(b"", TEN - minutes(60), **patterns)
    answers = {0: "acd-a", 5: None, 6: None, 7: "acd-b", 40: "acd-b", 41: "acd-a"}
    for at, node in answers.items():
        nodes.lines.append((TEN + minutes(at), "probe: " + (f"answered by {node}" if node else "no answer")))
    nodes.write()
    found, *_ = nodes.read(cursor, TEN + minutes(75), **patterns)
    (one,) = map(told, found)
    assert (one["started"], one["ended"], one["minutes"]) == (ms(TEN + minutes(5)), ms(TEN + minutes(41)), 2.0)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("ref,from\n", "until"),
        ("ref,from,until\nx,2026-11-20 10:00,2026-11-20 09:00\n", "an end after its beginning"),
        ("ref,from,until\nx,soon,later\n", "no time"),
        ("ref,from,until\nx,2026-11-20,2026-11-21\nx,2026-12-20,2026-12-21\n", "each ref once"),
    ],
)
def test_a_plan_that_cannot_be_read_is_loud(nodes: Nodes, plan: str, words: str) -> None:
    nodes.plan.write_text(plan)
    with refusal(Reason.UNREADABLE, words):
        nodes.read(b"", TEN)


def test_a_log_that_is_gone_or_has_no_times_is_loud(nodes: Nodes) -> None:
    cursor = nodes.planned()
    nodes.log.write_text("acd-b acd-b Keepalived_vrrp[1]: (VI_1) Entering MASTER STATE\n")
    with refusal(Reason.UNREADABLE, "has no time"):
        nodes.read(cursor, TEN + minutes(75))
    nodes.log.unlink()
    with refusal(Reason.NOT_FOUND, "no file keepalived.log"):
        nodes.read(cursor, TEN + minutes(75))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"active": "a"}, "either an instance"),
        ({"keepalived": None}, "active"),
        ({"keepalived": None, "active": "a", "passive": "b"}, "names the node"),
        ({"keepalived": None, "active": "(", "passive": "b"}, "regular expressions"),
        ({"times": "julian"}, "one of rfc3339"),
        ({"pattern": "a/b"}, "names of files"),
    ],
)
def test_what_cannot_be_is_refused_by_name(nodes: Nodes, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        nodes.source(**changed)


def test_check_says_what_is_planned_and_whether_the_lines_name_the_home(nodes: Nodes) -> None:
    window = Window(cursor=b"", now=TEN - minutes(60), zone=ZONE)
    assert [(line.subject, line.verdict) for line in nodes.source().check(window)] == [("plan", "ok"), ("log", "ok")]
    lines = list(nodes.source(home="pbx-1").check(window))
    assert (lines[-1].subject, lines[-1].verdict) == ("home", "warning")


events = st.lists(
    st.builds(Event, second=st.integers(0, 500), node=st.sampled_from(["a", "b", "c", None]), serves=st.just(False))
    | st.builds(Event, second=st.integers(0, 500), node=st.sampled_from(["a", "b", "c"]), serves=st.just(True)),
    max_size=30,
)


@given(events)
def test_absences_follow_each_other_and_only_the_last_may_be_open(found: list[Event]) -> None:
    times = absences(found, "a")
    for before, after in pairwise(times):
        assert before.back_s is not None
        assert before.back_s <= after.began_s
    for away in times:
        assert away.gap_s is None or away.gap_s >= 0
        assert away.back_s is None or away.back_s >= away.began_s


@given(st.binary(max_size=100) | st.lists(st.integers(), max_size=4).map(lambda held: str(held).encode()))
def test_whatever_a_cursor_holds_it_is_a_state(cursor: bytes) -> None:
    state = parse_drill_state(cursor)
    assert parse_drill_state(state.to_cursor()) == state
