"""Days of rolls, column by column: a column of many days is made when it is first asked for."""

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from ccmm_proto.kinds import KINDS, Type
from ccmm_proto.roll import ABSENT
from ccmm_proto.v1.statement_pb2 import Column, Roll
from ccmm_rules.columns import ENDED, KEY, KEY_ID, MOST_CODES, Coded, Columns, Lazily
from ccmm_rules.columns import Column as Values
from ccmm_rules.evidence import AttributeValue, Happening

SourceRow = tuple[int, str, str]  # number, agent, source
SMALL_BYTES = 2_000
_PLAIN = b"\0"  # zlib never begins so
_FLAGS = (False, True, None)
_MOST_WORDS = MOST_CODES - 1  # of a day, for in a byte ABSENT, -1, reads 255


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """The rows of one source and UTC day, in order; a roll's hour is the day, and a column more has the key ids."""

    roll: Roll
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.roll.start_s)


def day_of(kind: str, day_ms: int, rows: Sequence[Happening]) -> Day:
    """Rows of one source and day, in order."""
    roll = Roll(kind=kind, hour_ms=day_ms)
    roll.key.extend([int(row.id) for row in rows])
    roll.start_s.extend([(row.started_ms - day_ms) // 1000 for row in rows])
    roll.columns.append(_words(KEY_ID, [row.key_id for row in rows]))
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
    return _day(roll)


def _words(name: str, values: Sequence[AttributeValue | None]) -> Column:
    places = {word: place for place, word in enumerate(sorted({str(value) for value in values if value is not None}))}
    numbers = [ABSENT if value is None else places[str(value)] for value in values]
    return Column(name=name, dictionary=list(places), number=numbers)


def _day(roll: Roll) -> Day:
    return Day(roll, {column.name: column for column in roll.columns})


def pack_day(day: Day) -> bytes:
    """To be kept: small ones as they stand, after a zero, for a year of them is unpacked at once."""
    plain = day.roll.SerializeToString(deterministic=True)
    return _PLAIN + plain if len(plain) <= SMALL_BYTES else zlib.compress(plain, 1)


def unpack_day(packed: bytes) -> Day:
    """What `pack_day` packed."""
    return _day(Roll.FromString(packed[1:] if packed.startswith(_PLAIN) else zlib.decompress(packed)))


def columns_of(row: SourceRow, days: Sequence[Day]) -> Columns:
    """Days of one source and kind, one after the other."""
    names = {name for day in days for name in day.columns}
    seconds = [(day.roll.hour_ms, day.roll.start_s) for day in days]
    starts = [day_ms + 1000 * start_s for day_ms, starts_s in seconds for start_s in starts_s]

    def made(name: str) -> Values:
        if name == KEY:
            return list(chain.from_iterable(day.roll.key for day in days))
        if name == ENDED:
            return _ends(starts, _values("lasted", days) if "lasted" in names else ())
        return _values(name, days)

    return Columns(agent=row[1], source=row[2], starts=starts, told=Lazily((*names, KEY, ENDED), made))


def _ends(starts: Sequence[int], lasted: Values) -> Values:
    """What has no length ends when it begins."""
    if not lasted:
        return starts
    return [start + 1000 * s if type(s) is int else start for start, s in zip(starts, lasted, strict=True)]


def _values(name: str, days: Sequence[Day]) -> Values:
    type_ = Type.TEXT if name == KEY_ID else KINDS[days[0].roll.kind].attributes[name].type
    match type_:
        case Type.PSEUDONYM:
            keys = _cells(name, days, lambda column: column.pseudonym, 0)
            return [key or None for key in keys] if 0 in keys else keys
        case Type.TEXT:
            return _coded(name, days) or [word for day in days for word in _each_word(name, day)]
        case Type.FLAG:
            return Coded(_FLAGS, bytes([number % 3 for number in _cells(name, days, _numbers, ABSENT)]))
        case _:
            numbers = _cells(name, days, _numbers, ABSENT)
            return [None if number == ABSENT else number for number in numbers] if ABSENT in numbers else numbers


def _numbers(column: Column) -> Iterable[int]:
    return column.number


def _cells(name: str, days: Sequence[Day], told: Callable[[Column], Iterable[int]], absent: int) -> list[int]:
    """One number a row; `absent` in days that have no such column."""
    cells: list[int] = []
    for day in days:
        cells += told(day.columns[name]) if name in day.columns else [absent] * len(day)
    return cells


def _coded(name: str, days: Sequence[Day]) -> Coded[str | None] | None:
    """Words by their codes; None where there are too many of them."""
    codes: dict[str | None, int] = {None: 0}
    tables: dict[tuple[str, ...], bytes] = {}
    pieces = []
    for day in days:
        words = tuple(day.columns[name].dictionary) if name in day.columns else ()
        if words not in tables:
            table = [codes.setdefault(word, len(codes)) for word in words]
            if len(words) > _MOST_WORDS or len(codes) > MOST_CODES:
                return None
            tables[words] = bytes(table).ljust(MOST_CODES, b"\0")
        pieces.append(_bytes(day.columns[name].number).translate(tables[words]) if words else bytes(len(day)))
    return Coded(list(codes), b"".join(pieces))


def _bytes(numbers: Sequence[int]) -> bytes:
    """ABSENT reads 255."""
    cells = list(numbers)
    return bytes([number & 255 for number in cells] if ABSENT in cells else cells)


def _each_word(name: str, day: Day) -> Sequence[str | None]:
    if name not in day.columns:
        return [None] * len(day)
    words = [*day.columns[name].dictionary, None]  # ABSENT, -1, reads the None at the end
    return [words[number] for number in day.columns[name].number]
