"""Satisfaction, recommendation and effort of one survey: counts of their own, and what would polish them is refused."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable
from ccmm_agent.testing import read_all
from ccmm_plugin_crm.survey import Survey
from ccmm_plugin_crm.survey_scale import RECOMMENDATION
from tests.support.tables import NOW, ZONE

HEADER = ("asked", "invited", "csat", "nps", "effort", "queue")
ROWS = [
    ("2026-11-20 09:00", "yes", "5", "10", "1", "sales"),
    ("2026-11-20 09:01", "yes", "4", "9", "2", "sales"),
    ("2026-11-20 09:02", "yes", "3", "8", "3", "sales"),
    ("2026-11-20 09:03", "yes", "", "7", "", "sales"),  # one question answered of three
    ("2026-11-20 09:04", "yes", "2", "6", "7", "sales"),
    ("2026-11-20 09:05", "yes", "1", "0", "6", "sales"),  # 0 is an answer, and the worst
    ("2026-11-20 09:06", "yes", "", "", "", "sales"),
    ("2026-11-20 09:07", "no", "", "", "", "sales"),  # withheld
    ("2026-11-22 10:00", "yes", "5", "10", "1", "sales"),
]
ALL = {"answer": "csat", "recommendation": "nps", "effort": "effort", "invited": "invited", "queue": "queue"}
CSAT = {"scale": {"least": 1, "most": 5, "favourable_from": 4}}
EASY = {"effort_scale": {"least": 1, "most": 7, "easy_to": 3}}


def source(folder: Path, rows: Sequence[Sequence[str]] = ROWS, /, **changed: object) -> Survey:
    path = folder / "survey.csv"
    path.write_text("".join(",".join(row) + "\n" for row in [HEADER, *rows]), "utf-8")
    given: dict[str, object] = {"path": str(path), "started": "asked", "columns": ALL, "until": "row", **CSAT, **EASY}
    options = Options({name: value for name, value in (given | changed).items() if value is not None})
    built = Survey.from_options(options)
    options.refuse_unknown()
    return built


def read(one: Survey, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(one, cursor=cursor, now=NOW, zone=ZONE)


def told(found: list[Observation]) -> dict[str, int]:
    """Counts, and of a sum how many it is of."""
    of_fact = (one.measure for one in found if one.WhichOneof("fact") == "measure")
    return {one.id: one.sum.count if one.WhichOneof("value") == "sum" else one.count for one in of_fact}


def test_each_question_is_counted_for_itself_and_by_hand(tmp_path: Path) -> None:
    found, done = read(source(tmp_path))
    assert told(found) == {
        "survey_asked": 7,
        "survey_answered": 5,
        "survey_favourable": 2,
        "nps_asked": 7,
        "nps_promoters": 2,  # 10 and 9
        "nps_passives": 2,  # 8 and 7
        "nps_detractors": 2,  # 6 and 0: a score of (2 - 2) / 6 = 0
        "effort_asked": 7,
        "effort_answered": 5,
        "effort_easy": 3,
        "effort_points": 5,
    }
    (points,) = (one.measure for one in found if one.measure.id == "effort_points")
    assert points.sum.total == 1 + 2 + 3 + 7 + 6  # a mean of 3.8
    assert done.detail == (
        "favourable are answers from 4 to 5 of 1 to 5; promoters are answers from 9 to 10 of 0 to 10; "
        "easy are answers from 1 to 3 of 1 to 7"
    )


def test_where_high_is_easy_the_points_are_turned_round(tmp_path: Path) -> None:
    found, _ = read(source(tmp_path, effort_scale={"least": 1, "most": 7, "easy_from": 5}))
    (points,) = (one.measure for one in found if one.measure.id == "effort_points")
    assert (points.sum.total, told(found)["effort_easy"]) == (7 + 6 + 5 + 1 + 2, 2)


def test_another_scale_of_effort_has_easy_answers_and_no_mean(tmp_path: Path) -> None:
    rows = [(*row[:4], str(min(5, int(row[4]))) if row[4] else "", row[5]) for row in ROWS]
    given = source(tmp_path, rows, effort_scale={"least": 1, "most": 5, "easy_to": 2})
    found = told(read(given)[0])
    assert (found["effort_easy"], found["effort_answered"]) == (2, 5)
    assert "effort_points" not in found
    assert "effort_points" not in given.feeds


def test_a_survey_may_ask_for_recommendation_alone(tmp_path: Path) -> None:
    columns = {"recommendation": "nps", "queue": "queue"}
    given = source(tmp_path, columns=columns, scale=None, effort_scale=None, answers_only=True)
    assert set(given.feeds) == {"nps_promoters", "nps_passives", "nps_detractors"}
    assert told(read(given)[0]) == {"nps_promoters": 2, "nps_passives": 2, "nps_detractors": 2}


def test_an_answer_that_is_changed_later_moves_with_a_revision(tmp_path: Path) -> None:
    _, done = read(source(tmp_path))
    mended = [*ROWS[:5], (*ROWS[5][:3], "9", *ROWS[5][4:]), *ROWS[6:]]
    found, after = read(source(tmp_path, mended), done.cursor)
    assert told(found).items() >= {"nps_promoters": 3, "nps_passives": 2, "nps_detractors": 1}.items()
    assert {one.measure.revision for one in found} == {1}
    assert read(source(tmp_path, mended), after.cursor)[0] == []


def test_the_last_detractor_that_vanishes_is_stated_as_none(tmp_path: Path) -> None:
    _, done = read(source(tmp_path))
    found, _ = read(source(tmp_path, [*ROWS[:4], *ROWS[6:]]), done.cursor)
    assert told(found).items() >= {"nps_asked": 5, "nps_promoters": 2, "nps_detractors": 0}.items()


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (3, "11", "no whole number from 0 to 10"),
        (3, "9.5", "no whole number from 0 to 10"),
        (3, "-1", "no whole number from 0 to 10"),
        (4, "0", "no whole number from 1 to 7"),  # a scale from 0: declare it
        (1, "no", "an answer of somebody who was not invited"),
    ],
)
def test_an_answer_of_another_scale_or_without_an_invitation_is_loud(
    tmp_path: Path, at: int, value: str, what: str
) -> None:
    rows = [(*ROWS[0][:at], value, *ROWS[0][at + 1 :]), *ROWS[1:]]
    with pytest.raises(SourceUnavailable, match=re.escape(f"row 2: {what}")) as caught:
        read(source(tmp_path, rows))
    assert caught.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ({"absent": {"nps": ["0"]}}, "absent"),  # the worst answer would be none
        ({"absent": {"*": ["99", "6"]}}, "absent"),
        ({"absent": {"csat": ["1"]}}, "absent"),
        ({"where": {"nps": ["9", "10"]}}, "where"),  # only those who are content
        ({"where": {"csat": ["5"]}}, "where"),
        ({"values": {"recommendation": {"6": "9"}}}, "values.recommendation"),
        ({"values": {"effort": {"7": "1"}}}, "values.effort"),
        ({"effort_scale": None}, "effort_scale"),
        ({"columns": {"answer": "csat"}}, "effort_scale"),
        ({"columns": {"recommendation": "nps"}, "effort_scale": None}, "columns.answer"),  # a scale of nothing
        ({"columns": {"queue": "queue"}, "effort_scale": None, "scale": None}, "columns.answer"),
        ({"who": "customers_by_outsiders"}, "columns.recommendation"),
        ({"effort_scale": {"least": 1, "most": 7}}, "effort_scale.easy_from"),
    ],
)
def test_what_would_polish_the_figures_is_refused(tmp_path: Path, changed: Mapping[str, object], option: str) -> None:
    with pytest.raises(BadOption, match=re.escape(f"'{option}'")):
        source(tmp_path, **changed)


def test_what_is_beside_the_scale_may_mean_nothing(tmp_path: Path) -> None:
    rows = [*ROWS[:6], (*ROWS[6][:3], "99", *ROWS[6][4:]), *ROWS[7:]]
    assert told(read(source(tmp_path, rows, absent={"nps": ["99", "-"]}))[0])["nps_detractors"] == 2


@given(st.text(max_size=6))
def test_only_whole_numbers_of_the_scale_are_answers(text: str) -> None:
    try:
        assert 0 <= RECOMMENDATION.number(2, text) <= 10
    except BadTable:
        assert text not in {str(number) for number in range(11)}
