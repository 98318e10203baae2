import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_rules.errors import PackErrors
from ccmm_rules.load import pack_of
from ccmm_rules.strict_yaml import MAX_BYTES, parse_document

SURPRISES = {
    "a: yes": "1:4: 'yes' is read as true or false by some",
    "a: NO": "1:4: 'NO' is read as true or false by some",
    "on: 1": "1:1: 'on' is read as true or false by some",
    "a: 2026-01-01": "1:4: an unquoted date",
    "a: 1:30": "1:4: '1:30' has a surprising meaning",
    "a: 0x10": "1:4: '0x10' has a surprising meaning",
    "a: 010": "1:4: '010' has a surprising meaning",
    "a: .nan": "1:4: '.nan' has a surprising meaning",
    "a: 1_000": "1:4: '1_000' has a surprising meaning",
    "a:": "1:3: an empty value",
    "a: ~": "1:4: an empty value",
    "a: &x 1": "1:4: an anchor (&) is not allowed",
    "a: {b: 1}\nc: *x": "2:4: an alias (*) is not allowed",
    "a: !!str 1": "1:4: a tag (!) is not allowed",
    "a: 1\nb: 2\na: 3": "3:1: 'a' stands here twice",
    "1: 2": "1:1: a key must be text",
    "a: 1\n--- \nb: 2": "2:1: a second document",
    "": "1:1: the file is empty",
    "[" * 200: "1:25: more than 24 levels",
    "{a: ? b : c": "1:5: not YAML",
    "- <<: 1": "",
}


@pytest.mark.parametrize("text", [text for text, said in SURPRISES.items() if said])
def test_what_yaml_makes_of_plain_words_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(PackErrors) as caught:
        parse_document(text, "f")
    assert str(caught.value.errors[0]).startswith(f"f:{SURPRISES[text]}")


def test_plain_values_keep_their_types_and_places() -> None:
    root = parse_document('a: {b: [1, 2.5, true, 90d], c: "x: y"}\nd: |\n  one &&\n    two\n', "f")
    assert root.plain() == {"a": {"b": [1, 2.5, True, "90d"], "c": "x: y"}, "d": "one &&\n  two\n"}
    number = root.child("a").child("b").sequence()[1]
    assert (number.line, number.column) == (1, 12)
    assert root.child("d").at(2, 3) == (4, 5)
    assert root.child("a").child("c").at(1, 4) == (1, 36)


def test_every_error_of_a_file_is_told_at_once() -> None:
    with pytest.raises(PackErrors) as caught:
        parse_document("a: yes\nb: 2026-01-01\na: 1\n", "f")
    assert [error.line for error in caught.value.errors] == [1, 2, 3]


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(PackErrors, match="larger than"):
        parse_document(b"a" * (MAX_BYTES + 1), "f")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_only_pack_errors_escape_from_any_bytes(data: bytes | str) -> None:
    try:
        parse_document(data, "f")
    except PackErrors:
        return


def test_ten_thousand_random_inputs_give_only_pack_errors() -> None:
    rng = random.Random(1)
    pieces = [
        b"a",
        b": ",
        b"\n",
        b"  ",
        b"- ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"&x",
        b"*x",
        b"!t",
        b"|",
        b">",
        b"'",
        b'"',
        b"?",
    ]
    pieces += [b"yes", b"1:2", b"#", b",", b"\xff", b"\x00", b"\t", b"%", b"@", b"---", b"<<"]
    for _ in range(10_000):
        data = (
            b"".join(rng.choice(pieces) for _ in range(rng.randrange(1, 25)))
            if rng.random() < 0.8
            else rng.randbytes(40)
        )
        try:
            pack_of({"pack.yaml": data})
        except PackErrors:
            continue
