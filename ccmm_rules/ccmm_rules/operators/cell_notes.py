"""The cells of a window put together from notes of its days: what slots that roll, or gauges, are read from."""

import json
from bisect import bisect_left
from collections.abc import Callable, Sequence

from ccmm_rules.evidence import Span
from ccmm_rules.operators.day_notes import divided, notes_of
from ccmm_rules.operators.tally import width
from ccmm_rules.operators.view import View
from ccmm_rules.vocabulary.tables import Metric

Parts = dict[object, list[dict[int, float]]]  # by group: the parts of its tallies, each by the start of the cell
Read = Callable[[Span], tuple[Parts, bool]]  # the cells of a stretch of time, and whether two sources state the same
NARROW = 5  # the buckets of a percentile are too many for notes


def noted_parts(
    what: Sequence[object], metric: Metric, span: Span, view: View, read: Read
) -> tuple[Parts, bool] | None:
    """The cells of a span; None where they are better read as they are. `what` names how they are read."""
    pieces = divided(span, view)
    if pieces is None or metric.flat_ms or metric.formula == "chi2_p" or width(metric) > NARROW:
        return None

    def made(days: Sequence[Span]) -> list[str]:
        parts, disputed = read(Span(days[0].from_ms, days[-1].to_ms))
        if disputed and len(days) > 1:  # which day it is
            return [_note(parts, day, disputed=disputed) for day in days for parts, disputed in (read(day),)]
        return [_note(parts, day, disputed=disputed) for day in days]

    found, disputed = read(pieces.head)
    for note in notes_of(what, metric, pieces.days, view, made):
        is_disputed, groups = json.loads(note)
        disputed = disputed or is_disputed
        for group, starts, *columns in groups:
            _put(found, group, [dict(zip(starts, column, strict=True)) for column in columns])
    newest, unsure = read(pieces.tail)
    for group, parts in newest.items():
        _put(found, group, parts)
    return found, disputed or unsure


def _put(found: Parts, group: object, parts: Sequence[dict[int, float]]) -> None:
    for held, part in zip(found.setdefault(group, [{} for _ in parts]), parts, strict=True):
        held.update(part)


def _note(found: Parts, day: Span, *, disputed: bool) -> str:
    groups = []
    for group, parts in found.items():
        starts = sorted(parts[0])
        inside = starts[bisect_left(starts, day.from_ms) : bisect_left(starts, day.to_ms)]
        if inside:
            groups.append([group, inside, *([part[start] for start in inside] for part in parts)])
    return json.dumps([disputed, groups], ensure_ascii=False, separators=(",", ":"))
