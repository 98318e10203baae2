"""The JSON between parent and reader: what is written parses, and only Malformed escapes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Manifest
from ccmm_agent.terms import Terms, parse_description, parse_offers, parse_terms, terms_json
from ccmm_proto.errors import Malformed

TERMS = Terms(
    task="read",
    manifest=Manifest(files=(Path("/a"),), folders=(Path("/b"),), endpoints=(("pbx", 5038),), programs=(Path("/c"),)),
    protected=(Path("/agent"),),
    parent_account=1000,
    module="m",
    path="/p",
)
DESCRIPTION = {
    "feeds": ["calls_offered"],
    "value": 50,
    "manifest": {"files": [], "folders": [], "endpoints": [], "programs": []},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*DESCRIPTION, "files", "task", "plugin"]), inner, max_size=4)
    ),
    max_leaves=10,
)


def test_terms_parse_as_they_were_written() -> None:
    assert parse_terms(terms_json(TERMS)) == TERMS


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_malformed(content: bytes) -> None:
    for parse in (parse_terms, parse_description, parse_offers):
        try:
            parse(content)
        except Malformed:
            continue
        assert parse is not parse_terms


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("feeds", []),
        ("feeds", ["salary"]),
        ("feeds", "calls_offered"),
        ("value", 101),
        ("value", True),
        ("manifest", {"files": ["relative"], "folders": [], "endpoints": [], "programs": []}),
        ("manifest", {"files": [], "folders": [], "endpoints": [["pbx", 0]]}),
        ("manifest", {"files": [], "folders": [], "endpoints": [["pbx", True]]}),
        ("manifest", {"files": [], "folders": [], "endpoints": []}),
        ("manifest", {"files": [], "folders": [], "endpoints": [], "programs": ["restic"]}),
        ("manifest", {"files": ["/a\0b"], "folders": [], "endpoints": [], "programs": []}),
        ("manifest", {"files": []}),
    ],
)
def test_a_description_with_a_wrong_field_is_malformed(key: str, value: object) -> None:
    assert parse_description(json.dumps(DESCRIPTION).encode()).feeds == ("calls_offered",)
    with pytest.raises(Malformed):
        parse_description(json.dumps({**DESCRIPTION, key: value}).encode())


def test_deeply_nested_json_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_offers(b"[" * 200_000)
