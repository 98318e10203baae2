"""Measures by day that the center's payroll, quality, ticket, client and customer systems total."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from demo.book.rows import Cell, Figures, Row, Rows, sheet
from demo.calls import agents_of, team_of
from demo.characters import Character
from demo.people import local
from demo.switch import shift

YEAR = 400  # days: four whole quarters, and what the running one has
SINGLE_DAYS = 100  # days that are told one by one; older ones five at a time
FEWER_BLANKS_DAYS, FEWER_DOUBLES_DAYS = 110, 120  # ago: what two projects changed in the customer records


def _days(character: Character, now: datetime) -> Iterator[tuple[int, int]]:
    """(days ago, how many days the row adds up), as far back as the center kept figures."""
    for days in range(1, SINGLE_DAYS):
        yield days, 1
    for days in range(SINGLE_DAYS, min(YEAR, 30 * character.months), 5):
        yield days, 5


def daily(constants: Mapping[str, Cell], **values: int) -> Rows:
    """The same figures every day; the constants are dimensions."""

    def rows(character: Character, now: datetime) -> Iterator[Row]:
        for days, added in _days(character, now):
            figures: Row = {name: value * added for name, value in values.items()}
            yield {"started": local(now, days), **constants, **figures}

    return rows


def _shifts(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 70):
        for agent in team_of(character, local(now, days).date(), local(now, 0).date()):
            start, end = shift(agent, local(now, days).date())
            paid = int((end - start).total_seconds())
            row: Row = {"started": local(now, days), "agent": agent, "team": "support", "paid_time": paid}
            row |= {"onsite_login_time": paid, "presence_time": paid + 600, "plan_time": paid}
            row |= {"plan_kept_time": int(0.95 * paid), "late_exception_time": int(0.01 * paid)}
            yield row | {"handling_time": int(0.6 * paid), "ready_time": int(0.3 * paid)}


def _agent_calls(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 40):
        yield {"started": local(now, days), "team": "support", "schedule_notice": 15}
        for agent in agents_of(character):
            row: Row = {"started": local(now, days), "agent": agent, "agent_calls": 100}
            yield row | {"agent_short_calls": round(100 * character.short_calls)}


def _cells(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, SINGLE_DAYS):
        for cell in ("morning", "afternoon"):
            row: Row = {"started": local(now, days), "cell": cell, "qa_cells": 5, "recorded_cells": 50}
            yield row | {"invites_due": 40, "invites_skipped": 4}


def _staff(character: Character, now: datetime) -> Iterator[Row]:
    for days, added in _days(character, now):
        row: Row = {"started": local(now, days), "headcount": 26 * added, "leavers": 1 if days % 90 == 40 else 0}
        row |= {"hires": 1 if days % 45 == 10 else 0, "hires_lost": 0, "training_time": 26 * 500 * added}
        row |= {"proficiency_time": 6, "calibration_gap": 3}  # of one person, of one score
        yield row | {"training_state_time": 26 * 480 * added, "training_call_time": 0, "absent_time": 9000 * added}


def _quality(character: Character, now: datetime) -> Iterator[Row]:
    for days, added in _days(character, now):
        for agent in agents_of(character):
            row: Row = {"started": local(now, days), "agent": agent, "random": "yes", "qa_points": 92 * added}
            yield row | {"qa_possible": 100 * added, "qa_checked": added, "qa_critical": 0}


STEPS = ("complaints", "quality", "planning", "knowledge", "training")


def _steps(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 130, 2):
        for process in STEPS:
            row: Row = {"started": local(now, days), "process": process}
            yield row | {"process_steps": 20, "process_steps_right": 20}


def _records(character: Character, now: datetime) -> Iterator[Row]:
    for days, added in _days(character, now):
        filled = 890 if days < FEWER_BLANKS_DAYS else 872
        double = 20 if days < FEWER_DOUBLES_DAYS else 45
        row: Row = {"started": local(now, days), "customer_records": 5000 * added}
        row |= {"customer_records_double": double * added, "fields_mandatory": 900 * added}
        row |= {"fields_filled": filled * added, "fields_beyond": 0, "call_records": character.calls_a_day * added}
        row |= {"call_records_double": 0, "call_record_gaps": 0, "values_frozen": 900 * added}
        yield row | {"values_corrected": 0}


_CASES = daily(
    {},
    issues=50,
    issues_resolved_first=41,
    issues_marked_resolved=42,
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
    contacts_handled=80,
    contacts_repeated=6,
    contacts_transcribed=40,
    contacts_negative=1,
    outside_answered=10,
    outside_favourable=9,
    survey_asked=60,
)
_POLLS = daily(
    {"drawn": "random"},
    quiz_staff=26,
    quiz_taken=20,
    quiz_questions=200,
    quiz_right=186,
    staff_asked=26,
    staff_answered=20,
    staff_favourable=16,
)
_CLIENTS = daily(
    {"client": "acme"},
    client_answered=5,
    client_favourable=5,
    client_contacts=5,
    client_contacts_asked=5,
    sla_items=10,
    sla_items_met=10,
    customers=5000,
    operating_cost=1200,
)
FIGURES: Mapping[str, Figures] = {
    "days": sheet(
        "headcount leavers hires hires_lost training_time training_state_time training_call_time absent_time"
        " proficiency_time issues issues_resolved_first issues_marked_resolved cases_closed cases_reopened"
        " cases_sampled cases_wrong cases_due cases_on_time cases_due_moved complaints complaints_due"
        " complaints_on_time test_points test_possible contacts_handled contacts_repeated contacts_transcribed"
        " contacts_negative outside_answered outside_favourable survey_asked calibration_gap customer_records"
        " customer_records_double fields_mandatory fields_filled fields_beyond call_records call_records_double"
        " call_record_gaps values_frozen values_corrected",
        _staff,
        _CASES,
        _records,
    ),
    "polls": sheet(
        "quiz_staff quiz_taken quiz_questions quiz_right staff_asked staff_answered staff_favourable", _POLLS
    ),
    "agents": sheet(
        "paid_time onsite_login_time presence_time plan_time plan_kept_time late_exception_time handling_time"
        " ready_time agent_calls agent_short_calls schedule_notice",
        _shifts,
        _agent_calls,
    ),
    "quality": sheet(
        "qa_points qa_possible qa_checked qa_critical process_steps process_steps_right", _quality, _steps
    ),
    "cells": sheet("qa_cells recorded_cells invites_due invites_skipped", _cells),
    "clients": sheet(
        "client_answered client_favourable client_contacts client_contacts_asked sla_items sla_items_met customers"
        " operating_cost",
        _CLIENTS,
    ),
    "capacity": sheet(
        "capacity_busy_hour capacity_reserve",
        daily({"resource": "seats"}, capacity_busy_hour=10, capacity_reserve=3),
    ),
}
