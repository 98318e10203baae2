"""Attributes that the engine computes for rows, and never believes when told: of projects, reports and actions."""

from collections.abc import Callable, Collection, Mapping, Sequence

from ccmm_rules.evidence import Happening
from ccmm_rules.operators.figures import sources_of
from ccmm_rules.operators.gains import gains, side_metrics
from ccmm_rules.operators.reported import gaps_in
from ccmm_rules.operators.table import TIMED, Compute
from ccmm_rules.operators.view import View
from ccmm_rules.vocabulary.tables import Kind, Vocabulary


def computed_of(kind: Kind, rows: Sequence[Happening], view: View) -> Mapping[str, Compute]:
    """By name, made when first asked for."""

    def parts(make: Callable[[Sequence[Happening], View], Sequence[object]]) -> Sequence[object]:
        return view.once(("computed", kind.name), lambda: make(rows, view))

    def column(make: Callable[[Sequence[Happening], View], Sequence[object]], name: str) -> Compute:
        return lambda now_ms: [getattr(part, name) for part in parts(make)]

    if "late" in kind.computed:
        return {"late": lambda now_ms: [_is_late(row, now_ms) for row in rows]}
    make = gains if "gain" in kind.computed else gaps_in
    return {name: column(make, name) for name in kind.computed}


def computed_feeds(kind: Kind, names: Collection[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """What else an arrival may bring that changes these names: their metrics stand in the rows."""
    asked = {name.removeprefix("has_") for name in names} & (kind.computed.keys() - TIMED)
    return (*vocabulary.measures, "register") if asked else ()


def computed_index(kind: Kind, rows: Sequence[Happening], view: View) -> int:
    """The highest log index among the sources of the metrics that the rows name."""
    if not kind.computed or not kind.computed.keys() - TIMED:
        return -1
    named = {str(row.attributes.get("metric", "")) for row in rows} & view.vocabulary.metrics.keys()
    metrics = [view.vocabulary.metrics[name] for name in sorted(named)]
    beside = [other for metric in metrics for other in side_metrics(metric, view)] if "gain" in kind.computed else []
    indexes = [facts.log_index for metric in (*metrics, *beside) for facts in sources_of(metric, view)]
    return max([view.answer_facts("key_kpis")[0], *indexes])


def _is_late(row: Happening, now_ms: int) -> bool | None:
    """Closed after it was due, or due and not closed. None: without a date."""
    due, closed = row.attributes.get("due"), row.attributes.get("closed", row.ended_ms)
    if type(due) is not int:
        return None
    return (closed if type(closed) is int else now_ms) > due
