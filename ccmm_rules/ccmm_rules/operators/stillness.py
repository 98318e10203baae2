"""Days on which no slot can lie beyond a limit, told by their sums alone: nothing was down, nobody left the floor.

A sum of what is never negative is zero only if each of its slots is. So a year of five-minute slots is read only on
the days on which something happened.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import sub

from ccmm_rules.evidence import Span
from ccmm_rules.operators.tally import contributions, fits
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import calendar_slots
from ccmm_rules.spec import DAY_MS
from ccmm_rules.vocabulary.tables import Metric

SHORT_MS = 8 * DAY_MS  # not worth the asking
JOIN_DAYS = 3  # of rest between two parts, which are then read as one


def restless(metric: Metric, span: Span, within: tuple[float, float], view: View) -> list[Span]:
    """The parts of the span in which a slot may lie beyond; sorted, apart."""
    over, rest = _never_negative(metric, over_only=True), _never_negative(metric, over_only=False)
    by_zero = over and within[0] <= 0.0 <= within[1]
    by_whole = rest and within[0] <= metric.scale <= within[1]
    if not (by_zero or by_whole) or span.to_ms - span.from_ms < SHORT_MS or view.zone is None:
        return [span]
    whole = Span(span.from_ms - DAY_MS, span.to_ms + DAY_MS)
    days = [part for day in calendar_slots(whole, "day", view.zone) if (part := _within(day, span)) is not None]
    return _joined(list(_moved(metric, days, view, over_only=by_zero)))


def _within(day: Span, span: Span) -> Span | None:
    begin, end = max(day.from_ms, span.from_ms), min(day.to_ms, span.to_ms)
    return Span(begin, end) if begin < end else None


def _moved(metric: Metric, days: Sequence[Span], view: View, *, over_only: bool) -> Iterator[Span]:
    """Days, next to each other, with more than nothing: asked for all at once, and by halves where there is some."""
    if not days or not _amount(metric, Span(days[0].from_ms, days[-1].to_ms), view, over_only=over_only):
        return
    if len(days) == 1:
        yield days[0]
        return
    middle = len(days) // 2
    yield from _moved(metric, days[:middle], view, over_only=over_only)
    yield from _moved(metric, days[middle:], view, over_only=over_only)


def _amount(metric: Metric, span: Span, view: View, *, over_only: bool) -> bool:
    for measure in metric.measures:
        rows = [row for row in view.totals(measure, span) if fits(row, metric.where)]
        over, under = contributions(metric, measure, rows)
        if any(over if over_only else map(sub, under, over)):
            return True
    return False


def _never_negative(metric: Metric, *, over_only: bool) -> bool:
    """Whether `over`, or else `under` less `over`, adds up only what there cannot be less than none of."""
    if metric.formula not in ("ratio", "count") or metric.is_gauge or (metric.formula == "count" and not over_only):
        return False
    signs: Counter[tuple[str, str, float]] = Counter()
    for term in metric.over:
        signs[term.part, term.measure, term.bound_s] += term.sign if over_only else -term.sign
    for term in () if over_only else metric.under:
        signs[term.part, term.measure, term.bound_s] += term.sign
    return all(sign >= 0 for sign in signs.values())


def _joined(days: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    for day in days:
        if found and day.from_ms - found[-1].to_ms <= JOIN_DAYS * DAY_MS:
            found[-1] = Span(found[-1].from_ms, day.to_ms)
        else:
            found.append(day)
    return found
