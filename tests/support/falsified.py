"""Ways to polish one of two systems that should agree, one for each cross-check of cc_cmm, and the rules it turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ccmm_proto.period import to_ms
from ccmm_rules.evidence import Alteration, AttributeValue, Evidence, Happening, MeasureRow
from tests.support.altered import Altered, hits
from tests.support.altering import (
    DAY,
    MINUTE,
    Entries,
    Rows,
    Slots,
    by,
    drop,
    edit,
    edit_entry,
    some,
    strike,
    times,
    where,
    with_attributes,
)

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)
NOW_MS = to_ms(NOW)
_LAST_QUARTER = to_ms(datetime(2026, 6, 30, 16, tzinfo=UTC))  # in Shanghai the first of July


@dataclass(frozen=True, kw_only=True)
class Trick:
    """What is altered, by kind or measure, and the rules that it turns to `not satisfied`: these and no others."""

    turns: frozenset[str]
    rows: Mapping[str, Rows] = field(default_factory=dict)
    entries: Mapping[str, Entries] = field(default_factory=dict)
    slots: Mapping[str, Slots] = field(default_factory=dict)
    changes: Mapping[str, Sequence[Alteration]] = field(default_factory=dict)

    def played(self, base: Evidence) -> Altered:
        return Altered(base, rows=self.rows, entries=self.entries, slots=self.slots, changes=self.changes)


def _moved(days: int, **more: AttributeValue) -> Mapping[str, Sequence[Alteration]]:
    """A threshold of the switch, altered so many days ago; nobody had approved it."""
    before: Mapping[str, AttributeValue] = {"system": "acd", "class": "queue", "number": 20.0, **more}
    after = {**before, "number": 60.0}
    at = NOW_MS - days * DAY
    return {
        "setting": [
            Alteration(agent="agent-1", source="setting", key_id="", at_ms=at, key="quiet", before=before, after=after)
        ]
    }


def _on(days: int, factor: float) -> Slots:
    """Multiplied on the one day so long ago."""
    begin = to_ms(NOW.replace(hour=0)) - days * DAY
    return lambda row: times(factor)(row) if begin <= row.start_ms < begin + DAY else row


def _since_july(factor: float) -> Slots:
    return lambda row: times(factor)(row) if row.start_ms >= _LAST_QUARTER else row


def _none(row: MeasureRow) -> MeasureRow:
    return row._replace(count=0)


def _turns(rules: str) -> frozenset[str]:
    return frozenset(rules.split())


def _raised(row: Happening, by: float) -> Happening:
    value = row.attributes.get("value")
    return with_attributes(row, value=float(value) + by) if isinstance(value, int | float) else row


NOBODY = 4_242_424_242  # a pseudonym that stands for nobody

TRICKS: dict[str, Trick] = {
    "posts are taken off the chart": Trick(
        turns=_turns("D-SYS-01 E-HRM-01"), entries={"register": strike(where(register="role"))}
    ),
    "a door has no reader": Trick(turns=_turns("D-ENV-01"), entries={"device": strike(where(class_="reader"))}),
    "people walk in behind others": Trick(turns=_turns("D-ENV-08"), rows={"passage": drop(some(3, direction="in"))}),
    "hosts are left off the list": Trick(turns=_turns("D-INF-01"), entries={"asset": strike(where(class_="host"))}),
    "a threshold is moved in silence": Trick(turns=_turns("D-INF-07"), changes=_moved(1, kpi=False)),
    "an emergency contact has left": Trick(
        turns=_turns("D-EMG-05 D-EMG-21"),
        entries={"register": edit_entry(where(register="emergency_contact", class_="it"), person=NOBODY)},
    ),
    "an outage is written down later": Trick(
        turns=_turns("D-EMG-14"),
        rows={"incident": lambda row: [with_attributes(row, detected=row.started_ms + 20 * MINUTE)]},
    ),
    "copies that were never made": Trick(turns=_turns("D-EMG-17"), entries={"holding": strike(where(class_="backup"))}),
    "a switch-over without calls": Trick(turns=_turns("D-EMG-18"), slots={"calls_on_standby": times(0)}),
    "drills on paper": Trick(turns=_turns("D-EMG-22"), rows={"notice": drop(lambda _: True)}),
    "undertakings signed after the account": Trick(
        turns=_turns("D-SEC-04"), entries={"person": edit_entry(where(active=True), undertaking=NOW_MS - 60 * DAY)}
    ),
    "a leaver's account is revived": Trick(
        turns=_turns("D-SEC-09"), entries={"account": edit_entry(where(enabled=False), enabled=True)}
    ),
    "a leaver's badge is revived": Trick(
        turns=_turns("D-SEC-10"), entries={"badge": edit_entry(where(enabled=False), enabled=True)}
    ),
    "the recorder is not paused": Trick(turns=_turns("D-SEC-14"), rows={"mark": drop(where(mark="pause"))}),
    "exports past the application": Trick(
        turns=_turns("D-SEC-16"), rows={"use": drop(where(action="export", log="application"))}
    ),
    "visitors are not written down": Trick(turns=_turns("D-SEC-23"), rows={"presence": drop(where(visitor=True))}),
    "strangers on a reserved floor": Trick(
        turns=_turns("D-SEC-27"),
        rows={"passage": edit(some(50), project="other")},
    ),
    "an account outlives its project": Trick(
        turns=_turns("D-SEC-28"), entries={"account": edit_entry(lambda entry: hits(entry.key, 5), project="ended")}
    ),
    "gains that the counts do not show": Trick(
        turns=_turns("D-IMP-04"), rows={"project": edit(lambda row: "closed" in row.attributes, claimed=9.0)}
    ),
    "checks are chosen": Trick(
        turns=_turns("E-PRO-05"),
        slots={"qa_cells": lambda row: row._replace(count=row.count * (3 if by(row, "cell") == "morning" else 1))},
    ),
    "hours that nobody worked": Trick(turns=_turns("E-OPS-05"), slots={"paid_time": times(1.2)}),
    "called back, says the ticket": Trick(turns=_turns("E-OPS-06"), rows={"contact": drop(some(2, direction="out"))}),
    "numbers dialled without consent": Trick(
        turns=_turns("E-OPS-07"), rows={"consent": drop(lambda row: hits(row.id, 3))}
    ),
    "ghosts answer": Trick(
        turns=_turns("E-HRM-02 M-DAT-04"), rows={"call": edit(some(9, system="acd", answered=True), agent=NOBODY)}
    ),
    "an exam after the first call": Trick(
        turns=_turns("E-HRM-03"),
        entries={"person": edit_entry(where(agent=True, active=True), joined=NOW_MS - 20 * DAY)},
    ),
    "calls during training": Trick(
        turns=_turns("E-HRM-04"), slots={"training_call_time": lambda row: row._replace(total=900.0)}
    ),
    "recordings are missing": Trick(turns=_turns("M-DAT-03"), rows={"recording": drop(lambda row: hits(row.id, 10))}),
    "calls are deleted": Trick(turns=_turns("M-DAT-03 M-DAT-04"), rows={"call": drop(some(10, system="acd"))}),
    "tickets without calls": Trick(
        turns=_turns("M-DAT-04"),
        rows={"contact": edit(lambda row: "call" in row.attributes and hits(row.id, 5), call=NOBODY)},
    ),
    "calls leave no ticket": Trick(
        turns=_turns("M-DAT-04"), rows={"contact": drop(lambda row: "call" in row.attributes and hits(row.id, 5))}
    ),
    "calls are lost on the way in": Trick(turns=_turns("M-DAT-05 E-TEC-02"), slots={"carrier_attempts": times(1.1)}),
    "the menu hangs up": Trick(turns=_turns("M-DAT-06"), slots={"ivr_human_choices": times(1.1)}),
    "better figures in the report": Trick(
        turns=_turns("M-DAT-07"),
        rows={"report": lambda row: [_raised(row, 5.0) if row.attributes.get("class") == "kpi" else row]},
    ),
    "better figures, explained by a tick": Trick(
        turns=_turns("M-DAT-07"),
        rows={
            "report": lambda row: [
                with_attributes(_raised(row, 5.0), explained=True) if row.attributes.get("class") == "kpi" else row
            ]
        },
    ),
    "a threshold is moved when a figure jumps": Trick(
        turns=_turns("M-DAT-08 M-DAT-07 M-PMS-05"),  # the jump is not in the report, and nobody looked at it
        slots={"test_points": _on(99, 0.3)},
        changes=_moved(99, kpi=True),
    ),
    "call records have holes": Trick(
        turns=_turns("M-DAT-09"), slots={"call_record_gaps": lambda row: row._replace(count=row.count + 1)}
    ),
    "calls are dropped at once": Trick(
        turns=_turns("M-KPI-09"),
        slots={"agent_short_calls": lambda row: row._replace(count=9 if hits(by(row, "agent"), 7) else 0)},
    ),
    "invitations are withheld": Trick(turns=_turns("O-DSC-05"), rows={"mark": drop(some(2, mark="invited"))}),
    "happier customers who complain more": Trick(
        turns=_turns("O-DSC-06"),
        slots={
            "survey_favourable": lambda row: _none(row) if row.start_ms < _LAST_QUARTER and hits(row, 20) else row,
            "complaints": _since_july(3.0),
            "contacts_repeated": _since_july(1.5),
        },
    ),
    "complaints get another name": Trick(
        turns=_turns("O-DSC-08"), rows={"case": edit(where(class_="complaint"), class_="request")}
    ),
    "solved, says the tick": Trick(turns=_turns("O-DSC-09"), slots={"issues_marked_resolved": times(1.3)}),
    "more is billed than was answered": Trick(
        turns=_turns("O-USC-05"),
        rows={"report": lambda row: [_raised(row, 40.0) if row.attributes.get("class") == "invoice" else row]},
    ),
}
