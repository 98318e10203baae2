"""The shape of figures: every measure that may travel, its period, and what may stand beside it.

>>> MEASURES["login_time"].period_s, MEASURES["login_time"].dimensions["agent"]
(86400, <Sort.PERSON: 'person'>)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ccmm_proto.kinds import Sort


class Shape(StrEnum):
    """Which value a measure carries."""

    COUNT = "count"
    SUM = "sum"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A counted or timed quantity. `period_s` is 900 (queue x quarter hour), 86400 (staff x day) or 300 (probes)."""

    id: str
    shape: Shape
    period_s: int
    dimensions: Mapping[str, Sort | None]  # every dimension that may stand beside it, with the sort where pseudonymous
    unit: str = ""  # of the sum, the histogram or the gauge


Dimensions = Mapping[str, Sort | None]


def _dimensions(words: str) -> Dimensions:
    """`agent:person` is a pseudonym of that sort."""
    pairs = (word.partition(":") for word in words.split())
    return MappingProxyType({name: Sort(sort) if sort else None for name, _, sort in pairs})


_QUEUE = _dimensions("queue channel number class")  # class: the segment of customers that is served
_LINE = _dimensions("number trunk")
_STAFF = _dimensions("agent:person reason team site")
_SURVEY = _dimensions("channel queue client drawn")
_PROBE = _dimensions("service observer planned")
_PLACE = _dimensions("sensor place quantity source ups trunk resource")
_QUALITY = _dimensions("agent:person queue form random process")
_CASE = _dimensions("class origin channel queue")
_PEOPLE = _dimensions("team site drawn")
_CELL = _dimensions("cell agent:person")  # one cell of a table that chi-square compares
_CLIENT = _dimensions("client")
_RECORDS = _dimensions("system")

# (dimensions, period in seconds, shape, unit): ids, one line each where what is counted needs a word
_TABLE: tuple[tuple[Dimensions, int, Shape, str, str], ...] = (
    (
        _QUEUE,
        900,
        Shape.COUNT,
        "",
        "calls_offered calls_answered calls_abandoned calls_left",
    ),  # left: not by hanging up
    (_QUEUE, 900, Shape.HISTOGRAM, "s", "wait_answered wait_abandoned"),
    (_QUEUE, 900, Shape.SUM, "s", "talk_time hold_time after_call_time"),
    (_QUEUE, 900, Shape.COUNT, "", "calls_transferred agent_releases short_calls ring_no_answer"),  # short: under 10 s
    (_QUEUE, 900, Shape.COUNT, "", "calls_from_ivr calls_on_standby"),  # of those offered
    (_QUEUE, 900, Shape.COUNT, "", "forecast_contacts"),  # as frozen at publication
    (_QUEUE, 900, Shape.COUNT, "", "staff_required staff_staffed"),  # people, as planned and as logged in
    (_QUEUE, 900, Shape.SUM, "s", "open_promised open_staffed"),  # promised hours; of them with someone ready
    (_QUEUE, 900, Shape.COUNT, "", "contacts_handled contacts_repeated contacts_transcribed contacts_negative"),
    (_QUEUE, 900, Shape.COUNT, "", "threads threads_on_time"),  # written contacts, by when they began
    (_QUEUE, 900, Shape.SUM, "s", "reply_time"),  # to the first reply by a person, of each thread
    (_LINE, 900, Shape.COUNT, "", "carrier_attempts carrier_blocked cli_mismatches"),
    (_LINE, 900, Shape.COUNT, "", "calls_direct ivr_entered ivr_served ivr_task_done"),  # done: no human within 24 h
    (_LINE, 900, Shape.COUNT, "", "ivr_human_choices ivr_hangups"),  # hung up between the choice and the queue
    (_LINE, 900, Shape.HISTOGRAM, "s", "human_reach"),  # from the start of the call to the queue
    (_LINE, 900, Shape.SUM, "s", "trunk_busy trunk_channels"),  # channel seconds in use, and there to be used
    (_STAFF, 86400, Shape.SUM, "s", "login_time pause_time handling_time ready_time paid_time plan_time"),
    (_STAFF, 86400, Shape.SUM, "s", "plan_kept_time late_exception_time absent_time"),  # of the plan
    (_STAFF, 86400, Shape.SUM, "s", "onsite_login_time presence_time"),  # at a seat in the house; in the building
    (_STAFF, 86400, Shape.SUM, "s", "training_time training_state_time training_call_time"),
    (_STAFF, 86400, Shape.COUNT, "", "agent_calls agent_short_calls headcount leavers hires hires_lost"),  # in 90 days
    (_STAFF, 86400, Shape.SUM, "wk", "proficiency_time"),  # of each who reached it that day
    (_STAFF, 86400, Shape.GAUGE, "d", "schedule_notice"),  # days from publication to the shift
    (
        _SURVEY,
        900,
        Shape.COUNT,
        "",
        "survey_asked survey_answered survey_favourable outside_answered outside_favourable",
    ),
    # of answers from 0 to 10: promoters gave 9 or 10, detractors 0 to 6
    (_SURVEY, 900, Shape.COUNT, "", "nps_asked nps_promoters nps_passives nps_detractors"),
    (_SURVEY, 900, Shape.COUNT, "", "effort_asked effort_answered effort_easy"),
    (_SURVEY, 900, Shape.SUM, "points", "effort_points"),  # from 1, none, to 7, the most
    (_PEOPLE, 86400, Shape.COUNT, "", "staff_asked staff_answered staff_favourable"),
    (_PEOPLE, 86400, Shape.COUNT, "", "quiz_staff quiz_taken quiz_questions quiz_right"),
    (_QUALITY, 86400, Shape.SUM, "points", "qa_points qa_possible calibration_gap"),
    (_QUALITY, 86400, Shape.COUNT, "", "qa_checked qa_critical process_steps process_steps_right"),
    (_CELL, 86400, Shape.COUNT, "", "qa_cells recorded_cells invites_due invites_skipped"),
    (_CASE, 86400, Shape.COUNT, "", "issues issues_resolved_first issues_marked_resolved complaints"),
    (_CASE, 86400, Shape.COUNT, "", "complaints_due complaints_on_time cases_due cases_on_time cases_due_moved"),
    (_CASE, 86400, Shape.COUNT, "", "cases_closed cases_reopened cases_sampled cases_wrong"),
    (_CASE, 86400, Shape.SUM, "points", "test_points test_possible"),  # of test calls
    (_CLIENT, 86400, Shape.COUNT, "", "client_answered client_favourable client_contacts client_contacts_asked"),
    (_CLIENT, 86400, Shape.COUNT, "", "sla_items sla_items_met customers"),  # customers on the books that day
    (_CLIENT, 86400, Shape.SUM, "¥", "operating_cost"),
    (_RECORDS, 86400, Shape.COUNT, "", "customer_records customer_records_double fields_mandatory fields_filled"),
    (_RECORDS, 86400, Shape.COUNT, "", "fields_beyond call_records call_records_double call_record_gaps"),
    (_RECORDS, 86400, Shape.COUNT, "", "values_frozen values_corrected backup_jobs backup_jobs_verified"),
    (_PLACE, 86400, Shape.COUNT, "", "capacity_busy_hour capacity_reserve"),  # seats or lines needed; and spare then
    (_PLACE, 900, Shape.COUNT, "", "floor_exits"),  # people who left
    (_PLACE, 900, Shape.SUM, "dB", "noise"),
    (_PLACE, 900, Shape.GAUGE, "", "reading"),  # its quantity says of what, in which unit
    (_PROBE, 300, Shape.SUM, "s", "probe_watched probe_down"),  # finer, so that an outage has a beginning and an end
)

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        id: Measure(id=id, shape=shape, period_s=period_s, dimensions=dimensions, unit=unit)
        for dimensions, period_s, shape, unit, ids in _TABLE
        for id in ids.split()
    }
)
