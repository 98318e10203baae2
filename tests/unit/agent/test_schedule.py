"""Due times, and that each of them ends up in exactly one run or one range."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.config import QuietHours
from ccmm_agent.schedule import Missed, Plan, Run, Schedule, Skipped, Step, jitter, plan
from ccmm_proto.reasons import Reason

NEW_YORK = ZoneInfo("America/New_York")
SHANGHAI = ZoneInfo("Asia/Shanghai")
QUARTERS = Schedule.parse(every="15m")
START = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)  # New York sets its clocks back on 1 November
SCHEDULES = (
    QUARTERS,
    Schedule.parse(every="7m"),
    Schedule.parse(cron="*/20 8-18 * * mon-fri", zone=NEW_YORK),
    Schedule.parse(cron="30 1 * * *", zone=NEW_YORK),
    Schedule.parse(cron="0 6 1 * *", zone=SHANGHAI),
)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 2, hour, minute, tzinfo=UTC)


def test_every_is_due_at_multiples_of_its_span_whatever_the_start() -> None:
    assert QUARTERS.next_after(at(9, 7)) == at(9, 15)
    assert QUARTERS.next_after(at(9, 15)) == at(9, 30)
    assert list(QUARTERS.due_between(at(9, 15), at(10))) == [at(9, 30), at(9, 45), at(10)]
    assert QUARTERS.every_s == 900


def test_cron_is_on_the_wall_clock_of_the_center() -> None:
    schedule = Schedule.parse(cron="0 6 * * *", zone=SHANGHAI)
    assert schedule.next_after(at(0)) == at(22)


def test_a_daily_cron_is_due_once_on_the_day_without_its_hour_and_never_stands_still() -> None:
    schedule = Schedule.parse(cron="30 2 * * *", zone=NEW_YORK)
    dues = list(schedule.due_between(datetime(2026, 3, 6, 12, tzinfo=UTC), datetime(2026, 3, 10, 12, tzinfo=UTC)))
    assert [due.hour for due in dues] == [7, 7, 6, 6]
    hourly = Schedule.parse(cron="0 * * * *", zone=NEW_YORK)
    assert len(list(hourly.due_between(START, START + timedelta(days=5)))) == 5 * 24


@pytest.mark.parametrize(
    ("cron", "gap_s"),
    [
        ("*/15 * * * *", 900),
        ("0 6 * * *", 86400),
        ("0 6 * * 1-5", 3 * 86400),
        ("0 6 * * mon-fri", 3 * 86400),
        ("* 9-17 * * mon-fri", 63 * 3600 + 60),
        ("0 8 * * 0", 7 * 86400),
        ("0 8 * * 7", 7 * 86400),
        ("0 8 1 * *", 31 * 86400),
        ("0 0 29 2 *", (4 * 365 + 1) * 86400),
    ],
)
def test_the_longest_gap_of_a_cron(cron: str, gap_s: int) -> None:
    assert Schedule.parse(cron=cron).every_s == gap_s


def test_sunday_is_0_and_7_and_monday_is_1() -> None:
    for cron in ("0 8 * * 0", "0 8 * * 7", "0 8 * * sun"):
        assert Schedule.parse(cron=cron).next_after(at(0)).strftime("%A") == "Sunday"
    assert Schedule.parse(cron="0 8 * * 1").next_after(at(0)).strftime("%A") == "Monday"
    assert Schedule.parse(cron="0 8 * * sat-mon").next_after(at(0)).strftime("%A") == "Monday"


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"every": "15m", "cron": "* * * * *"},
        {"every": "0m"},
        {"every": "15"},
        {"every": ""},
        {"cron": "0 6 * *"},
        {"cron": "0 0 30 2 *"},
        {"cron": "99 * * * *"},
        {"cron": "0 0 1 * 1"},
        {"cron": "0 8 * * 8"},
        {"cron": "0 8 * * mon/0"},
        {"cron": "* * * * * *"},
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Schedule.parse(every=words.get("every"), cron=words.get("cron"))


@given(st.text(max_size=30))
def test_any_text_is_a_schedule_or_a_value_error(text: str) -> None:
    for every, cron in ((text, None), (None, text)):
        try:
            schedule = Schedule.parse(every=every, cron=cron)
        except ValueError:
            continue
        assert schedule.next_after(START) > START
        assert schedule.every_s > 0


def test_a_source_never_read_is_due_at_once() -> None:
    assert plan(QUARTERS, None, at(9, 7), False) == Plan(steps=(Run(due=at(9, 7)),), last_due=at(9, 7))


def test_nothing_is_due_before_the_next_due_time_or_its_jitter() -> None:
    assert plan(QUARTERS, at(9), at(9, 14), False).steps == ()
    delay = timedelta(seconds=30)
    assert plan(QUARTERS, at(9), at(9, 15), False, delay=delay).steps == ()
    assert plan(QUARTERS, at(9), at(9, 15) + delay, False, delay=delay).steps == (Run(due=at(9, 15)),)


def test_due_times_nobody_attended_are_one_missed_range_and_the_newest_runs() -> None:
    planned = plan(QUARTERS, at(9), at(10, 20), False)
    assert planned.steps == (Missed(first=at(9, 15), last=at(10), count=4), Run(due=at(10, 15)))
    assert planned.last_due == at(10, 15)


def test_while_the_run_before_goes_on_all_due_times_are_skipped_as_one() -> None:
    planned = plan(QUARTERS, at(9), at(9, 31), True)
    skipped = Skipped(first=at(9, 15), last=at(9, 30), count=2, reason=Reason.STILL_RUNNING)
    assert planned == Plan(steps=(skipped,), last_due=at(9, 30))


def test_quiet_hours_are_local_and_hold_for_the_due_time_and_for_now() -> None:
    quiet = QuietHours(begin=time(23), end=time(5))
    schedule = Schedule.parse(every="1h", zone=SHANGHAI)
    (step,) = plan(schedule, at(15), at(16), False, quiet=quiet).steps  # midnight in Shanghai
    assert step == Skipped(first=at(16), last=at(16), count=1, reason=Reason.QUIET_HOURS)
    late = plan(Schedule.parse(cron="30 22 * * *", zone=SHANGHAI), at(0), at(18), False, quiet=quiet)
    assert late.steps == (Skipped(first=at(14, 30), last=at(14, 30), count=1, reason=Reason.QUIET_HOURS),)
    assert plan(schedule, at(21), at(22), False, quiet=quiet).steps == (Run(due=at(22)),)


def test_a_full_spool_skips_with_its_own_reason() -> None:
    (step,) = plan(QUARTERS, at(9), at(9, 15), False, blocked=Reason.SPOOL_FULL).steps
    assert step == Skipped(first=at(9, 15), last=at(9, 15), count=1, reason=Reason.SPOOL_FULL)


def test_a_clock_that_went_back_a_little_waits_and_one_that_went_back_far_starts_anew() -> None:
    assert plan(QUARTERS, at(9, 15), at(9, 5), False) == Plan(steps=(), last_due=at(9, 15))
    back = plan(QUARTERS, datetime(2038, 1, 1, tzinfo=UTC), at(9, 5), False)
    assert back == Plan(steps=(Run(due=at(9, 5)),), last_due=at(9, 5), clock_went_back=True)


STEPS_OF_TIME = st.lists(
    st.tuples(st.integers(-2 * 86400, 5 * 86400), st.booleans(), st.booleans()), min_size=1, max_size=20
)


@given(st.sampled_from(SCHEDULES), STEPS_OF_TIME)
def test_every_due_time_ends_in_exactly_one_run_or_range(
    schedule: Schedule, moves: Sequence[tuple[int, bool, bool]]
) -> None:
    """Over clock steps forwards and backwards; a restart changes nothing, because only `last_due` is remembered."""
    now, last_due = START, START
    begun = START
    told: list[Step] = []
    for seconds, running, full in moves:
        now += timedelta(seconds=seconds)
        planned = plan(schedule, last_due, now, running, blocked=Reason.SPOOL_FULL if full else None)
        assert planned.last_due is not None
        if planned.clock_went_back:
            assert len(planned.steps) == 1
            told, begun = [], planned.last_due
        else:
            told += planned.steps
        last_due = planned.last_due
    dues = list(schedule.due_between(begun, last_due))
    counted = [1 if isinstance(step, Run) else step.count for step in told]
    assert sum(counted) == len(dues)
    for step, count in zip(told, counted, strict=True):
        first, last = (step.due, step.due) if isinstance(step, Run) else (step.first, step.last)
        assert [dues[0], dues[count - 1]] == [first, last]
        dues = dues[count:]
    assert dues == []


@given(st.text(max_size=9), st.text(max_size=9))
def test_jitter_is_the_same_each_time_and_within_its_spread(agent: str, source: str) -> None:
    spread = timedelta(seconds=10)
    assert timedelta(0) <= jitter(agent, source, spread) <= spread
    assert jitter(agent, source, spread) == jitter(agent, source, spread)


def test_jitter_differs_between_agents() -> None:
    assert len({jitter(f"agent-{number}", "pbx", timedelta(seconds=10)) for number in range(100)}) > 90
