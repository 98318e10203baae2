"""The `card_data` source: what is found on site leaves as counts and places, once, and never as a digit."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from ccmm_agent.plugin import Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.card_scans import NOW, UNION, ZONE, read, result, source, texts, told
from tests.support.cards import spoken


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    check_source(source(texts(tmp_path)), source(tmp_path / "gone"))


def test_a_scan_says_how_many_are_there_and_each_item_where(tmp_path: Path) -> None:
    found, done = read(source(texts(tmp_path)))
    assert told(found) == [
        ("security_code_item", "notes: text", "1763812401.22", 1),
        ("card_number_item", "notes: text", "1763812401.22", 1),
        ("security_code", "notes", None, 1),
        ("card_number", "notes", None, 1),
    ]
    assert done.covers == (NOW - timedelta(seconds=1), NOW)
    assert all(one.occurrence.started_ms < NOW.timestamp() * 1000 for one in found)  # inside of what is vouched for
    assert len({one.occurrence.id.text for one in found}) == 4
    assert done.detail == "2 files"


def test_a_clean_place_is_told_as_nought_and_an_empty_folder_too(tmp_path: Path) -> None:
    found, done = read(source(tmp_path))
    assert told(found) == [("security_code", "notes", None, 0), ("card_number", "notes", None, 0)]
    assert done.covers is not None


def test_no_digit_leaves_in_facts_cursor_details_or_check(tmp_path: Path) -> None:
    one = source(texts(tmp_path))
    found, done = read(one)
    lines = list(one.check(Window(cursor=b"", now=NOW, zone=ZONE)))
    out = b"".join(x.SerializeToString() for x in found) + done.cursor + repr((done.detail, lines)).encode()
    for secret in (UNION, UNION[-4:], UNION[:6], spoken(UNION)[-4:], "三八五", "385"):
        assert secret.encode() not in out, secret
    for digest in (sha256(UNION.encode()).digest()[:8], sha256(UNION.encode()).hexdigest()[:16].encode()):
        assert digest not in out


def test_check_names_the_file_that_cannot_be_read_and_those_in_which_something_is(tmp_path: Path) -> None:
    texts(tmp_path)
    (tmp_path / "bad.txt").write_bytes(b"abc\0def")
    lines = list(source(tmp_path).check(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert [(line.verdict, line.subject) for line in lines] == [
        ("ok", "texts"),
        *sorted(
            [("failed", "bad.txt"), ("warning", "day/1763812401.22.txt")],
            key=lambda one: sha256(one[1].encode()).digest(),
        ),
    ]


def test_what_is_left_out_is_told_in_the_signed_detail(tmp_path: Path) -> None:
    texts(tmp_path)
    (tmp_path / "call.WAV").write_bytes(b"\0")
    one = source(tmp_path, leave_out=[".wav"])
    assert read(one)[1].detail == "2 files, 1 left out by leave_out"
    assert any(line.subject == "leave_out" for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE)))


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts(tmp_path)
    (tmp_path / "in" / "a.txt").symlink_to(tmp_path / "day" / "1763812401.22.txt")
    assert result(read(source(tmp_path / "in"))[0]) == (0, 0)


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    options = {"place": "notes", "folder": str(texts(tmp_path)), "positions": {"transcript": "text"}}
    spec = SourceSpec(name="cards", plugin="card_data", options=options)
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "2 files")
    (tmp_path / "new.pdf").write_bytes(b"x")
    assert read_source(spec, cursor=b"", now=NOW, zone=ZONE).outcome == UNAVAILABLE
