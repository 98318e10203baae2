"""How an expression uses a name: what may stay bound when a statement is lost."""

import pytest

from ccmm_rules.cel import Language
from ccmm_rules.dependence import uses

LANGUAGE = Language({"read.both": "int", "read.bad": "int", "people.n": "int", "limit": "double", "level": "int"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("read.both >= people.n", {">="}),
        ("people.n <= read.both", {">="}),
        ("100 * read.both >= 95 * people.n", {">="}),
        ("100.0 * double(read.both) >= limit * double(people.n)", {">="}),
        ("limit * double(people.n) <= double(read.both) * 100.0", {">="}),
        ("100 * read.both <= 95 * people.n", {"<="}),
        ("level < 2 || 2 * read.both > 7", {">="}),
        ("-2 * read.both >= people.n", {"?"}),
        ("limit * double(read.both) >= 1.0", {"?"}),
        ("read.both * read.both >= people.n", {"?"}),
        ("read.both + 1 >= people.n", {"?"}),
        ("2 * read.both == people.n", {"?"}),
        ("2 * read.both >= people.n - read.both", {"?"}),
        ("people.n >= 1", set()),
    ],
)
def test_a_positive_multiple_is_used_like_the_name_itself(text: str, wanted: set[str]) -> None:
    assert uses(LANGUAGE.compile_text(text).tree, "read.both") == wanted
