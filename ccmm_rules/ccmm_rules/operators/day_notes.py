"""What is made of the slots of single days, so that evidence may keep it until one of those slots changes.

A window of a year is then read as 365 short notes; only today's slots, and those of days that changed, are read again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ccmm_rules.evidence import Span
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import calendar_slots
from ccmm_rules.spec import DAY_MS
from ccmm_rules.vocabulary.tables import Metric

EDITION = 1  # of what notes say: raise it when the same slots come to give another note
WORTH_MS = 8 * DAY_MS  # shorter windows are read as they are
Notes = Callable[[Sequence[Span]], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """A stretch of time: the whole civil days in it, and what is left at its ends."""

    head: Span
    days: tuple[Span, ...]
    tail: Span


def divided(span: Span, view: View) -> Divided | None:
    """None where keeping notes is not worth it."""
    if view.zone is None or span.to_ms - span.from_ms < WORTH_MS:
        return None
    return view.once(("divided", span), lambda: _divided(span, view))


def _divided(span: Span, view: View) -> Divided:
    assert view.zone is not None
    days = tuple(calendar_slots(span, "day", view.zone))
    return Divided(head=Span(span.from_ms, days[0].from_ms), days=days, tail=Span(days[-1].to_ms, span.to_ms))


def are_civil(spans: Sequence[Span], whole: Span, view: View) -> bool:
    """Whether they are the civil days of a stretch of time that is worth notes."""
    pieces = divided(whole, view)
    return pieces is not None and pieces.days == tuple(spans)


def notes_of(what: Sequence[object], metric: Metric, days: Sequence[Span], view: View, make: Notes) -> Sequence[str]:
    """One per day. `what` and the metric's definition name all that they depend on beside the slots of the day.

    `make` is given days next to each other.
    """
    assert view.zone is not None
    key = repr((EDITION, view.zone.key, *what, metric.hash))

    def made(missing: Sequence[Span]) -> list[str]:
        return [note for run in _runs(missing) for note in make(run)]

    return view.evidence.noted(key, metric.measures, days, made)


def _runs(days: Sequence[Span]) -> list[Sequence[Span]]:
    """Days, oldest first, apart where one is missing between."""
    cuts = [
        0,
        *(place for place, (day, after) in enumerate(pairwise(days), 1) if day.to_ms != after.from_ms),
        len(days),
    ]
    return [days[first:end] for first, end in pairwise(cuts) if first < end]
