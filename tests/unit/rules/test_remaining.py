"""What a requirement still depends on once level and scope are known, and how it uses a name."""

import pytest

from ccmm_rules.cel import Language
from ccmm_rules.dependence import compared_with, remaining, uses
from ccmm_rules.expression import Name

LANGUAGE = Language(
    {
        "x.bad": "int",
        "x.share": "double",
        "y.n": "int",
        "limit": "double",
        "level": "int",
        "profile.hotline": "bool",
        "profile.zone": "string",
    }
)


@pytest.mark.parametrize(
    ("text", "level", "wanted"),
    [
        ("level < 3 || x.bad == 0", 2, set()),
        ("level < 3 || x.bad == 0", 3, {"x.bad"}),
        ("level <= 3 || x.bad == 0", 3, set()),
        ("level <= 3 || x.bad == 0", 4, {"x.bad"}),
        ("level > 3 || x.bad == 0", 4, set()),
        ("level > 3 || x.bad == 0", 3, {"x.bad"}),
        ("level >= 3 || x.bad == 0", 3, set()),
        ("level >= 3 || x.bad == 0", 2, {"x.bad"}),
        ("level == 3 || x.bad == 0", 3, set()),
        ("level == 3 || x.bad == 0", 2, {"x.bad"}),
        ("level != 3 || x.bad == 0", 2, set()),
        ("level != 3 || x.bad == 0", 3, {"x.bad"}),
        ("!(level < 3) || x.bad == 0", 3, set()),
        ("!(level < 3) || x.bad == 0", 2, {"x.bad"}),
        ("level < 3 && x.bad == 0", 3, set()),
        ("level < 3 && x.bad == 0", 2, {"x.bad"}),
        ("level < 3 ? x.bad == 0 : y.n >= 1", 2, {"x.bad"}),
        ("level < 3 ? x.bad == 0 : y.n >= 1", 3, {"y.n"}),
        ("x.bad == 0 ? level < 3 : y.n >= 1", 3, {"x.bad", "y.n"}),
        ("x.bad == 0 && x.share >= limit || y.n == 2", 1, {"x.bad", "x.share", "limit", "y.n"}),
        ("(level < 3 && level > 0) || x.bad == 0", 2, set()),
        ("(level > 3 || level < 1) && x.bad == 0", 2, set()),
        ("(level < 3) == (level > 0) || x.bad == 0", 2, set()),
        ("(level < 3) != (level > 0) || x.bad == 0", 2, {"x.bad"}),
        ("level + 1 > 3 || x.bad == 0", 3, {"x.bad"}),  # sums stay open: more is asked for than is needed
        ("!profile.hotline || x.bad == 0", 1, {"x.bad", "profile.hotline"}),
        ("profile.zone == 'UTC' || x.bad == 0", 1, {"x.bad", "profile.zone"}),
    ],
)
def test_what_is_decided_by_the_level_is_no_longer_asked_for(text: str, level: int, wanted: set[str]) -> None:
    assert remaining(LANGUAGE.compile_text(text).tree, {"level": level}) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("!profile.hotline || x.bad == 0", {"x.bad"}),
        ("profile.hotline && x.bad == 0", {"x.bad"}),
        ("profile.hotline || x.bad == 0", set()),
        ("profile.zone == 'UTC' || x.bad == 0", set()),
        ("profile.zone != 'UTC' || x.bad == 0", {"x.bad"}),
        ("profile.zone in ['UTC', 'CET'] && x.bad == 0", {"x.bad"}),
        ("x.share >= limit", {"x.share", "limit"}),
    ],
)
def test_what_is_decided_by_an_answer_is_no_longer_asked_for(text: str, wanted: set[str]) -> None:
    known = {"level": 1, "profile.hotline": True, "profile.zone": "UTC"}
    assert remaining(LANGUAGE.compile_text(text).tree, known) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x.bad == 0", {"<="}),
        ("0 == x.bad", {"<="}),
        ("x.bad == 1", {"?"}),
        ("x.bad != 0", {"?"}),
        ("x.bad == y.n", {"?"}),
        ("x.bad < 3", {"<="}),
        ("x.bad <= 3", {"<="}),
        ("x.bad > 3", {">="}),
        ("3 < x.bad", {">="}),
        ("3 <= x.bad", {">="}),
        ("3 > x.bad", {"<="}),
        ("3 >= x.bad", {"<="}),
        ("x.bad >= 1 && x.bad <= 3", {">=", "<="}),
        ("x.bad >= 1 || level > 2", {">="}),
        ("x.bad == 0 ? y.n == 0 : y.n <= 2", {"?"}),
        ("level < 2 ? x.bad == 0 : x.bad >= 2", {"<=", ">="}),
        ("level < 2 ? x.bad == 0 : y.n == 0", {"<="}),
        ("level < 2 ? y.n == 0 : x.bad == 0", {"<="}),
        ("!(x.bad == 0)", {"?"}),
        ("1 * x.bad <= 3", {"<="}),
        ("0 * x.bad <= 3", {"?"}),
        ("x.bad <= x.bad + 1", {"?"}),
        ("y.n == 0", set()),
    ],
)
def test_a_name_is_used_upwards_downwards_or_otherwise(text: str, wanted: set[str]) -> None:
    assert uses(LANGUAGE.compile_text(text).tree, "x.bad") == wanted


def test_what_a_limit_is_compared_with_is_found_on_both_sides() -> None:
    tree = LANGUAGE.compile_text("x.share >= limit && (limit < 3.0 || double(x.bad) == limit)").tree
    found = compared_with(tree, "limit")
    assert [part.name if isinstance(part, Name) else type(part).__name__ for part in found] == [
        "x.share",
        "Const",
        "Call",
    ]
    assert compared_with(tree, "x.bad") == []
