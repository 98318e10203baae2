"""A metric over any closed span, for what the engine computes row by row. None wherever it is not wholly known."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from ccmm_rules.evidence import SourceFacts, Span
from ccmm_rules.operators.slot_cells import cells_of
from ccmm_rules.operators.tallies import tallies_over
from ccmm_rules.operators.tally import joined, sample_of, value_of
from ccmm_rules.operators.view import View, uncovered
from ccmm_rules.operators.windows import local_date, midnight_ms
from ccmm_rules.vocabulary.tables import Metric

Where = tuple[tuple[str, str], ...]


def sources_of(metric: Metric, view: View) -> list[SourceFacts]:
    """All that feed its measures."""
    return [facts for measure in metric.measures for facts in view.feeding(measure)]


def settled_ms(metric: Metric, view: View) -> int:
    """The local midnight up to which its figures are settled; 0 where a source never spoke."""
    marks = [facts.watermark_ms for facts in sources_of(metric, view)]
    known = [mark for mark in marks if mark is not None]
    if not known or len(known) < len(marks) or view.zone is None:
        return 0
    return midnight_ms(local_date(min(known) - metric.settle_ms, view.zone), view.zone)


def figure(metric: Metric, span: Span, view: View, where: Where = ()) -> float | None:
    """Its value over the span."""
    return view.once(("figure", metric.id, span, where), lambda: _figure(metric, span, view, where))


def _figure(metric: Metric, span: Span, view: View, where: Where) -> float | None:
    if span.to_ms > settled_ms(metric, view) or not _is_known(metric, span, view):
        return None
    tallies, disputed = tallies_over(metric, where, "", view, span)
    total = joined(metric, tallies.values())
    if disputed or (metric.formula != "count" and sample_of(metric, total) < 1):
        return None
    return value_of(metric, total)


def _is_known(metric: Metric, span: Span, view: View) -> bool:
    sources = sources_of(metric, view)
    return bool(sources) and not view.hole_after(span.from_ms) and not uncovered(sources, span)


def weekly(metric: Metric, until_ms: int, weeks: int, view: View) -> Sequence[float]:
    """Its values in the weeks up to a local midnight, oldest first; weeks not wholly vouched for are left out."""
    return view.once(("weekly", metric.id, until_ms, weeks), lambda: _weekly(metric, until_ms, weeks, view))


def _weekly(metric: Metric, until_ms: int, weeks: int, view: View) -> Sequence[float]:
    if view.zone is None or metric.formula == "chi2_p":
        return []
    end = local_date(until_ms, view.zone)
    begins = [midnight_ms(end - timedelta(days=7 * back), view.zone) for back in range(weeks, -1, -1)]
    spans = [Span(begin, stop) for begin, stop in pairwise(begins)]
    if view.hole_after(spans[0].from_ms):
        return []
    gaps = uncovered(sources_of(metric, view), Span(begins[0], begins[-1]))
    whole = [span for span in spans if not any(gap.from_ms < span.to_ms and gap.to_ms > span.from_ms for gap in gaps)]
    cells, disputed = cells_of(metric, (), "", view, [Span(begins[0], begins[-1])], spans)
    if disputed or "" not in cells:
        return []
    tallies = [cells[""].tally(span) for span in whole]
    values = [
        value_of(metric, tally) for tally in tallies if metric.formula == "count" or sample_of(metric, tally) >= 1
    ]
    return [value for value in values if value is not None]
