"""Texts, tables and databases that the `card_data` source reads, in their forms and encodings."""

import csv
import json
import sqlite3
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ccmm_agent.plugin import Options, Reason, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control.card_data import CardData
from ccmm_plugin_access_control.card_folder import items_of
from ccmm_plugin_access_control.card_numbers import Numbers
from ccmm_plugin_access_control.card_tally import Found, Tally
from ccmm_plugin_access_control.card_texts import BadText, Layout, look_through, texts_of
from tests.support.card_scans import UNION, ZONE, problem, read, result, source, told
from tests.support.cards import spoken

CODE = "385"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_text_is_read_in_its_encoding_without_being_told(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_text(f"客户：卡号{spoken(UNION)}，安全码三八五", encoding=encoding)
    assert result(read(source(tmp_path))[0]) == (1, 1)


def test_a_long_cell_is_read_and_the_limit_of_the_process_is_as_before(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "long.csv").write_text(f"text,more\n{'好' * 200_000},{UNION}\n")
    assert read(source(tmp_path))
    assert csv.field_size_limit() == before


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


@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.csv", "a.tsv", "a.json", "a.jsonl"]), st.booleans())
def test_any_bytes_are_read_or_are_a_bad_text(content: bytes, name: str, is_declared: bool) -> None:
    layout = Layout(item=None, positions={"a": "x"}, encoding="gb18030" if is_declared else None)
    try:
        looked = look_through(BytesIO(content), layout.encoding)
        items = list(items_of(texts_of(BytesIO(content), name, looked, layout), lambda: Tally(Numbers())))
    except BadText:
        return
    assert all(item.found != Found() for item in items)
