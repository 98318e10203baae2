"""What the lines of a log say of planned switch-overs, by hand; and that no outage becomes a drill afterwards."""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities.failover import Failover
from ccmm_plugin_facilities.failover_drill import Event, absences
from ccmm_plugin_facilities.failover_state import parse_drill_state
from ccmm_plugin_facilities.watch import Span
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED

ZONE = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # ten o'clock at the center
PLAN = "ref,from,until\ndrill-4,2026-11-20 10:00,2026-11-20 12:00\n"


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


Look = tuple[list[Observation], bytes, str, Span | None]


class Nodes:
    """Two nodes of keepalived that log to one file, and a plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "log"
        self.folder.mkdir()
        self.plan = folder / "drills.csv"
        self.plan.write_text(PLAN)
        self.log = self.folder / "keepalived.log"
        self.lines: list[tuple[datetime, str]] = []
        self.says(TEN - timedelta(days=9), "acd-a", "MASTER")

    def says(self, when: datetime, node: str, state: str, instance: str = "VI_1") -> None:
        self.lines.append((when, f"{node} Keepalived_vrrp[812]: ({instance}) Entering {state} STATE"))
        self.write()

    def write(self) -> None:
        text = "".join(f"{when.isoformat()} {what}\n" for when, what in self.lines)
        self.log.write_text(text)
        written = max(when for when, _ in self.lines).timestamp()
        os.utime(self.log, (written, written))

    def options(self, **changed: object) -> dict[str, object]:
        given: dict[str, object] = {"service": "acd", "plan": str(self.plan), "home": "acd-a", "rto": "5m"}
        return {**given, "folder": str(self.folder), "pattern": "keepalived.log*", "keepalived": "VI_1", **changed}

    def source(self, **changed: object) -> Failover:
        options = Options({name: value for name, value in self.options(**changed).items() if value is not None})
        built = Failover.from_options(options)
        options.refuse_unknown()
        return built

    def read(
        self, cursor: bytes, now: datetime, **changed: object
    ) -> tuple[list[Observation], bytes, str, Span | None]:
        found, done = read_all(self.source(**changed), cursor=cursor, now=now, zone=ZONE)
        return found, done.cursor, done.detail, done.covers

    def planned(self) -> bytes:
        """The cursor of a look an hour before the drill."""
        return self.read(b"", TEN - minutes(60))[1]


@pytest.fixture
def nodes(tmp_path: Path) -> Nodes:
    return Nodes(tmp_path)


def told(one: Observation) -> dict[str, object]:
    found = one.occurrence
    held: dict[str, object] = {a.name: getattr(a.value, a.value.WhichOneof("value") or "") for a in found.attributes}
    ended = found.ended_ms if found.HasField("ended_ms") else None
    return {"id": found.id.text, "started": found.started_ms, "ended": ended, **held}


def ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason


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


def switched(nodes: Nodes) -> bytes:
    """The cursor before a drill of half a minute that is over."""
    cursor = nodes.planned()
    nodes.says(TEN + minutes(5), "acd-a", "FAULT")
    nodes.says(TEN + minutes(5.5), "acd-b", "MASTER")
    nodes.says(TEN + minutes(60), "acd-a", "MASTER")
    return cursor


def test_what_was_lost_is_told_by_people_and_stated_when_they_tell_it(nodes: Nodes, tmp_path: Path) -> None:
    cursor, losses = switched(nodes), tmp_path / "losses.csv"
    losses.write_text("ref,lost_minutes\ndrill-4,\n")
    given = {"rpo": "1m", "losses": str(losses)}
    (first,), cursor, _, _ = nodes.read(cursor, TEN + minutes(75), **given)
    assert (told(first)["rpo_minutes"], "lost_minutes" in told(first)) == (1.0, False)
    assert nodes.read(cursor, TEN + minutes(90), **given)[0] == []
    losses.write_text("ref,lost_minutes\ndrill-4,0.5\nanother,9\n")
    (again,), cursor, _, covers = nodes.read(cursor, TEN + minutes(105), **given)
    assert told(again) == told(first) | {"lost_minutes": 0.5}
    assert covers == (TEN + minutes(65), TEN + minutes(95))
    assert nodes.read(cursor, TEN + minutes(120), **given)[0] == []
    losses.write_text("ref,lost_minutes\ndrill-4,2\n")  # found out better
    (mended,), cursor, _, _ = nodes.read(cursor, TEN + minutes(135), **given)
    assert told(mended)["lost_minutes"] == 2.0
    late, cursor, _, _ = nodes.read(cursor, TEN + timedelta(days=32), **given)
    assert late == []  # and now it stands
    losses.write_text("ref,lost_minutes\n")
    assert nodes.read(cursor, TEN + timedelta(days=33), **given)[0] == []


def test_what_is_known_at_once_is_stated_at_once(nodes: Nodes, tmp_path: Path) -> None:
    cursor, losses = switched(nodes), tmp_path / "losses.csv"
    losses.write_text("ref,lost_minutes\ndrill-4,0\n")
    (one,), _, _, _ = nodes.read(cursor, TEN + minutes(75), losses=str(losses))
    assert told(one)["lost_minutes"] == 0.0


def test_a_cursor_of_before_losses_were_told_is_gone_on_with(nodes: Nodes) -> None:
    cursor = switched(nodes)
    *held, aways = json.loads(cursor)
    assert aways == {}
    assert len(nodes.read(json.dumps(held).encode(), TEN + minutes(75))[0]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ref,lost_minutes\ndrill-4,-1\n", "minutes, 0 or more"),
        ("ref,lost_minutes\ndrill-4,nan\n", "minutes, 0 or more"),
        ("ref,lost_minutes\ndrill-4,some\n", "minutes, 0 or more"),
        ("ref,lost_minutes\n,3\n", "a ref, each once"),
        ("ref,lost_minutes\ndrill-4,3\ndrill-4,0\n", "a ref, each once"),
        ("ref\ndrill-4\n", "lost_minutes"),
    ],
)
def test_losses_that_cannot_be_read_are_loud(nodes: Nodes, tmp_path: Path, text: str, words: str) -> None:
    losses = tmp_path / "losses.csv"
    losses.write_text(text)
    with refusal(Reason.UNREADABLE, words):
        nodes.read(b"", TEN, losses=str(losses))
    losses.unlink()
    with refusal(Reason.NOT_FOUND, "is not there"):
        nodes.read(b"", TEN, losses=str(losses))


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
