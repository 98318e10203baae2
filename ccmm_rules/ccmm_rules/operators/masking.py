"""`during`: the time that counts of a read over measures. Opening hours of the profile, or while occurrences last.

An answer of the profile list `open_hours` is days and times, zone local: `mon-fri 08:00-20:00`, `sat,sun 09:00-17:30`,
`mon-sun 00:00-24:00`. One malformed answer, and all are unanswered: nobody knows then when the center is open.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ccmm_rules.evidence import Span
from ccmm_rules.model import Read
from ccmm_rules.operators.rowset import rows_of
from ccmm_rules.operators.spans import parts_within, united
from ccmm_rules.operators.view import View, uncovered
from ccmm_rules.operators.windows import back, closed_window, local_date, midnight_ms
from ccmm_rules.parsing import ReadContext, check_keys
from ccmm_rules.rowlanguage import compile_row_test
from ccmm_rules.spec import DAY_MS, During, MetricSpec, RowSource, SeriesSpec, SlotSpec
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Metric

FINEST_MS = 900_000  # figures by the day cannot be masked
EARLIER_MS = 31 * DAY_MS  # an occurrence that reaches into the window began at most so long before it
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ANSWER = re.compile(r"([a-z,-]+) ([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")

Hours = tuple[tuple[int, int], ...]  # minutes of the day: (open, closed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Spans that count, sorted and apart; or why they are not known."""

    spans: tuple[Span, ...] = ()
    state: str = ""
    reason: str = ""


def during_of(node: Node, context: ReadContext, metric: Metric) -> During | None:
    """`during: open_hours`, or `during: {occurrences: exercise, of: "class == 'failover'"}`."""
    during = node.get("during")
    if during is None:
        return None
    if metric.period_ms > FINEST_MS:
        during.fail(f"'{metric.id}' is told by the day", "leave 'during' out")
    if isinstance(during.value, str):
        if during.text() != "open_hours":
            during.fail(f"'{during.text()}' is no time", 'write open_hours or {occurrences: exercise, of: "..."}')
        return During(open_hours=True)
    check_keys(during, "occurrences", "of")
    kind, of = during.child("occurrences"), during.get("of")
    found = context.vocabulary.kinds.get(kind.text())
    if found is None or found.form != "occurrence":
        kind.fail(f"'{kind.text()}' is no kind of occurrences", "write {occurrences: exercise}")
    return During(kind=found.name, of=compile_row_test(of, found.name) if of is not None else None)


def feeds_of(metric: Metric, during: During | None) -> tuple[str, ...]:
    """Its measures, and the kind whose occurrences say which time counts."""
    return (*metric.measures, *((during.kind,) if during is not None and during.kind else ()))


def mask_windows(read: Read, view: View) -> Iterator[tuple[str, Span]]:
    """(kind, window) of the occurrences that its mask will need."""
    spec = read.spec
    if not isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) or spec.during is None or not spec.during.kind:
        return
    feed = view.feed_state(read.feeds, read.fresh_for_ms)
    if not feed.state and view.zone is not None:
        longest = back(local_date(feed.watermark_ms, view.zone), spec.over.count + 1, spec.over.unit.replace("h", "d"))
        yield spec.during.kind, Span(midnight_ms(longest, view.zone) - EARLIER_MS, feed.watermark_ms)


def masked(view: View, during: During | None, span: Span) -> Masked:
    """The time of the span that counts; all of it without `during`. Needs the center's zone."""
    if during is None:
        return Masked(spans=(span,))
    if during.open_hours:
        return view.once(("open hours", span), lambda: _open(view, span))
    key = ("during", during.kind, during.of.source if during.of is not None else None, span)
    return view.once(key, lambda: _lasting(view, during, span))


def _open(view: View, span: Span) -> Masked:
    week = parse_hours(view.answers.get("open_hours"))
    if week is None or view.zone is None:
        return Masked(state="missing", reason="unanswered")
    return Masked(spans=tuple(united(parts_within(list(_opened(week, span, view.zone)), span))))


def parse_hours(answers: object) -> tuple[Hours, ...] | None:
    """Opening hours of Monday to Sunday; None where an answer is malformed, or there is none."""
    week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for answer in answers if isinstance(answers, list) else ():
        match = _ANSWER.fullmatch(answer) if isinstance(answer, str) else None
        days = _days(match[1]) if match is not None else None
        if match is None or days is None:
            return None
        begin, end = int(match[2]) * 60 + int(match[3]), int(match[4]) * 60 + int(match[5])
        if max(int(match[3]), int(match[5])) > 59 or not begin < end <= 24 * 60:
            return None
        for day in days:
            week[day].append((begin, end))
    return tuple(tuple(sorted(hours)) for hours in week) if any(week) else None


def _days(words: str) -> list[int] | None:
    """`mon-fri`, `sat,sun`, `fri-mon`."""
    found: list[int] = []
    for word in words.split(","):
        ends = word.split("-")
        if len(ends) > 2 or any(end not in DAYS for end in ends):
            return None
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        found += [day % 7 for day in range(first, last + 1 if last >= first else last + 8)]
    return found


def _opened(week: tuple[Hours, ...], span: Span, zone: ZoneInfo) -> Iterator[Span]:
    day, last = local_date(span.from_ms, zone), local_date(span.to_ms, zone)
    while day <= last:
        for begin, end in week[day.weekday()]:
            yield Span(_instant(day, begin, zone), _instant(day, end, zone))
        day += timedelta(days=1)


def _instant(day: date, minutes: int, zone: ZoneInfo) -> int:
    """A time on the clock of that day; 24:00 is the next midnight."""
    if minutes == 24 * 60:
        return midnight_ms(day + timedelta(days=1), zone)
    clock = datetime.combine(day, time(minutes // 60, minutes % 60), tzinfo=zone)
    return int(clock.astimezone(UTC).timestamp() * 1000)


def _lasting(view: View, during: During, span: Span) -> Masked:
    """While the occurrences last. One that has no end, or may not belong, leaves the time undecided."""
    sources = view.feeding(during.kind)
    reach = Span(span.from_ms - EARLIER_MS, span.to_ms)
    if uncovered(sources, span):
        return Masked(state="inconclusive", reason="uncovered")
    source = RowSource(kind=during.kind, form="occurrence", document_class="", of=during.of)
    rows = rows_of(source, view, reach, span.to_ms)
    ends = [rows.table.ends[at] for at in rows.places]
    parts = [Span(rows.table.starts[at], end or span.to_ms) for at, end in zip(rows.places, ends, strict=True)]
    inside = [at for at, part in zip(rows.places, parts, strict=True) if parts_within([part], span)]
    if any(at in rows.maybe or rows.table.ends[at] is None for at in inside):
        return Masked(state="inconclusive", reason="undecided")
    return Masked(spans=tuple(united(parts_within(parts, span))))


def settled_window(metric: Metric, spec: MetricSpec | SlotSpec | SeriesSpec, watermark_ms: int, zone: ZoneInfo) -> Span:
    """The closed units of the window: settled, and each with whole periods (of figures by the day, whole UTC days)."""
    end = watermark_ms - metric.settle_ms
    return closed_window(spec.over, end // metric.period_ms * metric.period_ms, zone)
