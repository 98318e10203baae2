"""Occurrences of one source: those that travelled alone, and those packed into rolls by the hour."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial

from ccmm_collector import projection_sql as sql
from ccmm_collector.bundles import hours, order
from ccmm_collector.columns import Day, SourceRow, columns_of, day_of, unpack_day
from ccmm_collector.folds import Folds, Kept
from ccmm_collector.packing import attributes_of
from ccmm_collector.projection import View
from ccmm_proto.period import DAY_MS, floor_to
from ccmm_proto.v1.statement_pb2 import Occurrence
from ccmm_rules.columns import Columns
from ccmm_rules.evidence import Happening, Span


def alone(view: View, row: SourceRow, kind: str, span: Span, kept: Kept[Sequence[Happening]]) -> list[Happening]:
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


def rolled(view: View, row: SourceRow, kind: str, span: Span, folds: Folds) -> Columns | None:
    """The rows of the rolls that started in the span, oldest first; None where there is none."""
    stretch = (row[0], kind, floor_to(span.from_ms, DAY_MS), span.to_ms)
    stamps = tuple(view.projection.rows(sql.BUNDLE_STAMPS, view.index, *stretch))
    stamp = (view.center, row, kind, stamps)
    whole = folds.happenings.get(stamp, lambda: columns_of(row, _days(view, row, stretch, folds.days)))
    assert isinstance(whole, Columns)
    first, end = bisect_left(whole.starts, span.from_ms), bisect_left(whole.starts, span.to_ms)
    return whole.between(first, end) if first < end else None


def _days(view: View, row: SourceRow, stretch: tuple[int, str, int, int], kept: Kept[Day]) -> list[Day]:
    """As known at the view's index: a day of which more was told since is made of its hours."""
    found = []
    for day_ms, index, packed in view.projection.rows(sql.BUNDLES, *stretch):
        stamp = (view.center, row, stretch[1], day_ms, min(index, view.index))
        if packed is not None and index <= view.index:
            found.append(kept.get(stamp, partial(unpack_day, packed)))
        else:
            found.append(kept.get(stamp, partial(_day, view, row, stretch[1], day_ms)))
    return found


def _day(view: View, row: SourceRow, kind: str, day_ms: int) -> Day:
    rows = hours(view.projection.connection, row, kind, day_ms, day_ms + DAY_MS, view.index)
    return day_of(kind, day_ms, rows)
