"""Lists of copies, journals and cursors of `backup`: what is none of them is refused by name."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.backup import Backup
from ccmm_plugin_facilities.backup_list import parse_borg, parse_journal, parse_restic
from ccmm_plugin_facilities.backup_state import State, parse_state
from ccmm_proto.errors import Malformed
from tests.support.backup_lists import HOUR, NOON, SHANGHAI, Store, line, store
from tests.support.refusals import refusal

__all__ = ["store"]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"time": "2026-11-20T01:30:00Z"', "only a part of it"),
        ('{"archives": []}', "a list of"),
        ('[{"time": "yesterday", "hostname": "a", "id": "1"}]', "no time"),
        ('[{"time": "2026-11-20T01:30:00", "hostname": "a", "id": "1"}]', "without offset"),
        ("", "no JSON"),
    ],
)
def test_a_list_that_is_none_makes_the_source_unavailable(store: Store, content: str, words: str) -> None:
    store.list.write_text(content)
    os.utime(store.list, (NOON.timestamp(), NOON.timestamp()))
    assert_unavailable(store.source(), Reason.UNREADABLE, words)


def test_a_list_older_than_what_is_stated_is_refused(store: Store) -> None:
    _, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    store.tell([], as_of=NOON - HOUR)
    assert_unavailable(store.source(), Reason.UNREADABLE, "an old list came back", cursor=done.cursor)


def test_a_journal_with_a_strange_line_names_it(store: Store) -> None:
    store.note(line("check", NOON - HOUR), {"action": "prune"})
    assert_unavailable(store.source(), Reason.UNREADABLE, "line 2: action is backup, check or restore")
    store.note(line("restore", NOON - HOUR, copy="crmm"))
    assert_unavailable(store.source(restore_tests=True), Reason.UNREADABLE, "a restore names no copy")


def test_a_missing_or_huge_list_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_facilities.backup_store.MAX_FILE_BYTES", 1)
    assert_unavailable(store.source(), Reason.FLOOD, "more than 1 bytes")
    store.list.unlink()
    assert_unavailable(store.source(), Reason.NOT_FOUND, "does its timer run")


def assert_unavailable(source: Backup, reason: Reason, words: str, cursor: bytes = b"") -> None:
    with refusal(reason, words):
        read_all(source, cursor=cursor, now=NOON, zone=SHANGHAI)


def test_borg_lists_are_local_time_and_checkpoints_are_no_copies() -> None:
    table = {
        "archives": [
            {"name": "crm-1", "start": "2026-11-20T01:30:00.000000", "end": "2026-11-20T01:40:00.000000",
             "hostname": "crm-01", "stats": {"original_size": 77}},
            {"name": "crm-2.checkpoint", "start": "2026-11-21T01:30:00.000000"},
            {"name": "crm-3.checkpoint.1", "start": "2026-11-21T01:30:00.000000"},
        ],
        "encryption": {"mode": "repokey-blake2"},
    }  # fmt: skip
    listing = parse_borg(json.dumps(table).encode(), SHANGHAI)
    (one,) = listing.snapshots
    assert one.at == datetime(2026, 11, 19, 17, 30, tzinfo=UTC)
    assert (one.ended - one.at, one.size_bytes, listing.encrypted) == (timedelta(minutes=10), 77, True)
    for mode in ("none", "authenticated", "authenticated-blake2"):
        assert (
            parse_borg(json.dumps({"archives": [], "encryption": {"mode": mode}}).encode(), SHANGHAI).encrypted is False
        )


def test_a_torn_last_line_of_the_journal_is_read_next_time() -> None:
    whole = json.dumps(line("check", NOON)).encode()
    assert len(parse_journal(whole + b"\n" + whole)) == 1


@given(JSON)
def test_no_list_breaks_a_parser(value: object) -> None:
    content = json.dumps(value).encode()
    for parse in (parse_restic, lambda found: parse_borg(found, SHANGHAI), lambda found: parse_journal(found + b"\n")):
        with suppress(Malformed):
            parse(content)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_cursor_begin_anew(cursor: bytes) -> None:
    assert isinstance(parse_state(cursor), State)


def test_a_cursor_comes_back_as_it_was() -> None:
    state = State(since_ms=1, until_ms=2, counted_ms=3, days={0: [2, 1]}, restores={"restore crm": 9})
    assert parse_state(state.to_cursor()) == state
