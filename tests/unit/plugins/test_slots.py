"""Whatever changes between runs: the newest revision of each slot is what the rows say then."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Observation, SourceUnavailable
from ccmm_proto.period import HOUR_MS, from_ms, to_ms
from ccmm_tables.progress import MAX_CURSOR, Progress, parse_progress
from ccmm_tables.rolls import state_rolls
from ccmm_tables.slots import Reach, Slots, group_in, name_of, state_slots
from tests.support.tables import NOW, ZONE

TOLD = frozenset(("survey_asked", "survey_answered"))
START_MS = to_ms(NOW) // HOUR_MS * HOUR_MS
minutes = st.lists(st.integers(0, 6 * 60 - 1), max_size=12)
histories = st.lists(st.tuples(minutes, minutes, st.integers(0, 2)), min_size=1, max_size=6)


def slots_of(asked: list[int], answered: list[int]) -> Slots:
    slots = Slots(ZONE)
    for measure, times in (("survey_asked", asked), ("survey_answered", answered)):
        for at in times:
            slots.add(measure, from_ms(START_MS) + timedelta(minutes=at), 1.0, queue="a" if at % 2 else None)
    return slots


def newest(told: list[Observation]) -> dict[tuple[str, int, str], int]:
    """(measure, start, queue) -> the count of its highest revision; a revision is stated once."""
    found: dict[tuple[str, int, str], tuple[int, int]] = {}
    for one in told:
        queue = " ".join(dimension.text for dimension in one.measure.dimensions)
        key = one.measure.id, one.measure.start_ms, queue
        assert key not in found or one.measure.revision > found[key][0]
        found[key] = one.measure.revision, one.measure.count
    return {key: n for key, (_, n) in found.items() if n}


@given(histories)
def test_after_each_run_the_newest_revisions_are_what_the_rows_say(
    runs: list[tuple[list[int], list[int], int]],
) -> None:
    told: list[Observation] = []
    stated: dict[str, tuple[int, str]] = {}
    done_ms = START_MS
    for asked, answered, hours in runs:
        reach = Reach(low_ms=START_MS, stated_ms=done_ms, end_ms=done_ms + hours * HOUR_MS)
        slots, done_ms = slots_of(asked, answered), reach.end_ms
        found, stated = state_slots(slots, stated, reach, TOLD)
        told += found
        again, same = state_slots(slots_of(asked, answered), stated, reach, TOLD)
        assert (again, same) == ([], stated)
        expected = {
            (measure, start_ms, " ".join(word for _, word in dimensions)): amount.n
            for (start_ms, period_s, dimensions), amounts in slots.groups.items()
            for measure, amount in amounts.items()
            if start_ms + period_s * 1000 <= done_ms
        }
        assert newest(told) == expected


@given(histories)
def test_rolls_hold_in_the_end_what_the_rows_say(runs: list[tuple[list[int], list[int], int]]) -> None:
    newest_of: dict[int, tuple[int, list[str]]] = {}
    stated: dict[str, tuple[int, str]] = {}
    done_ms = START_MS
    for times, _, hours in runs:
        reach = Reach(low_ms=START_MS, stated_ms=done_ms, end_ms=done_ms + hours * HOUR_MS)
        done_ms = reach.end_ms
        rows = [
            (f"c{at}", from_ms(START_MS) + timedelta(minutes=at), {"mark": "invited", "call": f"c{at}"})
            for at in sorted(set(times))
        ]
        found, stated = state_rolls("mark", rows, stated, reach)
        for one in found:
            assert one.roll.revision > newest_of.get(one.roll.hour_ms, (-1, []))[0]
            newest_of[one.roll.hour_ms] = one.roll.revision, list(one.roll.clear_key)
        assert state_rolls("mark", rows, stated, reach)[0] == []
        expected = sorted(key for key, at, _ in rows if to_ms(at) < done_ms)
        assert sorted(key for _, keys in newest_of.values() for key in keys) == expected


dimensions = st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple)


@given(st.integers(0, 2**52), st.sampled_from((300, 900, 86400)), dimensions)
def test_the_name_of_a_slot_tells_it(start_ms: int, period_s: int, named: tuple[tuple[str, str], ...]) -> None:
    assert group_in(name_of((start_ms, period_s, named))) == (start_ms, period_s, named)


@given(st.binary(max_size=300))
def test_of_a_cursor_that_is_not_understood_nothing_is_known(cursor: bytes) -> None:
    assert parse_progress(cursor) is None


def test_a_cursor_is_read_back_and_one_that_is_too_long_is_limited() -> None:
    slots, rolls = {name_of((START_MS, 900, (("queue", "售后"),))): (3, "ab")}, {f"call/{START_MS}": (0, "")}
    one = Progress(first_ms=1, stated_ms=2, slots=slots, rolls=rolls, seen=b"\0\xff")
    assert parse_progress(one.to_cursor()) == one
    with pytest.raises(SourceUnavailable, match="too many slots"):
        Progress(first_ms=1, stated_ms=2, seen=random.Random(1).randbytes(MAX_CURSOR)).to_cursor()
