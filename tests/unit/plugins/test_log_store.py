"""Since when logs are kept and with what gaps, by hand; what cannot be seen whole is no shorter log."""

import bz2
import gzip
import lzma
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, http_simulator
from ccmm_plugin_facilities import log_files
from ccmm_plugin_facilities.journal_file import journal_span
from ccmm_plugin_facilities.log_span import Span, gap_share, parse_times
from ccmm_plugin_facilities.log_store import LogStore
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.elastic import KEY, Elastic

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def source(*stores: dict[str, object]) -> LogStore:
    options = Options({"stores": list(stores)})
    built = LogStore.from_options(options)
    options.refuse_unknown()
    return built


def of_files(folder: Path, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"name": "messages", "source": "acd", "kind": "files", "folder": str(folder)}
    return {**given, "pattern": "messages*", **changed}


def holding(*stores: dict[str, object], now: datetime = NOON) -> dict[str, object]:
    (one,), _ = read_all(source(*stores), now=now, zone=ZONE)
    (entry,) = one.inventory.entries
    return {a.name: getattr(a.value, a.value.WhichOneof("value") or "") for a in entry.attributes}


def lines(times: Iterable[datetime]) -> bytes:
    return b"".join(f"{when.isoformat()} host app: canary-line\n".encode() for when in times)


def hours(begin: datetime, end: datetime, *without: datetime) -> list[datetime]:
    found, when = [], begin
    while when < end:
        found += [] if when in without else [when]
        when += HOUR
    return found


def write(path: Path, content: bytes, written: datetime) -> None:
    path.write_bytes(content)
    os.utime(path, (written.timestamp(),) * 2)


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert "canary" not in caught.value.detail


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """A log since 200 days ago, an hour of it missing twice in the last 30 days, rotated and packed in four ways."""
    folder = tmp_path / "log"
    folder.mkdir()
    gaps = (NOON - timedelta(days=3), NOON - timedelta(days=20))
    parts: list[tuple[int, int, str, Callable[[bytes], bytes]]] = [
        (200, 40, "messages.4.gz", gzip.compress),
        (40, 25, "messages-20261026.xz", lzma.compress),
        (25, 10, "messages.2.bz2", bz2.compress),
        (10, 1, "messages.1", bytes),
        (1, 0, "messages", bytes),
    ]
    for begin, end, name, pack in parts:
        content = lines(hours(NOON - timedelta(days=begin), NOON - timedelta(days=end), *gaps))
        write(folder / name, pack(content), NOON - timedelta(days=end))
    write(folder / "other.log", b"not of this log\n", NOON)
    return folder


def test_it_keeps_the_contract(rotated: Path, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(of_files(rotated)), source(of_files(tmp_path / "nothing")), window=window)


def test_a_rotated_log_is_as_old_as_its_first_line_and_its_gaps_are_counted(rotated: Path) -> None:
    found = holding(of_files(rotated, stated={"began": "2026-01-01", "protected": True, "floor_days": 180}))
    millis = int((NOON - timedelta(days=200)).timestamp() * 1000)
    assert found["oldest"] == millis
    assert found["newest"] == int((NOON - HOUR).timestamp() * 1000)
    assert (found["kept_days"], found["online_days"], found["files"]) == (200, 200, 5)
    assert found["gap_share"] == pytest.approx(100 * 2 / 719)  # whole hours in 30 days: the first one has begun before
    assert (found["class"], found["source"], found["protected"], found["floor_days"]) == ("log", "acd", True, 180)
    assert found["began"] == 1767225600000


def test_a_log_that_is_quiet_by_nature_has_longer_slots(rotated: Path) -> None:
    assert holding(of_files(rotated, slot="2h"))["gap_share"] == 0
    assert holding(of_files(rotated, slot="1h"))["gap_share"] != 0


def test_a_middle_file_that_somebody_took_away_is_a_gap(rotated: Path) -> None:
    (rotated / "messages.2.bz2").unlink()
    assert holding(of_files(rotated))["gap_share"] == pytest.approx(100 * (15 * 24 + 1) / 719)


def test_a_store_that_ended_yesterday_says_so(rotated: Path) -> None:
    (rotated / "messages").unlink()
    found = holding(of_files(rotated))
    assert found["newest"] == int((NOON - timedelta(days=1) - HOUR).timestamp() * 1000)
    assert found["gap_share"] == pytest.approx(100 * (24 + 2) / 719)


@pytest.mark.parametrize(
    ("name", "content", "reason", "words"),
    [
        ("messages.3.gz", gzip.compress(lines([NOON]), mtime=0)[:-12], Reason.UNREADABLE, "torn"),
        ("messages.3.gz", b"no gzip", Reason.UNREADABLE, "torn"),
        ("messages.3.xz", b"no xz", Reason.UNREADABLE, "torn"),
        ("messages.3.zst", b"\x28\xb5\x2f\xfd", Reason.UNREADABLE, "not read here"),
        ("messages.3", b"no time in it: canary\n", Reason.UNREADABLE, "no line with a time"),
    ],
)
def test_one_file_that_cannot_be_read_is_no_shorter_log(
    rotated: Path, name: str, content: bytes, reason: Reason, words: str
) -> None:
    write(rotated / name, content, NOON)
    with refusal(reason, f"messages: .*{words}"):
        holding(of_files(rotated))


def test_an_empty_file_is_a_file_and_no_file_is_none(rotated: Path, tmp_path: Path) -> None:
    before = holding(of_files(rotated))
    write(rotated / "messages.0", b"", NOON)
    assert holding(of_files(rotated)) == {**before, "files": 6}
    with refusal(Reason.NOT_FOUND, "no file queue"):
        holding(of_files(rotated, pattern="queue*"))
    with refusal(Reason.NOT_FOUND, "is not there"):
        holding(of_files(tmp_path / "nothing"))


def test_a_log_too_large_for_one_reading_is_no_shorter_log(rotated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_facilities.log_store.LONGEST_S", -1.0)
    with refusal(Reason.TIMEOUT, "divide the stores"):
        holding(of_files(rotated))


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


def elastic_store(url: str, key: Path, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"name": "crm_logs", "source": "crm", "kind": "elasticsearch", "url": url}
    return {**given, "index": "logs-*", "api_key_file": str(key), **changed}


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


def held(*without: datetime) -> Elastic:
    return Elastic(
        {
            "logs-a": hours(NOON - timedelta(days=400), NOON - timedelta(days=399)),
            "logs-b": hours(NOON - timedelta(days=31), NOON, *without),
        }
    )


def test_indices_are_as_old_as_their_first_entry_and_their_gaps_are_counted(key: Path) -> None:
    elastic = held(NOON - 3 * HOUR)
    with http_simulator(elastic.answer) as server:
        found = holding(elastic_store(server.url, key))
        check_source(
            source(elastic_store(server.url, key)),
            source(elastic_store("http://127.0.0.1:1", key)),
            window=Window(cursor=b"", now=NOON, zone=ZONE),
        )
    assert (found["kept_days"], found["files"], found["size_bytes"]) == (400, 2, 2000)
    assert found["gap_share"] == pytest.approx(100 / 719)
    assert all(search["size"] == 0 for search in elastic.searches)


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"failed_shards": 1}, Reason.LIMITED, "some shards did not answer"),
        ({"timed_out": True}, Reason.LIMITED, "gave up"),
        ({"closed": frozenset({"logs-a"})}, Reason.LIMITED, "1 indices .* are closed"),
        ({"indices": {}}, Reason.NOT_FOUND, "no index logs-"),
    ],
)
def test_a_part_of_the_indices_is_no_shorter_log(
    key: Path, changed: dict[str, object], reason: Reason, words: str
) -> None:
    elastic = held()
    for name, value in changed.items():
        setattr(elastic, name, value)
    with http_simulator(elastic.answer) as server, refusal(reason, f"crm_logs: .*{words}"):
        holding(elastic_store(server.url, key))


def test_indices_without_entries_hold_nothing_and_claim_no_age(key: Path) -> None:
    with http_simulator(Elastic({"logs-a": []}).answer) as server:
        found = holding(elastic_store(server.url, key))
    assert "oldest" not in found
    assert "kept_days" not in found


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.NO_HTTP, Fault.LOG_IN_PAGE, Fault.HALF, Fault.WRONG_ENCODING])
def test_whatever_goes_wrong_with_an_answer_is_loud(key: Path, fault: Fault) -> None:
    with http_simulator(held().answer) as server:
        server.fail(fault)
        with pytest.raises(SourceUnavailable) as caught:
            holding(elastic_store(server.url, key))
    assert KEY not in caught.value.detail


def test_a_wrong_key_is_told_and_check_warns_of_one_that_writes(key: Path) -> None:
    elastic = held()
    elastic.writes = True
    with http_simulator(elastic.answer) as server:
        lines = list(source(elastic_store(server.url, key)).check(Window(cursor=b"", now=NOON, zone=ZONE)))
        assert any(line.verdict == "warning" and "may also write" in line.detail for line in lines)
        assert not any(KEY in line.detail for line in lines)
        key.write_text("another")
        with refusal(Reason.REFUSED, "crm_logs: "):
            holding(elastic_store(server.url, key))


def test_check_says_what_each_store_holds_and_what_is_missing(rotated: Path) -> None:
    stores = (of_files(rotated), of_files(rotated, name="gone", pattern="gone*", stated={"began": "2026-01-01"}))
    lines = list(source(*stores).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    told = [(line.subject, line.verdict) for line in lines]
    assert told == [("messages", "warning"), ("messages", "warning"), ("gone", "failed")]
    assert "kept 200 days; 0.28 %" in lines[0].detail
    assert "`began`" in lines[1].detail


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "tape"}, "files, journal or elasticsearch"),
        ({"times": "julian"}, "one of rfc3339"),
        ({"slot": "90m"}, "whole hours"),
        ({"pattern": "../x"}, "names of files"),
        ({"stated": {"began": "yesterday"}}, "a day such as"),
        ({"stated": {"protected": "yes"}}, "true or false"),
        ({"stated": {"kept_days": 400}}, "known options"),
        ({"kind": "elasticsearch", "url": "http://es.example", "index": "logs-*"}, "plain = true"),
        ({"kind": "elasticsearch", "url": "https://es.example", "index": "a/b"}, "index names"),
    ],
)
def test_a_store_that_cannot_be_is_refused_by_name(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        source(of_files(tmp_path, **changed))


def test_a_sealed_journal_is_not_stated_but_seen(tmp_path: Path) -> None:
    journal: dict[str, object] = {"name": "j", "source": "host", "kind": "journal", "folder": str(tmp_path)}
    with pytest.raises(BadOption, match="known options"):
        source({**journal, "stated": {"protected": True}})


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(rotated: Path, key: Path) -> None:
    now = datetime.now(UTC)
    write(rotated / "messages", lines([now - HOUR]), now)
    with http_simulator(held().answer) as server:
        options: dict[str, object] = {"stores": [of_files(rotated), elastic_store(server.url, key)]}
        reading = read_source(
            SourceSpec(name="logs", plugin="log_store", options=options), cursor=b"", now=now, zone=ZONE
        )
    assert reading.outcome == OBSERVED, reading.detail
    told = b"".join(one.SerializeToString() for one in reading.observations) + (reading.cursor or b"")
    assert b"canary" not in told
    assert str(rotated).encode() not in told
    assert len(reading.observations[0].inventory.entries) == 2
