"""The columns that an option table declares for attributes of any shape, and which rows and texts count.

declared = Declared.from_options(options, {"wait": Attribute(type=Type.WHOLE, optional=True)})
for row in declared.rows(opened):
    wait = declared.attributes(row, opened.times).get("wait")
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.kinds import Attribute, Type
from ccmm_tables.columns import UNITS, Field, Row, Value, joined, text_of, time_of, word_map
from ccmm_tables.opened import Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The options `columns`, `values`, `durations`, `separator`, `constants`, `where` and `absent`."""

    fields: tuple[Field, ...]
    where: Mapping[str, frozenset[str]]
    absent: Mapping[str, frozenset[str]]

    @classmethod
    def from_options(cls, options: Options, attributes: Mapping[str, Attribute]) -> Self:
        """Raises BadOption for an attribute that is none of these."""
        return cls(
            fields=fields_of(options, attributes),
            where=texts_by_column(options, "where"),
            absent=texts_by_column(options, "absent"),
        )

    @property
    def names(self) -> frozenset[str]:
        """The attributes that have a column or a constant."""
        return frozenset(field.name for field in self.fields)

    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        return tuple(dict.fromkeys([*self.where, *(column for field in self.fields for column in field.columns)]))

    def rows(self, opened: Opened) -> Iterator[Row]:
        """Those that `where` lets in, without what says nothing; at their end `opened.detail` tells how many not."""
        left_out = 0
        for row in map(self.cleaned, opened.rows):
            if self.is_wanted(row):
                yield row
            else:
                left_out += 1
        opened.detail = "; ".join(filter(None, (opened.detail, left_out_told(left_out))))

    def cleaned(self, row: Row) -> Row:
        """Without the cells that `absent` declares to say nothing, in one column or ("*") in any."""
        if not self.absent:
            return row
        everywhere = self.absent.get("*", frozenset())
        kept = {
            column: cell
            for column, cell in row.cells.items()
            if (text := text_of(cell)) not in everywhere and text not in self.absent.get(column, ())
        }
        return Row(row.number, kept)

    def is_wanted(self, row: Row) -> bool:
        """Does `where` let it in?"""
        return all(column in row.cells and text_of(row.cells[column]) in words for column, words in self.where.items())

    def attributes(self, row: Row, times: LocalTimes) -> dict[str, Value]:
        """Raises BadTable, also where an attribute that every entry has is empty."""
        found: dict[str, Value] = {}
        for field in self.fields:
            value = field.value(row, times)
            if value is None and not field.attribute.optional:
                raise BadTable("the cell is empty", row=row.number, column=" + ".join(field.columns))
            if value is not None:
                found[field.name] = value
        return found


def left_out_told(rows: int) -> str:
    """For the detail of a run, so that what a center leaves out is signed; "" for none."""
    return f"{rows} rows are left out by `where`" if rows else ""


def column_names(options: Options, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """One column name, or a list of them. Raises BadOption."""
    if default is not None and key not in options.keys():  # noqa: SIM118 - Options is no mapping
        return default
    try:
        return (options.text(key),)
    except BadOption:
        names = options.texts(key)
    if not names:
        raise BadOption(key, "at least one column")
    return names


def time_in(row: Row, columns: tuple[str, ...], times: LocalTimes) -> datetime | None:
    """The time that stands in one column, or a date and a clock time in two; None: empty. Raises BadTable."""
    cell = joined(row, columns)
    try:
        return None if cell is None else time_of(cell, times)
    except BadTable as error:
        raise BadTable(error.args[0], row=row.number, column=" + ".join(columns)) from error


def texts_by_column(options: Options, key: str) -> dict[str, frozenset[str]]:
    """An option that is a table of column -> texts. Raises BadOption."""
    table = options.table(key, None)
    return {} if table is None else {column: frozenset(table.texts(column)) for column in table.keys()}  # noqa: SIM118


def fields_of(options: Options, attributes: Mapping[str, Attribute]) -> tuple[Field, ...]:
    """The options `columns`, `values`, `durations`, `separator` and `constants`. Raises BadOption."""
    columns, constants = options.table("columns", None), options.table("constants", None)
    values = options.table("values", None)
    separator = options.text("separator", ";")
    units = options.table("durations", None)
    fields = []
    for name in columns.keys() if columns else ():
        attribute = _declared(f"columns.{name}", name, attributes)
        words = values.table(name, None) if values else None
        fields.append(
            Field(
                name=name,
                attribute=attribute,
                columns=column_names(columns, name) if columns else (),
                words=word_map(name, attribute, words) if words else None,
                unit=_unit(units, name, attribute),
                separator=separator,
            )
        )
    for name in constants.keys() if constants else ():
        attribute = _declared(f"constants.{name}", name, attributes)
        if any(field.name == name for field in fields):
            raise BadOption(f"constants.{name}", "a column or a constant, not both")
        assert constants is not None
        fields.append(Field(name=name, attribute=attribute, constant=_constant(constants, name, attribute)))
    return tuple(fields)


def _declared(key: str, name: str, attributes: Mapping[str, Attribute]) -> Attribute:
    if name not in attributes:
        raise BadOption(key, f"one of {', '.join(sorted(attributes))}")
    return attributes[name]


def _unit(units: Options | None, name: str, attribute: Attribute) -> str | None:
    unit = units.text(name, None) if units else None
    if unit is not None and (unit not in UNITS or attribute.type not in (Type.WHOLE, Type.NUMBER)):
        raise BadOption(f"durations.{name}", f"one of {', '.join(UNITS)}, for an attribute that is a number")
    return unit


def _constant(constants: Options, name: str, attribute: Attribute) -> Value:
    match attribute.type:
        case Type.FLAG:
            return constants.flag(name)
        case Type.WHOLE:
            return constants.whole(name)
        case Type.NUMBER:
            return float(constants.whole(name))
        case Type.WORDS:
            return list(constants.texts(name))
        case Type.TEXT:
            return constants.text(name)
    raise BadOption(f"constants.{name}", f"a column: {name} is a {attribute.type}")
