import math

import pytest

from ccmm_rules.operators.chi_square import pooled, sample_p, survival

# NIST/SEMATECH e-Handbook of Statistical Methods, table of critical values of the chi-square distribution:
# https://www.itl.nist.gov/div898/handbook/eda/section3/eda3674.htm
CRITICAL = [
    (1, 2.706, 0.10), (1, 3.841, 0.05), (1, 6.635, 0.01), (2, 4.605, 0.10), (2, 5.991, 0.05), (2, 9.210, 0.01),
    (3, 7.815, 0.05), (5, 11.070, 0.05), (10, 18.307, 0.05), (10, 23.209, 0.01), (25, 37.652, 0.05),
    (50, 67.505, 0.05), (99, 123.225, 0.05), (100, 124.342, 0.05), (100, 149.449, 0.001),
]  # fmt: skip


@pytest.mark.parametrize(("degrees", "statistic", "p"), CRITICAL)
def test_survival_is_that_of_the_published_table(degrees: int, statistic: float, p: float) -> None:
    assert survival(statistic, degrees) == pytest.approx(p, rel=2e-3)


def test_two_degrees_are_an_exponential_and_one_is_a_normal() -> None:
    for statistic in (0.1, 1.0, 4.0, 30.0, 700.0):
        assert survival(statistic, 2) == pytest.approx(math.exp(-statistic / 2), rel=1e-12)
        assert survival(statistic, 1) == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-12)


def test_survival_falls_from_one_to_nothing() -> None:
    assert survival(0.0, 7) == 1.0
    values = [survival(statistic, 7) for statistic in range(200)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-30


def test_many_degrees_stay_finite() -> None:
    assert survival(5000.0, 5000) == pytest.approx(0.4973, abs=1e-3)


def test_a_sample_spread_like_its_population_is_random_and_a_skewed_one_is_not() -> None:
    assert sample_p([(10, 1000), (20, 2000), (30, 3000)]) == 1.0
    # (25 - 15)^2 / 15 + (15 - 15)^2 / 15 + (20 - 30)^2 / 30 = 10, two degrees: exp(-5)
    assert sample_p([(25, 1000), (15, 1000), (20, 2000)]) == pytest.approx(math.exp(-5))


def test_small_cells_are_pooled_in_their_order_and_what_is_left_joins_the_last() -> None:
    cells = [(9.0, 9.0), (1.0, 2.0), (2.0, 4.0), (0.0, 3.0), (4.0, 2.0), (1.0, 1.0)]
    assert pooled(cells) == [(9.0, 9.0), (3.0, 6.0), (5.0, 6.0)]
    assert pooled([(3.0, 3.0), (9.0, 9.0)]) == [(12.0, 12.0)]
    assert pooled([(1.0, 1.0)]) == []
    assert pooled([(4.0, 5.0), (9.0, 9.0)]) == [(4.0, 5.0), (9.0, 9.0)]


def test_what_was_drawn_where_nobody_is_counts_against_the_sample() -> None:
    honest = sample_p([(50, 500), (50, 500), (0, 0)])
    invented = sample_p([(50, 500), (50, 500), (40, 0)])
    assert honest == 1.0
    assert invented == pytest.approx(survival(20**2 / 70 + 20**2 / 70, 1))  # 50 for 70, and 50 + 40 for 70 + 0


def test_one_cell_or_nothing_drawn_compares_nothing() -> None:
    assert sample_p([(10, 100)]) is None
    assert sample_p([(3, 100), (3, 100)]) is None  # expected below 5 in all
    assert sample_p([(0, 100), (0, 100)]) is None
    assert sample_p([]) is None
