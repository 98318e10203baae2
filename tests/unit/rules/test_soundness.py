"""What only shows when reads, limits and `require` are seen together: directions, percentages, points, guards."""

import re

import pytest

from ccmm_rules.errors import PackErrors
from tests.unit.rules.examples import one_rule

RATE = "{metric: answer_rate, over: 90d}"  # in percent, better up
TIME = "{metric: aht, over: 90d}"  # in seconds
SLOTS = "{slots: %s, over: 7d, every: 1h%s}"
LISTED = "{inventory: account, of: enabled%s}"


def said(read: str, require: str, more: str = "", level: int = 1) -> list[str]:
    """What is wrong, without the file and the place."""
    with pytest.raises(PackErrors) as caught:
        one_rule(read, require, more=more, level=level)
    return [re.sub(r"^[^ ]+:\d+:\d+: ", "", str(error)) for error in caught.value.errors]


def limits(unit: str, *values: float) -> str:
    listed = ", ".join(f"L{level}: {value:g}" for level, value in enumerate(values, 1))
    return f'limits: {{unit: "{unit}", {listed}}}'


def test_a_higher_level_never_asks_for_less() -> None:
    one_rule(RATE, "x >= limit", more=limits("%", 80, 80, 90))
    assert said(RATE, "x >= limit", limits("%", 80, 90, 85)) == [
        "level 3 asks for less than level 2; write at least 90, or swap them"
    ]
    one_rule(TIME, "x <= limit", more=limits("s", 60, 60, 59))
    assert said(TIME, "x <= limit", limits("s", 60, 60.5)) == [
        "level 2 asks for less than level 1; write at most 60, or swap them"
    ]
    assert len(said(RATE, "x >= limit", limits("%", 90, 85, 80))) == 2


def test_a_limit_that_slots_are_judged_by_has_the_direction_of_the_metric() -> None:
    up, down = SLOTS % ("answer_rate", ", meets: limit"), SLOTS % ("asa", ", meets: limit")
    one_rule(up, "x.bad == 0", more=limits("%", 80, 90))
    one_rule(down, "x.bad == 0", more=limits("s", 90, 80))
    assert said(up, "x.bad == 0", limits("%", 90, 80)) == [
        "level 2 asks for less than level 1; write at least 90, or swap them"
    ]
    assert said(down, "x.bad == 0", limits("s", 80, 90)) == [
        "level 2 asks for less than level 1; write at most 80, or swap them"
    ]


def test_what_is_compared_both_ways_or_judges_nothing_may_go_any_way() -> None:
    one_rule(RATE, "x >= limit || x <= limit", more=limits("%", 90, 80))
    one_rule(SLOTS % ("answer_rate", ", meets: 80"), "x.share <= limit", more=limits("%", 90, 80))
    one_rule(SLOTS % ("answer_rate", ", meets: 80"), "x.share >= limit", more=limits("%", 80, 90))
    for meets in ("80", "target"):
        assert len(said(SLOTS % ("answer_rate", f", meets: {meets}"), "x.share <= limit", limits("%", 80, 90))) == 1
    assert len(said(SLOTS % ("answer_rate", ", meets: target"), "x.share >= limit", limits("%", 90, 80))) == 1
    assert len(said(SLOTS % ("asa", ", meets: limit"), "x.bad == 0 && x.n >= limit", limits("s", 90, 80))) >= 1


def test_directions_of_two_tables_are_their_own() -> None:
    two = "limits: {low: {unit: '%%', L1: %d, L2: 80}, high: {unit: '%%', L1: %d, L2: 90}}"
    one_rule(RATE, "x >= limit.low && x <= limit.high", more=two % (70, 95))
    assert said(RATE, "x >= limit.low && x <= limit.high", two % (85, 85)) == [
        "level 2 asks for less than level 1; write at least 85, or swap them",
        "level 2 asks for less than level 1; write at most 85, or swap them",
    ]


@pytest.mark.parametrize(("bound", "fits"), [("0.0", True), ("100.0", True), ("100.5", False), ("-0.5", False)])
def test_a_share_is_compared_with_what_it_can_reach(bound: str, *, fits: bool) -> None:
    for read, name in ((RATE, "x"), (LISTED % ', good: "last_login_days < 90"', "x.share")):
        require = f"{name} >= {bound} && x.n >= 1"
        if fits:
            one_rule(read, require)
        else:
            assert said(read, require) == [
                f"{name} is 0 to 100 % and never {float(bound):g}; write a percentage that it can reach"
            ]


def test_a_share_is_compared_with_limits_that_it_can_reach() -> None:
    one_rule(RATE, "x >= limit", more=limits("%", 0, 100))
    assert said(RATE, "x >= limit", limits("%", 90, 101, 102)) == [
        "x is 0 to 100 % and never 101; write a percentage that it can reach",
        "x is 0 to 100 % and never 102; write a percentage that it can reach",
    ]
    good = LISTED % ', good: "last_login_days < 90"'
    assert said(good, "x.share >= 120.0 && x.n >= 1 && x.share <= 130.0") == [
        "x.share is 0 to 100 % and never 120; write a percentage that it can reach",
        "x.share is 0 to 100 % and never 130; write a percentage that it can reach",
    ]


def test_what_is_compared_with_another_finding_has_no_bound_to_keep() -> None:
    one_rule(f"{RATE}, y: {{metric: answer_rate, over: 7d}}", "x >= y")
    one_rule("{metric: wait_p90, over: 90d}, y: {metric: wait_p90, over: 7d}", "x <= y")
    two = "limits: {a: {unit: '%', L1: 80}, b: {unit: s, L1: 70}}"
    one_rule(RATE, "x >= limit.a && (x.n >= 1 || limit.a >= limit.b)", more=two)


def test_what_counts_or_changes_is_no_share() -> None:
    one_rule(LISTED % "", "x.n >= 120")
    one_rule(TIME, "x <= 300.0")
    series = "{series: answer_rate, over: 8w, every: week}"
    one_rule(series, "x.change_pct >= -120.0")
    one_rule(series, "x.change >= 150.0 || x.change <= 0.0")
    assert said(series, "x >= 120.0") == ["x is 0 to 100 % and never 120; write a percentage that it can reach"]


@pytest.mark.parametrize(
    ("weeks", "name", "needs"), [(1, "change >= 0.0", 2), (2, "p_worse >= 0.05", 3), (2, "p_better <= 0.05", 3)]
)
def test_a_series_holds_the_points_that_a_name_needs(weeks: int, name: str, needs: int) -> None:
    short = name.partition(" ")[0]
    one_rule(f"{{series: answer_rate, over: {needs}w, every: week}}", f"x.{name}")
    assert said(f"{{series: answer_rate, over: {weeks}w, every: week}}", f"x.{name}") == [
        f"{short} needs {needs} points, the window holds {weeks}; write a longer window or a shorter 'every'"
    ]
    one_rule(f"{{series: answer_rate, over: {weeks}w, every: week}}", "x >= 80.0")


@pytest.mark.parametrize("short", ["good", "bad", "share", "good_share", "bad_share"])
def test_a_name_that_only_a_test_of_rows_binds_says_so(short: str) -> None:
    (plain,) = said(LISTED % "", f"x.{short} >= 0 && x.n >= 1")
    assert "add good: or bad: to 'x', which tests its rows" in plain
    if short.startswith("good"):
        (other,) = said(LISTED % ', bad: "last_login_days > 90"', f"x.{short} >= 0 && x.n >= 1")
        assert "'x' tests bad, not the other side" in other


def test_something_decides_at_every_level() -> None:
    nothing = "compare what a read found, like calls.share >= 95.0"
    for level, require in ((1, "level >= 1 || x.n >= 1"), (5, "x.n >= 1 || level >= 5")):
        (error,) = said(LISTED % "", require, level=level)
        assert error == f"at level {level} this depends on no read and on no answer of the center; {nothing}"
    (error,) = said(LISTED % "", "level < 5 && x.n >= 1 || level >= 5")
    assert error.startswith("at level 5 this depends on no read")
    one_rule(LISTED % "", "level < 5 || x.n >= 1", level=5)
    (error,) = said(RATE, "level < 2 && x >= limit || level >= 2 && limit >= 10.0", limits("%", 80, 90))
    assert error.startswith("at level 2 this depends on no read")
    two = "limits: {a: {unit: '%', L1: 80}, b: {unit: '%', L1: 70}}"
    assert "depends on no read" in said(RATE, "level > 1 && x >= 0.0 || limit.a >= limit.b", two)[-1]


def test_a_limit_without_a_value_says_which_guard_it_needs() -> None:
    assert said(RATE, "x >= limit", 'limits: {unit: "%", L3: 80, L5: 90}') == [
        "limit has no value at level 1; guard it: level < 3 || ...",
        "limit has no value at level 2; guard it: level < 3 || ...",
    ]
    assert said(RATE, "x.n >= 1 && (level < 4 || x >= limit)", 'limits: {unit: "%", L5: 80}') == [
        "limit has no value at level 4; guard it: level < 5 || ..."
    ]


def test_a_guard_may_hang_on_several_answers_of_the_center() -> None:
    asked = "profile.gov_hotline ? (profile.cards ? level < 3 : level <= 2) : !(level >= 3)"
    one_rule(RATE, f"({asked}) || x >= limit", more='limits: {unit: "%", L3: 80}')
    wrong = asked.replace("level <= 2", "level <= 1")
    assert said(RATE, f"({wrong}) || x >= limit", 'limits: {unit: "%", L3: 80}') == [
        "limit has no value at level 2; guard it: level < 3 || ..."
    ]
