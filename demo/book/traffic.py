"""What queues, lines and the IVR counted by the quarter hour and the hour, beside the switch, and what was planned."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from demo.book.figures import SINGLE_DAYS, YEAR
from demo.book.rows import Figures, Row, sheet
from demo.book.trouble import FAILOVER_DAYS
from demo.calls import CLOSES_H, OPENS_H, calls_of_day
from demo.characters import Character
from demo.people import hours, local

HOUR_S = 3600


def _intervals(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, 35):
        for quarter in range(4 * OPENS_H, 4 * CLOSES_H):
            yield {"started": local(now, days, quarter // 4, 15 * (quarter % 4)), "queue": "support"}


def _staffed(character: Character, now: datetime) -> Iterator[Row]:
    for row in _intervals(character, now):
        yield row | {"staff_staffed": 8}


def _plans(character: Character, now: datetime) -> Iterator[Row]:
    for row in _intervals(character, now):
        yield row | {"staff_required": 8}
    for days in range(1, SINGLE_DAYS):
        for queue, share in (("support", 0.6), ("sales", 0.4)):
            planned = round(character.calls_a_day * share)
            yield {"started": local(now, days, 11), "queue": queue, "forecast_contacts": planned}


def _hours(character: Character, now: datetime) -> Iterator[Row]:
    """Hour by hour whether somebody was ready, and who came from the IVR."""
    for days in range(1, 35):
        for hour in range(OPENS_H, CLOSES_H):
            row: Row = {"started": local(now, days, hour), "queue": "support", "calls_from_ivr": 30}
            yield row | {"open_promised": HOUR_S, "open_staffed": HOUR_S}


def _after_calls(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(1, min(YEAR, 30 * character.months)):
        yield {"started": local(now, days), "queue": "support", "hold_time": 300, "after_call_time": 900}


def _standby(character: Character, now: datetime) -> Iterator[Row]:
    """Every call of the day of the failover went over the standby."""
    for call in calls_of_day(character, local(now, FAILOVER_DAYS).date(), now):
        yield {"started": call.entered, "queue": call.queue, "calls_on_standby": 1}


def _carrier_hours(character: Character, now: datetime) -> Iterator[Row]:
    """What the lines and the IVR counted, hour by hour."""
    for days in range(1, 35):
        for hour in range(OPENS_H, CLOSES_H):
            row: Row = {"started": local(now, days, hour), "number": "4000-100-200", "carrier_attempts": 50}
            row |= {"carrier_blocked": 0, "cli_mismatches": 0, "ivr_entered": 50, "calls_direct": 0, "ivr_served": 50}
            row |= {"human_reach": 20 + hour % 3}
            yield row | {"ivr_task_done": 20, "ivr_human_choices": 30, "ivr_hangups": 0}


def _trunks(character: Character, now: datetime) -> Iterator[Row]:
    for at in hours(now, 34):
        busy = 1500 if OPENS_H <= at.hour < CLOSES_H else 20
        yield {"started": at, "trunk": "sip-1", "trunk_busy": busy, "trunk_channels": HOUR_S}


FIGURES: Mapping[str, Figures] = {
    "queues": sheet(
        "staff_staffed calls_from_ivr open_promised open_staffed hold_time after_call_time calls_on_standby",
        _staffed,
        _hours,
        _after_calls,
        _standby,
    ),
    "plans": sheet("staff_required forecast_contacts", _plans),
    "lines": sheet(
        "carrier_attempts carrier_blocked cli_mismatches ivr_entered calls_direct ivr_served ivr_task_done"
        " ivr_human_choices ivr_hangups human_reach trunk_busy trunk_channels",
        _carrier_hours,
        _trunks,
    ),
}
