"""Occurrences of one source: those that travelled alone, and those packed into rolls by the hour."""

import zlib
from collections.abc import Sequence
from functools import partial

from ccmm_collector import projection_sql as sql
from ccmm_collector.folds import Kept
from ccmm_collector.packing import attributes_of
from ccmm_collector.projection import View
from ccmm_proto.period import HOUR_MS, floor_to
from ccmm_proto.roll import rows_of
from ccmm_proto.v1.statement_pb2 import Occurrence, Roll
from ccmm_rules.evidence import Happening, Span

SourceRow = tuple[int, str, str]  # number, agent, source


def order(happening: Happening) -> tuple[object, ...]:
    """Oldest first, then by id."""
    return (
        happening.started_ms,
        isinstance(happening.id, str),
        happening.id,
        happening.agent,
        happening.source,
    )


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


def rolled(view: View, row: SourceRow, kind: str, span: Span, kept: Kept[Happening]) -> list[Happening]:
    """The rows of the rolls that started in the span."""
    hours = (floor_to(span.from_ms, HOUR_MS), span.to_ms)
    found: list[Happening] = []
    for hour_ms, *stamp in view.projection.rows(sql.ROLL_HOURS, row[0], kind, *hours, view.index):
        key = (view.center, row, kind, hour_ms, *stamp)
        rows = kept.get(key, partial(_hour, view, row, kind, hour_ms, stamp[2]))
        if span.from_ms <= hour_ms and hour_ms + HOUR_MS <= span.to_ms:
            found += rows
        else:
            found += [happening for happening in rows if span.from_ms <= happening.started_ms < span.to_ms]
    return found


def _hour(view: View, row: SourceRow, kind: str, hour_ms: int, revision: int) -> Sequence[Happening]:
    """All rows of an hour at a revision: a row that two statements tell is one row."""
    number, agent, source = row
    rows: dict[tuple[int, int], Happening] = {}
    for key_id, packed in view.projection.rows(sql.ROLLS, number, kind, hour_ms, revision, view.index):
        for key, started_ms, attributes in rows_of(Roll.FromString(zlib.decompress(packed))):
            if (key, started_ms) not in rows:
                rows[key, started_ms] = Happening(
                    agent=agent,
                    source=source,
                    id=key,
                    started_ms=started_ms,
                    ended_ms=started_ms + int(attributes.get("lasted", 0)) * 1000,
                    key_id=key_id,
                    attributes=attributes,
                )
    return tuple(sorted(rows.values(), key=order))
