"""Rolls: one hour of many small occurrences in packed columns, about 20 bytes each (FORMATS §5).

A reader builds a roll with clear keys (`clear_key`, `Column.clear`); the agent's redaction replaces them by the first
8 bytes of pseudonyms and sorts; only then may it stand in a statement.
"""

from collections.abc import Callable, Iterator, Mapping

from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS, Attribute, Type
from ccmm_proto.period import MAX_MS
from ccmm_proto.v1.statement_pb2 import Column, Roll

RollValue = int | bool | str
ABSENT = -1  # of a flag, a whole number, or a word that may be absent
HOUR_S = 3600
MAX_TEXT = 1000  # characters of one text, here and in all other facts


def rows_of(roll: Roll) -> Iterator[tuple[int, int, dict[str, RollValue]]]:
    """(key, start in ms, attributes that are present) of each row, in the roll's order; raises Malformed."""
    check_roll(roll, clear=False)
    kind = KINDS[roll.kind]
    readers = [(column.name, _reader(column, kind.attributes[column.name])) for column in roll.columns]
    for index, (key, start_s) in enumerate(zip(roll.key, roll.start_s, strict=True)):
        values = {name: value for name, read in readers if (value := read(index)) is not None}
        yield key, roll.hour_ms + start_s * 1000, values


def check_roll(roll: Roll, *, clear: bool) -> None:
    """Every column declared, of one length, of the right type; clear text only where `clear`; raises Malformed."""
    kind = KINDS.get(roll.kind)
    if kind is None or not kind.roll:
        raise Malformed(f"no kind {roll.kind[:40]!r} that travels in rolls")
    if roll.hour_ms % (HOUR_S * 1000) or not 0 <= roll.hour_ms <= MAX_MS:
        raise Malformed(f"roll {roll.kind}: hour_ms is not a full hour")
    rows = len(roll.start_s)
    keys = roll.clear_key if clear else roll.key
    if len(keys) != rows or (roll.key if clear else roll.clear_key):
        raise Malformed(f"roll {roll.kind}: keys and starts differ in number, or are not pseudonymous")
    if any(start >= HOUR_S for start in roll.start_s):
        raise Malformed(f"roll {roll.kind}: a start lies outside its hour")
    if not clear and any(a > b for a, b in zip(roll.key, roll.key[1:], strict=False)):
        raise Malformed(f"roll {roll.kind}: keys are not in order")
    if len({column.name for column in roll.columns}) != len(roll.columns):
        raise Malformed(f"roll {roll.kind}: a column stands twice")
    for column in roll.columns:
        _check_column(roll.kind, kind.attributes, column, rows, clear=clear)


def _check_column(kind: str, attributes: Mapping[str, Attribute], column: Column, rows: int, *, clear: bool) -> None:
    attribute = attributes.get(column.name)
    if attribute is None:
        raise Malformed(f"roll {kind}: no attribute {column.name[:40]!r}")
    where = f"roll {kind}.{column.name}"
    if attribute.type is Type.PSEUDONYM:
        cells, others = (column.clear, column.pseudonym) if clear else (column.pseudonym, column.clear)
        if len(cells) != rows or others or column.number or column.dictionary:
            raise Malformed(f"{where}: one pseudonym a row is expected")
        return
    if column.pseudonym or column.clear or len(column.number) != rows:
        raise Malformed(f"{where}: one number a row is expected")
    _check_numbers(where, attribute, column)


def _check_numbers(where: str, attribute: Attribute, column: Column) -> None:
    if any(len(word) > MAX_TEXT for word in column.dictionary):
        raise Malformed(f"{where}: a word of more than {MAX_TEXT} characters")
    lowest = ABSENT if attribute.optional else 0
    if attribute.type is Type.TEXT:
        if any(not lowest <= n < len(column.dictionary) for n in column.number):
            raise Malformed(f"{where}: an index outside its dictionary")
    elif column.dictionary:
        raise Malformed(f"{where}: a dictionary belongs to words only")
    elif attribute.type is Type.FLAG:
        if any(not lowest <= n <= 1 for n in column.number):
            raise Malformed(f"{where}: a flag is 0 or 1")
    elif attribute.type is not Type.WHOLE:
        raise Malformed(f"{where}: {attribute.type} cannot travel in a roll")
    elif any(n < lowest for n in column.number):
        raise Malformed(f"{where}: a number below {lowest}")


def _reader(column: Column, attribute: Attribute) -> Callable[[int], RollValue | None]:
    if attribute.type is Type.PSEUDONYM:
        pseudonyms = list(column.pseudonym)
        return lambda index: pseudonyms[index] or None
    numbers = list(column.number)
    if attribute.type is Type.TEXT:
        words = [*column.dictionary, None]  # ABSENT, -1, reads the None at the end
        return lambda index: words[numbers[index]]
    if attribute.type is Type.FLAG:
        return lambda index: None if numbers[index] == ABSENT else bool(numbers[index])
    return lambda index: None if numbers[index] == ABSENT else numbers[index]
