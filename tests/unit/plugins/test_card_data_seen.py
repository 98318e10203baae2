"""What `card_data` remembers: no file is looked at twice for nothing, none is forgotten, none is counted twice."""

import os
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Done, Observation, Reason, Window
from ccmm_plugin_access_control import card_scan
from ccmm_plugin_access_control.card_seen import MAX_FILES, Seen, Sighting, parse_seen
from ccmm_plugin_access_control.card_tally import Found
from tests.support.card_scans import NOW, UNION, ZONE, problem, read, result, source, texts, told


def test_files_that_did_not_change_are_not_looked_at_again_and_still_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = source(texts(tmp_path))
    _, done = read(one)
    later = NOW + timedelta(days=1)
    opened: list[str] = []
    monkeypatch.setattr(type(one.of), "_opened", lambda self, path: opened.append(path))
    again, after = read(one, done.cursor, later)
    assert opened == []
    assert told(again) == [("security_code", "notes", None, 1), ("card_number", "notes", None, 1)]
    assert after.covers == (NOW, later)


def test_a_file_that_was_cleaned_counts_no_more_even_with_its_old_time_and_size(tmp_path: Path) -> None:
    one = source(texts(tmp_path))
    _, done = read(one)
    path = tmp_path / "day" / "1763812401.22.txt"
    before = path.stat()
    path.write_text("x" * 10)
    os.truncate(path, before.st_size)
    path.write_bytes(path.read_bytes().replace(b"\0", b" "))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found, done = read(one, done.cursor, NOW + timedelta(days=1))
    assert told(found) == [("security_code", "notes", None, 0), ("card_number", "notes", None, 0)]
    path.unlink()
    assert result(read(one, done.cursor, NOW + timedelta(days=2))[0]) == (0, 0)


def test_a_touched_file_is_known_by_its_digest_and_states_no_item_twice(tmp_path: Path) -> None:
    one = source(texts(tmp_path))
    _, done = read(one)
    os.utime(tmp_path / "day" / "1763812401.22.txt")
    found, _ = read(one, done.cursor, NOW + timedelta(days=1))
    assert told(found) == [("security_code", "notes", None, 1), ("card_number", "notes", None, 1)]


def test_another_allow_list_looks_at_everything_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts(tmp_path / "in")
    allow = tmp_path / "allow"
    allow.write_text("# looked at on 2026-11-20\n")
    one = source(tmp_path / "in", allow_file=str(allow))
    first, done = read(one)
    assert result(first) == (1, 1)
    allow.write_text(f"{sha256(UNION.encode()).hexdigest()}  # an order number\n")
    second, after = read(one, done.cursor, NOW + timedelta(days=1))
    assert result(second) == (1, 0)
    assert after.detail == "2 files, 1 numbers of the allow list"


@pytest.mark.parametrize(("name", "least"), [("BATCH_BYTES", 100), ("BATCH_S", 0.0)])
def test_much_is_looked_at_in_batches_and_only_the_last_one_says_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, least: float
) -> None:
    monkeypatch.setattr(card_scan, name, least)
    for number in range(7):
        (tmp_path / f"{number}.txt").write_text(f"CVV 385 {UNION} " + "话" * 40)
    one = source(tmp_path)
    cursor = b""
    batches: list[list[Observation]] = []
    while True:
        *found, done = one.read(Window(cursor=cursor, now=NOW + timedelta(minutes=len(batches)), zone=ZONE))
        assert isinstance(done, Done)
        batches.append([x for x in found if isinstance(x, Observation)])
        cursor = done.cursor
        if not done.more:
            break
        assert done.covers is None
        assert not any(class_ in ("security_code", "card_number") for class_, *_ in told(batches[-1]))
    assert len(batches) == 7
    everything = [one for batch in batches for one in batch]
    assert result(everything) == (7, 7)
    assert done.covers == (NOW - timedelta(seconds=1), NOW)  # where the scan began
    assert len({x.occurrence.id.text for x in everything}) == len(everything) == 16


def test_more_files_than_the_cursor_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_access_control.card_folder.MAX_FILES", 1)
    assert problem(source(texts(tmp_path)))[0] is Reason.LIMITED
    full = {number.to_bytes(8, "big"): Sighting(b"s" * 8, b"d" * 8, 1, Found()) for number in range(MAX_FILES)}
    assert len(Seen(files=full).to_cursor()) < 1 << 20


@given(st.binary(max_size=200))
def test_any_bytes_are_a_cursor_of_nothing_or_of_files(cursor: bytes) -> None:
    seen = parse_seen(cursor, NOW, bytes(8))
    assert parse_seen(seen.to_cursor(), NOW, bytes(8)) == seen


def test_a_cursor_is_what_was_written_and_times_after_now_are_none() -> None:
    files = {b"k" * 8: Sighting(b"s" * 8, b"d" * 8, 3, Found(1, 2, 3, 4, 70_000))}
    seen = Seen(began=NOW, until=NOW - timedelta(days=1), scan=3, stated=9, files=files, setup=b"u" * 8)
    again = parse_seen(seen.to_cursor(), NOW, b"u" * 8)
    assert (again.began, again.until, again.scan, again.stated) == (seen.began, seen.until, 3, 9)
    assert again.files[b"k" * 8].found == Found(1, 2, 3, 4, 65_535)
    assert parse_seen(seen.to_cursor(), NOW - timedelta(days=2), b"u" * 8).until is None
    assert parse_seen(seen.to_cursor(), NOW, b"v" * 8).files == {}
