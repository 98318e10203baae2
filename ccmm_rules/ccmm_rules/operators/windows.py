"""Closed time in the center's zone: days, weeks, months and quarters are civil, hours are exact."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import Span
from ccmm_rules.spec import DAY_MS, HOUR_MS, Window

GRAIN_UNITS = {"day": "d", "week": "w", "month": "mo", "quarter": "q"}
QUARTER_HOUR_MS = 900_000
KEPT_CALENDARS = 300
FAR_MS = 221_845_392_000_000  # the year 9000: "never" is often told as the end of 9999, where calendars end


def local_date(at_ms: int, zone: ZoneInfo) -> date:
    """The civil day of an instant; of what lies far ahead the first day of the year 9000."""
    return datetime.fromtimestamp(min(at_ms, FAR_MS) / 1000, zone).date()


@lru_cache(maxsize=16_384)
def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """The instant at which the local day begins."""
    return int(datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC).timestamp() * 1000)


def floor_unit(day: date, unit: str) -> date:
    """First day of the week (Monday), month or quarter that holds `day`."""
    if unit == "w":
        return day - timedelta(days=day.weekday())
    if unit == "mo":
        return day.replace(day=1)
    if unit == "q":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return day


def back(day: date, count: int, unit: str) -> date:
    """The day `count` units earlier (later where negative); months clamp to their last day."""
    if unit in ("d", "w"):
        return day - timedelta(days=count * (7 if unit == "w" else 1))
    months = day.year * 12 + day.month - 1 - count * (3 if unit == "q" else 1)
    year, month = divmod(months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day if month < 11 else 31
    return date(year, month + 1, min(day.day, last))


def closed_window(window: Window, end_ms: int, zone: ZoneInfo) -> Span:
    """The last closed units before `end_ms`; hours end at the last closed quarter hour."""
    if window.unit == "h":
        until = end_ms // QUARTER_HOUR_MS * QUARTER_HOUR_MS
        return Span(until - window.count * HOUR_MS, until)
    end = floor_unit(local_date(end_ms, zone), window.unit)
    return Span(midnight_ms(back(end, window.count, window.unit), zone), midnight_ms(end, zone))


def row_window(window: Window, watermark_ms: int, zone: ZoneInfo) -> Span:
    """From the local midnight that many units back, up to the watermark."""
    if window.unit == "h":
        return Span(watermark_ms - window.count * HOUR_MS, watermark_ms)
    first = back(local_date(watermark_ms, zone), window.count, window.unit)
    return Span(midnight_ms(first, zone), watermark_ms)


def grain_window(window: Window, grain: str, watermark_ms: int, zone: ZoneInfo) -> tuple[Span, Sequence[Span]]:
    """Rows by calendar grain: the window begins with a whole unit; the closed units in it are expected."""
    unit = GRAIN_UNITS[grain]
    end = floor_unit(local_date(watermark_ms, zone), unit)
    if window.unit == "h":
        first = floor_unit(back(end, max(window.count // 24, 1), "d"), unit)
    else:
        first = floor_unit(back(end, window.count, window.unit), unit)
    return Span(midnight_ms(first, zone), watermark_ms), units_between(first, end, unit, zone)


@lru_cache(maxsize=KEPT_CALENDARS)  # the centers of one zone ask for the same
def units_between(first: date, end: date, unit: str, zone: ZoneInfo) -> Sequence[Span]:
    spans = []
    while first < end:
        following = back(first, -1, unit)
        spans.append(Span(midnight_ms(first, zone), midnight_ms(following, zone)))
        first = following
    return tuple(spans)


def calendar_slots(span: Span, grain: str, zone: ZoneInfo) -> Sequence[Span]:
    """Whole units of the grain inside the span."""
    unit = GRAIN_UNITS[grain]
    first = floor_unit(local_date(span.from_ms, zone), unit)
    if midnight_ms(first, zone) < span.from_ms:
        first = back(first, -1, unit)
    return units_between(first, floor_unit(local_date(span.to_ms, zone), unit), unit, zone)


def workdays_between(first_ms: int, last_ms: int, zone: ZoneInfo) -> int:
    """Monday to Friday after the first day, up to and with the last; negative where it lies before."""
    if last_ms < first_ms:
        return -workdays_between(last_ms, first_ms, zone)
    first, last = local_date(first_ms, zone), local_date(last_ms, zone)
    weeks, rest = divmod((last - first).days, 7)
    return weeks * 5 + sum(1 for step in range(1, rest + 1) if (first + timedelta(days=step)).weekday() < 5)


def nights_between(first_ms: int, last_ms: int, zone: ZoneInfo) -> int:
    """How many local midnights lie between."""
    return (local_date(last_ms, zone) - local_date(first_ms, zone)).days


def local_hour(at_ms: int, zone: ZoneInfo) -> int:
    return datetime.fromtimestamp(min(at_ms, FAR_MS) / 1000, zone).hour


def local_hours(starts: Sequence[int], zone: ZoneInfo) -> list[int]:
    """A day of UTC that begins and ends in one offset lies in it: no zone changes its clocks twice in a week."""
    offsets: dict[int, int | None] = {}
    hours = []
    for start in starts:
        day = start // DAY_MS
        if day not in offsets:
            first, last = _offset_ms(day * DAY_MS, zone), _offset_ms((day + 1) * DAY_MS - 1, zone)
            offsets[day] = first if first == last else None
        offset = offsets[day]
        hours.append(local_hour(start, zone) if offset is None else (start + offset) % DAY_MS // HOUR_MS)
    return hours


def _offset_ms(at_ms: int, zone: ZoneInfo) -> int | None:
    """None: so far ahead that calendars end."""
    offset = datetime.fromtimestamp(at_ms / 1000, zone).utcoffset() if at_ms < FAR_MS else None
    return round(offset.total_seconds() * 1000) if offset is not None else None


def gaps(covered: tuple[Span, ...], span: Span) -> list[Span]:
    """The parts of the span that are not covered; `covered` is merged and sorted."""
    missing, at = [], span.from_ms
    for part in covered:
        if part.to_ms <= at:
            continue
        if part.from_ms >= span.to_ms:
            break
        if part.from_ms > at:
            missing.append(Span(at, part.from_ms))
        at = part.to_ms
    if at < span.to_ms:
        missing.append(Span(at, span.to_ms))
    return missing


def started_in(starts: Sequence[int], span: Span) -> range:
    """Places of the starts, ascending, that lie in the span, its end included."""
    return range(bisect_left(starts, span.from_ms), bisect_right(starts, span.to_ms))


def overlap_ms(parts: tuple[Span, ...], span: Span) -> int:
    return sum(max(0, min(part.to_ms, span.to_ms) - max(part.from_ms, span.from_ms)) for part in parts)


def nearest_rank(ordered: list[float], percent: float) -> float:
    """`ordered` ascending, not empty."""
    return ordered[max(math.ceil(percent / 100 * len(ordered)) - 1, 0)]
