"""The rolls of one day in one piece: what was told by the hour is read again by the day, and column by column."""

import zlib
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any

from ccmm_collector import projection_sql as sql
from ccmm_proto.kinds import KINDS, Type
from ccmm_proto.period import DAY_MS, floor_to
from ccmm_proto.roll import ABSENT, rows_of
from ccmm_proto.v1.statement_pb2 import Column, Roll
from ccmm_rules.evidence import AttributeValue, Columns, Happening

SourceRow = tuple[int, str, str]  # number, agent, source
EVER = 1 << 62  # as an index: everything that is known
_KEY_ID = "."  # the column of the pseudonym keys' ids; no attribute has such a name
_FLAGS: Sequence[bool | None] = (False, True, None)  # ABSENT, -1, reads the None at the end


def order(happening: Happening) -> tuple[object, ...]:
    """Oldest first, then by id."""
    return (
        happening.started_ms,
        isinstance(happening.id, str),
        happening.id,
        happening.agent,
        happening.source,
    )


def hours(connection: Connection, row: SourceRow, kind: str, from_ms: int, to_ms: int, index: int) -> list[Happening]:
    """The rows of all hours that begin in a stretch of time, as known at an index; oldest first, then by id."""
    found: list[Happening] = []
    rolls = (row[0], kind, from_ms, to_ms, index)
    for hour_ms, revision in connection.execute(sql.ROLL_HOURS, rolls).fetchall():
        found += _hour(connection, row, kind, hour_ms, revision, index)
    return found


def _hour(
    connection: Connection, row: SourceRow, kind: str, hour_ms: int, revision: int, index: int
) -> list[Happening]:
    """All rows of an hour at a revision: a row that two statements tell is one row."""
    number, agent, source = row
    rows: dict[tuple[int, int], Happening] = {}
    for key_id, packed in connection.execute(sql.ROLLS, (number, kind, hour_ms, revision, index)).fetchall():
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
    return sorted(rows.values(), key=order)


def pack_day(kind: str, day_ms: int, rows: Sequence[Happening]) -> bytes:
    """Rows of one source and day, in order."""
    roll = Roll(kind=kind, hour_ms=day_ms)
    roll.key.extend([int(row.id) for row in rows])
    roll.start_s.extend([(row.started_ms - day_ms) // 1000 for row in rows])
    roll.columns.append(_words(_KEY_ID, [row.key_id for row in rows]))
    for name in sorted({name for row in rows for name in row.attributes}):
        values = [row.attributes.get(name) for row in rows]
        match KINDS[kind].attributes[name].type:
            case Type.PSEUDONYM:
                roll.columns.append(Column(name=name, pseudonym=[int(str(value or 0)) for value in values]))
            case Type.TEXT:
                roll.columns.append(_words(name, values))
            case _:
                numbers = [int(value) if isinstance(value, int) else ABSENT for value in values]
                roll.columns.append(Column(name=name, number=numbers))
    return zlib.compress(roll.SerializeToString(deterministic=True), 1)


def _words(name: str, values: Sequence[AttributeValue | None]) -> Column:
    places = {word: place for place, word in enumerate(sorted({str(value) for value in values if value is not None}))}
    numbers = [ABSENT if value is None else places[str(value)] for value in values]
    return Column(name=name, dictionary=list(places), number=numbers)


def unpack_day(row: SourceRow, packed: bytes) -> Columns:
    """What `pack_day` packed."""
    roll = Roll.FromString(zlib.decompress(packed))
    types, columns = KINDS[roll.kind].attributes, {column.name: column for column in roll.columns}
    key_ids = columns.pop(_KEY_ID)
    words = list(key_ids.dictionary)
    attributes = {name: _values(types[name].type, column) for name, column in columns.items()}
    starts = [roll.hour_ms + start_s * 1000 for start_s in roll.start_s]
    lasted = attributes.get("lasted")
    return Columns(
        agents=[row[1]] * len(starts),
        sources=[row[2]] * len(starts),
        ids=list(roll.key),
        starts=starts,
        ends=[start + int(str(s or 0)) * 1000 for start, s in zip(starts, lasted, strict=True)] if lasted else starts,
        key_ids=[words[number] for number in key_ids.number],
        attributes=attributes,
    )


def _values(type_: Type, column: Column) -> Sequence[AttributeValue | None]:
    match type_:
        case Type.PSEUDONYM:
            keys = list(column.pseudonym)
            return [key or None for key in keys] if 0 in keys else keys
        case Type.TEXT:
            words = [*column.dictionary, None]  # ABSENT reads the None at the end
            return [words[number] for number in column.number]
        case Type.FLAG:
            return [_FLAGS[number] for number in column.number]
        case _:
            numbers = list(column.number)
            return [None if number == ABSENT else number for number in numbers] if ABSENT in numbers else numbers


def columns_of(rows: Sequence[Happening]) -> Columns:
    """The same, column by column."""
    names = {name for row in rows for name in row.attributes}
    return Columns(
        agents=[row.agent for row in rows],
        sources=[row.source for row in rows],
        ids=[row.id for row in rows],
        starts=[row.started_ms for row in rows],
        ends=[row.ended_ms for row in rows],
        key_ids=[row.key_id for row in rows],
        attributes={name: [row.attributes.get(name) for row in rows] for name in names},
    )


def joined(parts: Sequence[Columns]) -> Columns:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    names = {name for part in parts for name in part.attributes}
    return Columns(
        agents=[agent for part in parts for agent in part.agents],
        sources=[source for part in parts for source in part.sources],
        ids=[id_ for part in parts for id_ in part.ids],
        starts=[start for part in parts for start in part.starts],
        ends=[end for part in parts for end in part.ends],
        key_ids=[key_id for part in parts for key_id in part.key_ids],
        attributes={
            name: [value for part in parts for value in part.attributes.get(name) or [None] * len(part)]
            for name in names
        },
    )


class Bundles:
    """The days of rolls that one projection keeps. What is touched or kept is written by the open transaction."""

    def __init__(self, connection: Connection) -> None:
        """Over the projection's own connection."""
        self._connection = connection
        self.fresh: list[tuple[object, ...]] = []  # made, and not written yet

    def touch(self, told: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
        """Rolls came: numbers of sources with the columns of `roll` after them. Their days hold no longer."""
        touched = {(number, row[0], floor_to(row[1], DAY_MS), row[5]) for number, row in told}
        self._connection.executemany(sql.TOUCH_BUNDLE, touched)

    def fill(self, before_ms: int, limit: int) -> None:
        """Pack days that began before an instant and are not packed yet."""
        empty = self._connection.execute(sql.EMPTY_BUNDLES, (before_ms, limit)).fetchall()
        for number, kind, day_ms, index in empty:
            rows = hours(self._connection, (number, "", ""), kind, day_ms, day_ms + DAY_MS, EVER)
            self.fresh.append((pack_day(kind, day_ms, rows), number, kind, day_ms, index))

    def write(self) -> int:
        """Write what was kept since; how much that was."""
        count = len(self.fresh)
        self._connection.executemany(sql.KEEP_BUNDLE, self.fresh)
        self.fresh.clear()
        return count
