"""Rows that an option drops are counted in the detail of the run, which is signed: who filters is seen to."""

from pathlib import Path

from ccmm_agent.plugin import Options
from ccmm_agent.testing import read_all
from ccmm_plugin_records.figures import Figures
from ccmm_plugin_records.quality import Quality
from ccmm_plugin_records.schedule import Schedule
from tests.support.tables import NOW, ROSTER, ROSTER_OPTIONS, TICKET_OPTIONS, TICKETS, ZONE, read, source, written

ONE_LEFT_OUT = "1 rows are left out by `where`"


def test_a_list_without_its_leavers_says_how_many_rows_it_lacks(tmp_path: Path) -> None:
    whole = source(written(tmp_path / "roster.csv", ROSTER), ROSTER_OPTIONS)
    assert read(whole)[1].detail == ""
    some = source(tmp_path / "roster.csv", ROSTER_OPTIONS, where={"status": ["在职"]})
    assert read(some)[1].detail == ONE_LEFT_OUT


def test_occurrences_without_the_complaints_say_so(tmp_path: Path) -> None:
    some = source(written(tmp_path / "t.csv", TICKETS), TICKET_OPTIONS, where={"type": ["question"]})
    assert read(some)[1].detail == ONE_LEFT_OUT


def test_counts_without_a_queue_say_so(tmp_path: Path) -> None:
    options = {"kind": "survey_answered", "started": "opened", "columns": {"queue": "queue"}, "where": {"queue": ["a"]}}
    assert read(source(written(tmp_path / "t.csv", TICKETS), options))[1].detail == ONE_LEFT_OUT


def test_figures_tell_of_rows_left_out_and_of_rows_that_no_measure_takes(tmp_path: Path) -> None:
    days = "day,staff,in,team\n2026-11-18,a1,60,x\n2026-11-18,a2,60,y\n2026-11-19,a3,60,z\n"
    options = Options(
        {
            "path": str(written(tmp_path / "days.csv", days)),
            "started": "day",
            "columns": {"agent": "staff"},
            "measures": {"login_time": "in"},
            "where": {"team": ["x", "y"]},
            "only": {"login_time": {"team": ["x"]}},
        }
    )
    _, done = read_all(Figures.from_options(options), cursor=b"", now=NOW, zone=ZONE)
    assert done.detail == "1 rows are left out by `where`; 1 rows hold none of the measures"


def test_a_plan_without_some_people_says_so(tmp_path: Path) -> None:
    plan = "who,from,to,state\na1,2026-11-18 09:00,2026-11-18 17:00,work\na2,2026-11-18 09:00,2026-11-18 17:00,work\n"
    table = {
        "path": str(written(tmp_path / "plan.csv", plan)),
        "started": "from",
        "ended": "to",
        "columns": {"agent": "who", "state": "state"},
        "where": {"who": ["a1"]},
    }
    _, done = read_all(Schedule.from_options(Options({"plan": table})), cursor=b"", now=NOW, zone=ZONE)
    assert done.detail == ONE_LEFT_OUT


def test_scores_without_the_bad_ones_say_so(tmp_path: Path) -> None:
    scores = "no,at,who,result\n1,2026-11-18 09:00,a1,good\n2,2026-11-18 09:00,a2,bad\n"
    table = {
        "path": str(written(tmp_path / "scores.csv", scores)),
        "key": "no",
        "started": "at",
        "columns": {"agent": "who"},
        "where": {"result": ["good"]},
    }
    _, done = read_all(Quality.from_options(Options({"scores": table})), cursor=b"", now=NOW, zone=ZONE)
    assert done.detail == ONE_LEFT_OUT
