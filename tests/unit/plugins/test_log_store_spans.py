"""Times of lines, spans and gaps of logs; and that no line and no journal breaks their parsers."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_facilities import log_files
from ccmm_plugin_facilities.journal_file import journal_span
from ccmm_plugin_facilities.log_span import Span, gap_share, parse_times
from ccmm_proto.errors import Malformed
from tests.support.rotated_logs import NOON, ZONE, lines


@pytest.mark.parametrize(
    ("times", "line", "second"),
    [
        ("rfc3339", b"2026-11-20T12:00:00+08:00 x", NOON),
        ("rfc3339", b"[2026-11-20 12:00:00] VERBOSE x", NOON),  # Asterisk, in the center's zone
        ("rfc3339", b"<34>1 2026-11-20T04:00:00.123Z host", NOON),
        ("rfc3164", b"Nov 20 12:00:00 host sshd: x", NOON),
        ("rfc3164", b"Dec 31 12:00:00 host sshd: x", datetime(2025, 12, 31, 4, tzinfo=UTC)),  # of the year before
        ("rfc3164", b"Feb 29 12:00:00 host sshd: x", datetime(2024, 2, 29, 4, tzinfo=UTC)),
        ("web", b'1.2.3.4 - - [20/Nov/2026:12:00:00 +0800] "GET / HTTP/1.1" 200', NOON),
        ("epoch", b"1795147200.5|id|queue|NONE", NOON),
        ("rfc3339", b"2026-13-20T12:00:00Z", None),
        ("rfc3164", b"Foo 20 12:00:00", None),
        ("web", b"[31/Feb/2026:12:00:00 +0800]", None),
        ("epoch", b"17951472000|", None),
    ],
)
def test_times_of_lines_by_hand(times: str, line: bytes, second: datetime | None) -> None:
    expected = None if second is None else int(second.timestamp())
    assert parse_times(times)(line, ZONE, NOON.timestamp()) == expected


@given(st.binary(max_size=120), st.sampled_from(["rfc3339", "rfc3164", "web", "epoch"]), st.floats(0, 4e9))
def test_whatever_a_line_holds_it_has_a_time_or_none(line: bytes, times: str, written: float) -> None:
    found = parse_times(times)(line, ZONE, written)
    assert found is None or abs(found) < 3e11


@given(st.lists(st.integers(0, 100 * 3600), min_size=1, max_size=60), st.integers(1, 8))
def test_gaps_are_the_slots_between_the_first_entry_and_now_without_one(offsets: list[int], slot_h: int) -> None:
    """Counted slot by slot, the slow way."""
    span, begin = Span(), 1_795_000_000 // (8 * 3600) * (8 * 3600)
    for offset in offsets:
        span.note(begin + offset)
    now_s = begin + 100 * 3600 + 1
    first_slot = (begin + min(offsets)) // (slot_h * 3600)
    due = range(first_slot + 1, now_s // (slot_h * 3600))
    filled = {(begin + offset) // (slot_h * 3600) for offset in offsets}
    expected = None if not due else 100 * sum(slot not in filled for slot in due) / len(due)
    assert gap_share(span, now_s, slot_h) == expected


@given(st.integers(0, 3000), st.integers(1, 400))
def test_a_piece_of_one_hour_is_as_good_as_each_of_its_lines(offset: int, n: int) -> None:
    """Shortcut and slow way find the same."""
    times = [NOON - timedelta(seconds=offset + 20 * at) for at in range(n)][::-1]
    text = [line + b"\n" for line in lines(times).splitlines()]
    short, slow = Span(), Span()
    second_of = parse_times("rfc3339")
    now_s = NOON.timestamp()
    assert log_files._note_piece(short, text, lambda line: second_of(line, ZONE, now_s), now_s)
    for when in times:
        slow.note(int(when.timestamp()))
    assert (short.first_s, short.last_s, short.hours) == (slow.first_s, slow.last_s, slow.hours)


@given(st.binary(max_size=600), st.integers(0, 600))
def test_whatever_a_journal_holds_it_has_a_span_or_is_malformed(content: bytes, cut: int) -> None:
    head = b"LPKSHHRH" + struct.pack("<II", 0, 4) + bytes(72) + struct.pack("<Q", 200) + bytes(56)
    whole = head + struct.pack("<6Q", 3, 3, 1, 200, 10**15, 10**15) + content
    for held in (content, head + content, whole[: 200 + cut]):
        span = Span()
        try:
            journal_span(held, span, 0, lambda: None)
        except Malformed:
            continue
        assert span.first_s is None or span.first_s <= (span.last_s or 0)
