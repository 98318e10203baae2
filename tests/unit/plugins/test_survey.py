import os
import re
import sqlite3
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_crm.survey import Survey
from ccmm_plugin_crm.survey_rows import ATTRIBUTES, Asked, SurveyRows
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from tests.support.calls import calls
from tests.support.tables import NOW, ZONE

PlaceOf: TypeAlias = Callable[[Path, Sequence[Sequence[str]]], Mapping[str, object]]
HEADER = ("no", "asked", "invited", "score", "queue", "call", "agent", "talk", "moved", "dropped", "said")
ROWS = [
    ("1", "2026-11-20 09:01", "yes", "5", "sales", "c1", "E1", "60", "no", "no", "thanks, Ms Li"),
    ("2", "2026-11-20 09:02", "yes", "3", "sales", "c2", "E1", "60", "no", "no", ""),
    ("3", "2026-11-20 09:03", "yes", "", "sales", "c3", "E2", "60", "no", "no", ""),
    ("4", "2026-11-20 09:04", "no", "", "sales", "c4", "E2", "900", "yes", "no", ""),
    ("5", "2026-11-20 09:20", "yes", "4", "help", "c5", "E2", "700", "no", "yes", ""),
    ("6", "2026-11-20 23:30", "no", "", "help", "c6", "E2", "60", "no", "yes", ""),
    ("7", "2026-11-22 10:00", "yes", "5", "help", "c7", "E2", "60", "no", "no", ""),
]
OPTIONS: Mapping[str, object] = {
    "started": "asked",
    "columns": {
        "id": "no",
        "answer": "score",
        "invited": "invited",
        "queue": "queue",
        "call": "call",
        "agent": "agent",
        "talk": "talk",
        "transferred": "moved",
        "ended_by_agent": "dropped",
    },
    "scale": {"least": 1, "most": 5, "favourable_from": 4},
}


def csv_of(folder: Path, rows: Sequence[Sequence[str]] = ROWS) -> Mapping[str, object]:
    path = folder / "survey.csv"
    lines = [",".join(f'"{cell}"' for cell in row) + "\n" for row in [HEADER, *rows]]
    path.write_text("".join(lines), "utf-8")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    return {"path": str(path)}


def sqlite_of(folder: Path, rows: Sequence[Sequence[str]] = ROWS) -> Mapping[str, object]:
    path = folder / "survey.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE survey ({})".format(", ".join(f'"{name}" TEXT' for name in HEADER)))
        connection.executemany(f"INSERT INTO survey VALUES ({', '.join('?' * len(HEADER))})", rows)
    return {"url": f"sqlite:///{path}", "table": "survey", "since": "2026-11-01"}


both = pytest.mark.parametrize("place_of", [csv_of, sqlite_of])


def source(place: Mapping[str, object], **changed: object) -> Survey:
    given = Options({name: value for name, value in {**OPTIONS, **place, **changed}.items() if value is not None})
    built = Survey.from_options(given)
    given.refuse_unknown()
    return built


def read(one: Survey, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=NOW, zone=ZONE)


def figures(found: list[Observation]) -> dict[tuple[str, str, str], int]:
    """(measure, dimensions, start in UTC) -> count."""
    told = {}
    for one in found:
        if one.WhichOneof("fact") == "measure":
            at = datetime.fromtimestamp(one.measure.start_ms / 1000, UTC)
            named = " ".join(dimension.text for dimension in one.measure.dimensions)
            told[one.measure.id, named, f"{at:%d %H:%M}"] = one.measure.count
    return told


def problem(place: Mapping[str, object], **changed: object) -> str:
    with pytest.raises(SourceUnavailable) as caught:
        list(source(place, **changed).read(Window(cursor=b"", now=NOW, zone=ZONE)))
    assert caught.value.reason is Reason.UNREADABLE
    return caught.value.detail


@both
def test_the_contract_is_kept(place_of: PlaceOf, tmp_path: Path) -> None:
    broken = source({"path": str(tmp_path / "none.csv")})
    check_source(healthy=source(place_of(tmp_path, ROWS)), broken=broken, window=Window(cursor=b"", now=NOW, zone=ZONE))


@both
def test_who_was_asked_who_answered_and_who_was_left_out(place_of: PlaceOf, tmp_path: Path) -> None:
    found, done = read(source(place_of(tmp_path, ROWS)))
    assert figures(found) == {
        ("survey_asked", "sales", "20 01:00"): 3,
        ("survey_answered", "sales", "20 01:00"): 2,  # no answer is none, and no satisfied one
        ("survey_favourable", "sales", "20 01:00"): 1,
        ("survey_asked", "help", "20 01:15"): 1,
        ("survey_answered", "help", "20 01:15"): 1,
        ("survey_favourable", "help", "20 01:15"): 1,
        ("invites_due", "plain", "20 00:00"): 3,
        ("invites_due", "long, transferred", "20 00:00"): 1,
        ("invites_skipped", "long, transferred", "20 00:00"): 1,
        ("invites_due", "long, ended by agent", "20 00:00"): 1,
        ("invites_due", "ended by agent", "20 00:00"): 1,
        ("invites_skipped", "ended by agent", "20 00:00"): 1,
    }
    assert done.detail == "favourable are answers from 4 to 5 of 1 to 5"
    assert done.covers == (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))


@both
def test_each_invited_call_is_marked_and_no_words_of_the_customer_leave(place_of: PlaceOf, tmp_path: Path) -> None:
    found, _ = read(source(place_of(tmp_path, ROWS)))
    told = calls(found)
    assert set(told) == {"c1", "c2", "c3", "c5"}
    assert {"mark": "invited", "call": "c5", "queue": "help", "agent": "E2"}.items() <= told["c5"].items()
    assert "Li" not in str(found)


@both
def test_an_answer_that_comes_days_later_is_stated_with_a_revision(place_of: PlaceOf, tmp_path: Path) -> None:
    _, done = read(source(place_of(tmp_path, ROWS)))
    assert read(source(place_of(tmp_path, ROWS)), done.cursor)[0] == []
    late = [*ROWS[:2], (*ROWS[2][:3], "5", *ROWS[2][4:]), *ROWS[3:]]
    found, after = read(source(place_of(tmp_path, late)), done.cursor)
    assert figures(found) == {
        ("survey_asked", "sales", "20 01:00"): 3,
        ("survey_answered", "sales", "20 01:00"): 3,
        ("survey_favourable", "sales", "20 01:00"): 2,
    }
    assert {one.measure.revision for one in found} == {1}
    assert read(source(place_of(tmp_path, late)), after.cursor)[0] == []


def test_an_answer_that_is_taken_away_is_taken_back(tmp_path: Path) -> None:
    _, done = read(source(sqlite_of(tmp_path)))
    found, _ = read(source(sqlite_of(tmp_path, [ROWS[0], *ROWS[2:]])), done.cursor)
    told = figures(found)
    assert told["survey_answered", "sales", "20 01:00"] == 1
    assert told["invites_due", "plain", "20 00:00"] == 2


BARE: Mapping[str, object] = {"columns": {"answer": "score", "queue": "queue"}}


@pytest.mark.parametrize(
    ("scale", "favourable"),
    [
        ({"least": 0, "most": 10, "favourable_from": 9}, None),  # recommendation: nobody gave 9 or 10
        ({"least": 1, "most": 7, "favourable_to": 3}, 1),  # effort, where low is good
        ({"least": 1, "most": 5, "favourable_from": 5}, 1),
    ],
)
def test_recommendation_and_effort_are_other_scales(tmp_path: Path, scale: object, favourable: int | None) -> None:
    told = figures(read(source(csv_of(tmp_path), **BARE, scale=scale))[0])
    assert told.get(("survey_favourable", "sales", "20 01:00")) == favourable
    assert told["survey_asked", "sales", "20 01:00"] == 4  # without `invited` each row is an invitation


def test_answers_in_words_and_answers_that_are_none(tmp_path: Path) -> None:
    words = {"5": "favourable", "4": "none", "*": "other"}
    found, done = read(source(csv_of(tmp_path), **BARE, scale=None, values={"answer": words}, answers_only=True))
    told = figures(found)
    assert told["survey_answered", "sales", "20 01:00"] == 2
    assert ("survey_answered", "help", "20 01:15") not in told
    assert not {measure for measure, *_ in told} & {"survey_asked", "invites_due"}
    assert done.detail == "favourable are 1 of 3 declared answers"


def test_outsiders_clients_and_staff_have_measures_of_their_own(tmp_path: Path) -> None:
    place = csv_of(tmp_path)
    told = figures(read(source(place, **BARE, who="customers_by_outsiders"))[0])
    assert told["outside_answered", "sales", "20 01:00"] == 2
    columns = {"answer": "score", "client": "queue", "outsider": "moved"}
    told = figures(read(source(place, columns=columns, who="clients"))[0])
    assert told["client_contacts", "sales", "20 00:00"] == 4
    assert told["client_contacts_asked", "sales", "20 00:00"] == 1
    assert told["client_favourable", "sales", "20 00:00"] == 1
    told = figures(read(source(place, columns={"answer": "score", "team": "queue"}, who="staff"))[0])
    assert (told["staff_asked", "sales", "20 00:00"], told["staff_answered", "sales", "20 00:00"]) == (4, 2)


@pytest.mark.parametrize(
    ("at", "value", "told"),
    [
        (3, "6", "row 3: no whole number from 1 to 5"),
        (3, "4.5", "row 3: no whole number from 1 to 5"),
        (3, "good", "row 3: no whole number from 1 to 5"),
        (2, "", "row 3: the cell is empty that says whether the contact was invited"),
        (2, "no", "row 3: an answer of somebody who was not invited"),
        (2, "perhaps", "row 3, column 'invited': neither yes nor no"),
        (0, "1", "an invitation stands twice"),
    ],
)
def test_what_cannot_be_read_is_loud(tmp_path: Path, at: int, value: str, told: str) -> None:
    row = (*ROWS[1][:at], value, *ROWS[1][at + 1 :])
    assert told in problem(csv_of(tmp_path, [ROWS[0], row, *ROWS[2:]]))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"who": "everybody"}, "who"),
        ({"answers_only": True}, "answers_only"),
        ({"scale": None}, "columns.answer"),
        ({"values": {"answer": {"5": "favourable"}}}, "columns.answer"),
        ({"scale": None, "values": {"answer": {"5": "good"}}}, "values.answer"),
        ({"scale": {"least": 1, "most": 5}}, "scale.favourable_from"),
        ({"scale": {"least": 1, "most": 5, "favourable_from": 1}}, "scale.favourable_from"),
        ({"scale": {"least": 1, "most": 5, "favourable_from": 6}}, "scale.favourable_from"),
        ({"scale": {"least": 1, "most": 5, "favourable_from": 4, "favourable_to": 2}}, "scale.favourable_from"),
        ({"columns": {"answer": "score", "talk": "talk"}}, "columns.invited"),
        ({"columns": {"answer": "score", "team": "queue"}}, "columns.team"),
        ({"columns": {"answer": "score"}, "who": "clients"}, "columns.outsider"),
        ({"columns": {"answer": "score", "outsider": "moved"}}, "columns.outsider"),
        ({"columns": {"answer": "score", "comment": "said"}}, "columns.comment"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, changed: Mapping[str, object], told: str) -> None:
    with pytest.raises(BadOption, match=re.escape(f"'{told}'")):
        source(csv_of(tmp_path), **changed)


def test_check_tells_what_is_favourable_and_warns_where_nobody_knows_who_was_asked(tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    told = {line.subject: line for line in source(csv_of(tmp_path)).check(window)}
    assert told["answers"].detail == "favourable are answers from 4 to 5 of 1 to 5"
    assert "invitations" not in told
    told = {line.subject: line for line in source(csv_of(tmp_path), **BARE, answers_only=True).check(window)}
    assert told["invitations"].verdict == "warning"


def test_a_reader_process_reads_it(tmp_path: Path) -> None:
    for place in (csv_of(tmp_path), sqlite_of(tmp_path)):
        spec = SourceSpec(name="survey", plugin="survey", options={**OPTIONS, **place})
        reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
        assert reading.reason == ""
        assert figures(list(reading.observations))["survey_asked", "sales", "20 01:00"] == 3


@given(st.lists(st.text(max_size=12), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_stands_in_the_cells_only_a_bad_table_escapes(cells: list[str]) -> None:
    options = Options(dict(OPTIONS))
    rows = SurveyRows.from_options(options, Declared.from_options(options, ATTRIBUTES))
    row = Row(2, {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell})
    with suppress(BadTable):
        assert isinstance(rows.asked(row, NOW, LocalTimes(ZONE)), Asked)


def test_each_example_of_the_page_is_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "plugins" / "survey.md").read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        table = tomllib.loads(example)
        given = Options(table | ({"url": "sqlite:////x.db"} if "table" in table else {"path": "/x.csv"}))
        Survey.from_options(given)
        given.refuse_unknown()
