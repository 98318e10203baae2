"""Occurrences of one source: those that travelled alone, and those packed into rolls by the hour."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial

from ccmm_collector import projection_sql as sql
from ccmm_collector.bundles import SourceRow, columns_of, hours, joined, order, unpack_day
from ccmm_collector.folds import Kept
from ccmm_collector.packing import attributes_of
from ccmm_collector.projection import View
from ccmm_proto.period import DAY_MS, floor_to
from ccmm_proto.v1.statement_pb2 import Occurrence
from ccmm_rules.evidence import Columns, Happening, Span


def alone(view: View, row: SourceRow, kind: str, span: Span, kept: Kept[Happening]) -> list[Happening]:
    """The newest word about each occurrence that started in the span or is open from before it."""
    number, index = row[0], view.index
    query = view.projection.rows
    found = [
        kept.get((row, *told), partial(_told, row, *told))[0]
        for told in (
            *query(sql.OPEN_HAPPENINGS, number, kind, span.from_ms, index, index),
            *query(sql.HAPPENINGS, number, kind, span.from_ms, span.to_ms, index, index),
        )
    ]
    return sorted(found, key=order)


def _told(
    row: SourceRow, id_: str | bytes, started_ms: int, ended_ms: int | None, key_id: str, packed: bytes
) -> Sequence[Happening]:
    return (
        Happening(
            agent=row[1],
            source=row[2],
            id=int.from_bytes(id_, "big") if isinstance(id_, bytes) else id_,
            started_ms=started_ms,
            ended_ms=ended_ms,
            key_id=key_id,
            attributes=attributes_of(Occurrence.FromString(packed).attributes),
        ),
    )


def rolled(view: View, row: SourceRow, kind: str, span: Span, kept: Kept[Happening]) -> Columns | None:
    """The rows of the rolls that started in the span, oldest first; None where there is none."""
    parts = []
    days = (floor_to(span.from_ms, DAY_MS), span.to_ms)
    for day_ms, index, packed in view.projection.rows(sql.BUNDLES, row[0], kind, *days):
        stamp = (view.center, row, kind, day_ms, index)
        if packed is not None and index <= view.index:
            rows = kept.get(stamp, partial(unpack_day, row, packed))
        elif index <= view.index:
            rows = kept.get(stamp, partial(_day, view, row, kind, day_ms))
        else:
            rows = _day(view, row, kind, day_ms)
        assert isinstance(rows, Columns)
        first, end = bisect_left(rows.starts, span.from_ms), bisect_left(rows.starts, span.to_ms)
        if first < end:
            parts.append(rows if end - first == len(rows) else rows.between(first, end))
    return joined(parts) if parts else None


def _day(view: View, row: SourceRow, kind: str, day_ms: int) -> Columns:
    return columns_of(hours(view.projection.connection, row, kind, day_ms, day_ms + DAY_MS, view.index))
