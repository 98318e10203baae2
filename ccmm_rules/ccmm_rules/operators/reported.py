"""A reported figure against the same metric recomputed from raw data.

A report that has an end speaks of the time from its start to its end; one without, of the calendar month before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ccmm_rules.evidence import Happening, Span
from ccmm_rules.operators.figures import figure
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import back, floor_unit, local_date, midnight_ms

_DIGITS = 9  # differences below are those of adding up


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """In points where the metric is in percent, else in percent of the recomputed figure. None: not known."""

    gap: float | None = None
    over: float | None = None  # by how much the report says more, 0 where it says less


def gaps_in(rows: Sequence[Happening], view: View) -> list[Gap]:
    """One per report."""
    return [gap_of(row, view) for row in rows]


def gap_of(row: Happening, view: View) -> Gap:
    """Of a client's report, against the figures of that client."""
    metric = view.vocabulary.metrics.get(str(row.attributes.get("metric", "")))
    value, client = row.attributes.get("value"), row.attributes.get("client")
    if metric is None or view.zone is None or not isinstance(value, int | float) or isinstance(value, bool):
        return Gap()
    where = (("client", client),) if isinstance(client, str) and "client" in metric.dimensions else ()
    truth = figure(metric, _period(row, view), view, where)
    if truth is None or (metric.unit != "%" and truth == 0 and value != 0):
        return Gap()
    scale = 1.0 if metric.unit == "%" or truth == 0 else 100.0 / abs(truth)
    more = round((value - truth) * scale, _DIGITS)
    return Gap(gap=abs(more), over=max(more, 0.0))


def _period(row: Happening, view: View) -> Span:
    assert view.zone is not None
    if row.ended_ms is not None and row.ended_ms > row.started_ms:
        return Span(row.started_ms, row.ended_ms)
    first = floor_unit(local_date(row.started_ms, view.zone), "mo")
    return Span(midnight_ms(back(first, 1, "mo"), view.zone), midnight_ms(first, view.zone))
