"""Measures by day and quarter hour that the center's planning, payroll, quality, survey and ticket systems total."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from demo.book.rows import Cell, Figures, Row, Rows
from demo.calls import CLOSES_H, OPENS_H, agents_of, team_of
from demo.characters import Character
from demo.people import local
from demo.switch import shift

YEAR = 400  # days: four whole quarters, and what the running one has
HOUR_S = 3600


def daily(days: int, **values: Cell) -> Rows:
    """The same figures every day; what is a text is a dimension."""

    def rows(character: Character, now: datetime) -> Iterator[Row]:
        for day in range(1, days):
            yield {"started": local(now, day), **values}

    return rows


def _shifts(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 70):
        for agent in team_of(character, local(now, days).date(), local(now, 0).date()):
            start, end = shift(agent, local(now, days).date())
            paid = int((end - start).total_seconds())
            row: Row = {"started": local(now, days), "agent": agent, "team": "support", "paid_time": paid}
            yield (
                row
                | {"onsite_login_time": paid, "presence_time": paid + 600, "plan_time": paid}
                | {
                    "plan_kept_time": int(0.95 * paid),
                    "late_exception_time": int(0.01 * paid),
                    "handling_time": int(0.6 * paid),
                    "ready_time": int(0.3 * paid),
                }
            )


def _intervals(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 35):
        for quarter in range(4 * OPENS_H, 4 * CLOSES_H):
            yield {
                "started": local(now, days, quarter // 4, 15 * (quarter % 4)),
                "queue": "support",
                "staff_staffed": 8,
            }


def _required(character: Character, now: datetime) -> Iterator[Row]:
    for row in _intervals(character, now):
        yield {"started": row["started"], "queue": "support", "staff_required": 8}


def _carrier_hours(character: Character, now: datetime) -> Iterator[Row]:
    """What the lines, the IVR and the queues counted, hour by hour."""
    for days in range(1, 35):
        for hour in range(OPENS_H, CLOSES_H):
            row: Row = {"started": local(now, days, hour), "number": "4000-100-200", "carrier_attempts": 50}
            row |= {"carrier_blocked": 0, "cli_mismatches": 0, "ivr_entered": 50, "calls_direct": 0, "ivr_served": 50}
            yield row | {"ivr_task_done": 20, "ivr_human_choices": 30, "ivr_hangups": 0}


def _from_ivr(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 35):
        for hour in range(OPENS_H, CLOSES_H):
            yield {"started": local(now, days, hour), "queue": "support", "calls_from_ivr": 30}


def _reach(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 35):
        for number in range(3):
            yield {"started": local(now, days, 11 + number), "number": "4000-100-200", "human_reach": 20 + number}


def _forecast(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, YEAR):
        for queue, share in (("support", 0.6), ("sales", 0.4)):
            planned = round(character.calls_a_day * share)
            yield {"started": local(now, days, 11), "queue": queue, "forecast_contacts": planned}


def _cells(measure: str, cells: Mapping[str, int]) -> Rows:
    def rows(character: Character, now: datetime) -> Iterator[Row]:
        for days in range(1, 100):
            for cell, count in cells.items():
                yield {"started": local(now, days), "cell": cell, measure: count}

    return rows


def _agent_calls(character: Character, now: datetime) -> Iterator[Row]:
    short = round(100 * character.short_calls)
    for days in range(1, 40):
        for agent in agents_of(character):
            row: Row = {"started": local(now, days), "agent": agent}
            yield row | {"agent_calls": 100, "agent_short_calls": short}


def _staff(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, YEAR):
        row: Row = {"started": local(now, days), "headcount": 26, "leavers": 1 if days % 90 == 40 else 0}
        row |= {"hires": 1 if days % 45 == 7 else 0, "hires_lost": 0, "training_time": 26 * 500}
        yield row | {"training_state_time": 26 * 480, "training_call_time": 0, "absent_time": 9000}


def _quality(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, YEAR):
        for agent in agents_of(character):
            row: Row = {"started": local(now, days), "agent": agent, "random": "yes", "qa_points": 92}
            yield row | {"qa_possible": 100, "qa_checked": 1, "qa_critical": 0}


STEPS = ("complaints", "quality", "planning", "knowledge", "training")


def _steps(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 130, 2):
        for process in STEPS:
            row: Row = {"started": local(now, days), "process": process}
            yield row | {"process_steps": 20, "process_steps_right": 20}


def _sheet(measures: str, rows: Rows, **constants: str) -> Figures:
    return Figures(measures=tuple(measures.split()), rows=rows, constants=constants or None)


_ISSUES = daily(YEAR, issues=50, issues_resolved_first=41, issues_marked_resolved=42)
_TICKETS = daily(
    YEAR,
    cases_closed=50,
    cases_reopened=1,
    cases_sampled=10,
    cases_wrong=0,
    cases_due=50,
    cases_on_time=49,
    cases_due_moved=0,
    complaints=1,
    complaints_due=2,
    complaints_on_time=2,
    test_points=90,
    test_possible=100,
)
FIGURES: Mapping[str, Figures] = {
    "quiz": _sheet(
        "quiz_staff quiz_taken quiz_questions quiz_right",
        daily(370, drawn="random", quiz_staff=26, quiz_taken=20, quiz_questions=200, quiz_right=186),
    ),
    "shifts": _sheet(
        "paid_time onsite_login_time presence_time plan_time plan_kept_time late_exception_time handling_time"
        " ready_time",
        _shifts,
    ),
    "notice": _sheet("schedule_notice", daily(40, team="support", schedule_notice=15)),
    "staff": _sheet(
        "headcount leavers hires hires_lost training_time training_state_time training_call_time absent_time", _staff
    ),
    "proficiency": _sheet("proficiency_time", daily(YEAR, proficiency_time=6)),
    "staffed": _sheet("staff_staffed", _intervals),
    "required": _sheet("staff_required", _required),
    "forecast": _sheet("forecast_contacts", _forecast),
    "lines": _sheet(
        "carrier_attempts carrier_blocked cli_mismatches ivr_entered calls_direct ivr_served ivr_task_done"
        " ivr_human_choices ivr_hangups",
        _carrier_hours,
    ),
    "from-ivr": _sheet("calls_from_ivr", _from_ivr),
    "reach": _sheet("human_reach", _reach),
    "issues": _sheet("issues issues_resolved_first issues_marked_resolved", _ISSUES),
    "tickets": _sheet(
        "cases_closed cases_reopened cases_sampled cases_wrong cases_due cases_on_time cases_due_moved complaints"
        " complaints_due complaints_on_time test_points test_possible",
        _TICKETS,
    ),
    "contacts": _sheet(
        "contacts_handled contacts_repeated contacts_transcribed contacts_negative",
        daily(YEAR, contacts_handled=80, contacts_repeated=6, contacts_transcribed=40, contacts_negative=1),
    ),
    "outside": _sheet("outside_answered outside_favourable", daily(YEAR, outside_answered=10, outside_favourable=9)),
    "asked": _sheet("survey_asked", daily(YEAR, survey_asked=60)),
    "quality": _sheet("qa_points qa_possible qa_checked qa_critical", _quality),
    "calibration": _sheet("calibration_gap", daily(120, calibration_gap=3)),
    "steps": _sheet("process_steps process_steps_right", _steps),
    "cells": _sheet("qa_cells", _cells("qa_cells", {"morning": 5, "afternoon": 5})),
    "recorded-cells": _sheet("recorded_cells", _cells("recorded_cells", {"morning": 50, "afternoon": 50})),
    "invites": _sheet("invites_due", _cells("invites_due", {"morning": 40, "afternoon": 40})),
    "skipped": _sheet("invites_skipped", _cells("invites_skipped", {"morning": 4, "afternoon": 4})),
    "agent-calls": _sheet("agent_calls agent_short_calls", _agent_calls),
    "opinion": _sheet(
        "staff_asked staff_answered staff_favourable",
        daily(YEAR, staff_asked=26, staff_answered=20, staff_favourable=16),
    ),
    "clients": _sheet(
        "client_answered client_favourable client_contacts client_contacts_asked sla_items sla_items_met customers",
        daily(
            YEAR,
            client="acme",
            client_answered=5,
            client_favourable=5,
            client_contacts=5,
            client_contacts_asked=5,
            sla_items=10,
            sla_items_met=10,
            customers=5000,
        ),
    ),
    "cost": _sheet("operating_cost", daily(YEAR, operating_cost=1200, client="acme")),
    "records": _sheet(
        "customer_records customer_records_double fields_mandatory fields_filled fields_beyond call_records"
        " call_records_double call_record_gaps values_frozen values_corrected",
        daily(
            YEAR,
            customer_records=5000,
            customer_records_double=20,
            fields_mandatory=900,
            fields_filled=890,
            fields_beyond=0,
            call_records=84,
            call_records_double=0,
            call_record_gaps=0,
            values_frozen=900,
            values_corrected=0,
        ),
    ),
    "capacity": _sheet(
        "capacity_busy_hour capacity_reserve", daily(YEAR, resource="seats", capacity_busy_hour=10, capacity_reserve=3)
    ),
    "holds": _sheet("hold_time after_call_time", daily(YEAR, queue="support", hold_time=300, after_call_time=900)),
}
