"""The Mann-Kendall test against published tables and against all orders; limits of an XmR chart by hand."""

import random
from itertools import permutations

import pytest

from ccmm_rules.operators.trend import chart_of, p_falling, p_rising, signals

# Upper tails of Kendall's S, from the tables of Kendall (1975) as Gilbert (1987, table A18) prints them.
PUBLISHED = [
    (4, {0: 0.625, 2: 0.375, 4: 0.167, 6: 0.042}),
    (5, {0: 0.592, 2: 0.408, 4: 0.242, 6: 0.117, 8: 0.042, 10: 0.0083}),
    (8, {0: 0.548, 2: 0.452, 4: 0.360, 6: 0.274, 8: 0.199, 10: 0.138, 12: 0.089, 14: 0.054, 16: 0.031, 18: 0.016}),
    (10, {1: 0.500, 3: 0.431, 5: 0.364, 7: 0.300, 9: 0.242, 11: 0.190, 13: 0.146, 15: 0.108, 17: 0.078, 19: 0.054}),
]


def order_with(points: int, score: int) -> list[float]:
    """Some order of 1 to n whose rising pairs exceed the falling ones by `score`."""
    values = [float(at) for at in range(1, points + 1)]
    falling = (points * (points - 1) // 2 - score) // 2
    for end in range(1, points):  # the largest so far moves forward by up to its place
        steps = min(falling, end)
        values.insert(end - steps, values.pop(end))
        falling -= steps
    return values


@pytest.mark.parametrize(("points", "tails"), PUBLISHED)
def test_the_test_gives_the_published_tails(points: int, tails: dict[int, float]) -> None:
    for score, tail in tails.items():
        values = order_with(points, score)
        assert p_rising(values) == pytest.approx(tail, abs=0.0006), score
        assert p_falling(values[::-1]) == p_rising(values)


def test_four_points_are_significant_only_if_strictly_rising_and_three_never() -> None:
    significant = [order for order in permutations([1.0, 2.0, 3.0, 4.0]) if p_rising(order) < 0.05]
    assert significant == [(1.0, 2.0, 3.0, 4.0)]
    assert p_rising([1.0, 2.0, 3.0, 4.0]) == pytest.approx(1 / 24)
    assert p_rising([1.0, 2.0, 2.0, 4.0]) > 0.05
    assert p_rising([1.0, 2.0, 3.0]) == pytest.approx(1 / 6)


def test_ties_are_counted_over_all_orders_of_the_same_values() -> None:
    rng = random.Random(7)
    for _ in range(40):
        values = [float(rng.randrange(3)) for _ in range(rng.randrange(2, 7))]
        orders = list(permutations(values))

        def score(order: tuple[float, ...]) -> int:
            pairs = [(early, late) for at, early in enumerate(order) for late in order[at + 1 :]]
            return sum((late > early) - (late < early) for early, late in pairs)

        share = sum(score(order) >= score(tuple(values)) for order in orders) / len(orders)
        assert p_rising(values) == pytest.approx(share)


def test_equal_points_one_point_and_none_show_no_trend() -> None:
    assert p_rising([5.0, 5.0, 5.0, 5.0]) == p_falling([5.0] * 4) == 1.0
    assert p_rising([5.0]) == p_rising([]) == 1.0


def test_many_points_are_near_the_exact_count_where_both_can_be_had() -> None:
    rising = [float(at) for at in range(61)]
    assert p_rising(rising) < 1e-9
    rng = random.Random(1)
    values = [at / 40 + rng.gauss(0, 1) for at in range(60)]
    assert p_rising([*values, values[0]]) == pytest.approx(p_rising(values), abs=0.03)


def test_differences_of_rounding_are_ties() -> None:
    assert p_rising([0.1 + 0.2, 0.3, 0.3, 0.3]) == 1.0


def test_limits_are_the_mean_and_266_mean_ranges_to_both_sides() -> None:
    values = [10.0, 12.0, 10.0, 12.0, 10.0, 12.0, 10.0, 12.0]  # mean 11, mean range 2: 5.68 to 16.32
    chart = chart_of(values)
    assert chart.mean == 11.0
    assert chart.sigma == pytest.approx(2 / 1.128)
    assert not chart.is_signal(16.32)
    assert chart.is_signal(16.33)
    assert chart.is_signal(5.67)
    assert signals([*values, 40.0, *values]) == [8]
    assert signals([3.0, 3.0, 3.0]) == signals([3.0]) == signals([]) == []
