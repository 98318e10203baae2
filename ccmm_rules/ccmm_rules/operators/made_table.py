"""Tables that are more than what was told: derived rows, and rows with attributes that the engine computes."""

from ccmm_rules.evidence import Span
from ccmm_rules.operators.computed import computed_of
from ccmm_rules.operators.derived_rows import made_of
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.view import View
from ccmm_rules.spec import RowSource


def made_table(source: RowSource, view: View, window: Span, watermark_ms: int) -> Table | None:
    """None where the rows are read as they were told."""
    if source.derived is not None:
        return made_of(source, view, window, watermark_ms).table
    if not view.vocabulary.kinds[source.kind].computed:
        return None
    return view.once(("table", source.kind), lambda: _with_computed(source, view))


def _with_computed(source: RowSource, view: View) -> Table:
    kind, rows, zone = view.vocabulary.kinds[source.kind], view.happenings(source.kind), view.zone
    assert zone is not None
    return Table(kind, zone, view.answers, rows, computed=computed_of(kind, rows, view))
