"""The `card_data` source: what is found on site leaves as counts and places, once, and never as a digit."""

import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control import card_scan
from ccmm_plugin_access_control.card_data import CardData
from ccmm_plugin_access_control.card_folder import items_of
from ccmm_plugin_access_control.card_numbers import Numbers
from ccmm_plugin_access_control.card_seen import MAX_FILES, Seen, Sighting, parse_seen
from ccmm_plugin_access_control.card_tally import Found, Tally
from ccmm_plugin_access_control.card_texts import BadText, Layout, look_through, texts_of
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.cards import card, spoken
from tests.support.tables import attributes

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
UNION = card()
CODE = "385"


def source(folder: Path, **changed: object) -> CardData:
    asked = Options({"place": "notes", "folder": str(folder), **changed})
    built = CardData.from_options(asked)
    asked.refuse_unknown()
    return built


def read(one: CardData, cursor: bytes = b"", now: datetime = NOW) -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=now, zone=ZONE)


def told(observations: list[Observation]) -> list[tuple[object, ...]]:
    """(class, subject, item, hits) of every sample."""
    found = [attributes(one.occurrence) for one in observations]
    return [(one["class"], one["subject"], one.get("call"), one["hits"]) for one in found]


def result(observations: list[Observation]) -> tuple[object, object]:
    """How many codes and numbers the scan says are there."""
    by_class = {class_: hits for class_, _, _, hits in told(observations)}
    return by_class["security_code"], by_class["card_number"]


def problem(one: CardData, cursor: bytes = b"") -> tuple[Reason, str]:
    with pytest.raises(SourceUnavailable) as caught:
        list(one.read(Window(cursor=cursor, now=NOW, zone=ZONE)))
    return caught.value.reason, caught.value.detail


def texts(folder: Path) -> Path:
    (folder / "day").mkdir()
    (folder / "day" / "1763812401.22.txt").write_text(f"客户：卡号{spoken(UNION)}\n坐席：安全码？\n客户：三八五\n")
    (folder / "clean.txt").write_text("一共三笔，谢谢。\n")
    return folder


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


# Forms and encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_text_is_read_in_its_encoding_without_being_told(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text(f"客户：卡号{spoken(UNION)}，安全码三八五", encoding=encoding)
    assert result(read(source(tmp_path))[0]) == (1, 1)


def test_a_declared_encoding_is_believed_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("客户".encode("gb18030"))
    assert result(read(source(tmp_path, encoding="gb18030"))[0]) == (0, 0)
    assert problem(source(tmp_path, encoding="utf-8")) == (
        Reason.UNREADABLE,
        f"a file below {tmp_path} is not utf-8; ccmm-agent check names it",
    )


def test_csv_is_read_in_all_its_columns_and_turns_of_one_item_as_one_text(tmp_path: Path) -> None:
    rows = [
        "call_id,who,text,card_cvv,duration",
        f"c1,customer,{UNION[:8]},,12",
        "c1,agent,嗯,,3",
        f"c1,customer,{UNION[8:]},,9",
        f"c2,customer,{UNION[:8]},,12",
        "c3,customer,你好,385,4",
        f"c3,agent,{UNION[8:]},,4",
    ]
    (tmp_path / "turns.csv").write_text("\r\n".join(rows) + "\r\n")
    found, _ = read(source(tmp_path, item="call_id", positions={"transcript": "text"}))
    assert told(found) == [
        ("card_number_item", "notes: transcript", "c1", 1),
        ("security_code_item", "notes: other", "c3", 1),
        ("security_code", "notes", None, 1),
        ("card_number", "notes", None, 1),
    ]


def test_cells_of_undeclared_columns_are_never_one_text(tmp_path: Path) -> None:
    cells = [UNION[at : at + 4] for at in range(0, len(UNION), 4)]
    (tmp_path / "t.csv").write_text("a,b,c,d,e\n" + ",".join(cells) + "\n")
    (tmp_path / "t.tsv").write_text(f"a\tb\n{UNION}\tCVV 385\n")
    (tmp_path / "u.csv").write_text(f"{UNION}\n")  # no header at all
    assert result(read(source(tmp_path))[0]) == (1, 2)


def test_json_is_read_in_all_its_keys_numbers_and_depths(tmp_path: Path) -> None:
    call = {"call_id": "c7", "card": int(UNION), "cardCvv": "042", "turns": [{"text": UNION[:9]}, {"text": UNION[9:]}]}
    (tmp_path / "calls.jsonl").write_text(
        json.dumps(call) + "\n\n" + json.dumps({"call_id": "c8", "text": "你好"}) + "\n"
    )
    (tmp_path / "c9.json").write_text(json.dumps({"turns": [[{"text": f"cvv {CODE}"}]]}))
    found, _ = read(source(tmp_path, item="call_id", positions={"transcript": "text"}))
    assert sorted(told(found)[:-2], key=str) == [
        ("card_number_item", "notes: other", "c7", 1),
        ("card_number_item", "notes: transcript", "c7", 1),
        ("security_code_item", "notes: other", "c7", 1),
        ("security_code_item", "notes: transcript", "c9", 1),
    ]
    assert result(found) == (2, 2)


def test_columns_of_a_database_and_of_a_workbook_are_read_by_the_shared_tables(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as database:
        database.execute("CREATE TABLE notes (call TEXT, note TEXT)")
        database.executemany(
            "INSERT INTO notes VALUES (?, ?)", [("c1", f"卡号 {UNION}"), ("c2", "CVV 385"), (None, None)]
        )
    book = Workbook()
    assert book.active is not None
    for row in [("call", "note"), ("c1", f"卡号 {UNION}"), ("c2", "CVV 385")]:
        book.active.append(row)
    book.save(tmp_path / "notes.xlsx")
    common = {"place": "crm", "item": "call", "positions": {"note": "note"}}
    for where in ({"url": f"sqlite:///{tmp_path}/crm.db", "table": "notes"}, {"path": str(tmp_path / "notes.xlsx")}):
        asked = Options({**common, **where})
        one = CardData.from_options(asked)
        asked.refuse_unknown()
        now = datetime.now(UTC)
        found, _ = read_all(one, now=now, zone=ZONE)
        assert told(found) == [
            ("card_number_item", "crm: note", "c1", 1),
            ("security_code_item", "crm: note", "c2", 1),
            ("security_code", "crm", None, 1),
            ("card_number", "crm", None, 1),
        ]
        assert any(
            "1 card numbers and 1 security codes" in line.detail
            for line in one.check(Window(cursor=b"", now=now, zone=ZONE))
        )
        check_source(one, source(tmp_path / "gone"))


# Failures


@pytest.mark.parametrize(
    ("name", "content", "reason", "why"),
    [
        ("138001380001.docx", b"PK", Reason.UNREADABLE, "is .docx: is it no text, say so in `leave_out`"),
        ("138001380001", b"x", Reason.UNREADABLE, "is of another form"),
        ("a.txt", b"abc\0def", Reason.UNREADABLE, "it holds zero bytes"),
        ("a.txt", b"\xff\x81\xff", Reason.UNREADABLE, "is not utf-8 nor gb18030"),
        ("a.jsonl", b'{"a": 1}\n{"a":', Reason.UNREADABLE, "not of the form .jsonl"),
        ("a.json", b"[" * 100_000, Reason.UNREADABLE, "not of the form .json"),
        ("a.csv", b'a,b\n"x', None, ""),  # an open quote hides nothing: its text is looked at
        ("a.txt", b"x" * (1 << 20) + b"x", Reason.LIMITED, "larger than 1 MB: see max_mb"),
    ],
)
def test_a_file_that_cannot_be_looked_at_makes_the_run_unavailable_and_is_not_named(
    tmp_path: Path, name: str, content: bytes, reason: Reason | None, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    one = source(tmp_path, max_mb=1)
    if reason is None:
        assert result(read(one)[0]) == (0, 0)
        return
    found, detail = problem(one)
    assert (found, why in detail, "13800" in detail) == (reason, True, False), detail


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


def test_more_files_than_the_cursor_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_access_control.card_folder.MAX_FILES", 1)
    assert problem(source(texts(tmp_path)))[0] is Reason.LIMITED
    full = {number.to_bytes(8, "big"): Sighting(b"s" * 8, b"d" * 8, 1, Found()) for number in range(MAX_FILES)}
    assert len(Seen(files=full).to_cursor()) < 1 << 20


@pytest.mark.parametrize(
    "options",
    [
        {"folder": "/a", "path": "/b.csv"},
        {"folder": "/a", "url": "sqlite:////b"},
        {"path": "/b.csv"},
        {"folder": "/a", "encoding": "latin-9"},
        {"folder": "/a", "leave_out": ["wav"]},
        {"folder": "/a", "delimiter": "ab"},
        {"folder": "/a", "place": "x" * 101},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: Mapping[str, object]) -> None:
    with pytest.raises(BadOption):
        CardData.from_options(Options({"place": "notes", **options}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [("zz\n", Reason.UNREADABLE), ("abcd\n", Reason.UNREADABLE), (None, Reason.NOT_FOUND)],
)
def test_an_allow_list_that_cannot_be_read_stops_the_scan(tmp_path: Path, content: str | None, reason: Reason) -> None:
    allow = tmp_path / "allow"
    if content is not None:
        allow.write_text(content)
    assert problem(source(tmp_path, allow_file=str(allow)))[0] is reason


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tmp_path: Path) -> None:
    options = {"place": "notes", "folder": str(texts(tmp_path)), "positions": {"transcript": "text"}}
    spec = SourceSpec(name="cards", plugin="card_data", options=options)
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "2 files")
    (tmp_path / "new.pdf").write_bytes(b"x")
    assert read_source(spec, cursor=b"", now=NOW, zone=ZONE).outcome == UNAVAILABLE


# Outside bytes


@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.csv", "a.tsv", "a.json", "a.jsonl"]), st.booleans())
def test_any_bytes_are_read_or_are_a_bad_text(content: bytes, name: str, is_declared: bool) -> None:
    layout = Layout(item=None, positions={"a": "x"}, encoding="gb18030" if is_declared else None)
    try:
        looked = look_through(BytesIO(content), layout.encoding)
        items = list(items_of(texts_of(BytesIO(content), name, looked, layout), lambda: Tally(Numbers())))
    except BadText:
        return
    assert all(item.found != Found() for item in items)


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
