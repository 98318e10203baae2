"""What one table says, from its options: which kind or measure, which column is which attribute, which rows count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_records.columns import (
    UNITS,
    Field,
    Row,
    Value,
    duration_of,
    joined,
    label_of,
    text_of,
    time_of,
    word_map,
)
from ccmm_proto.kinds import KINDS, Attribute, Form, Sort, Type
from ccmm_proto.measures import MEASURES, Measure, Shape

TABLE_FORMS = (Form.INVENTORY, Form.OCCURRENCE)
COUNTED = tuple(id for id, measure in MEASURES.items() if measure.shape is Shape.COUNT and measure.period_s == 900)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """`word` is the id of a kind, or of a measure that counts rows (or a column) per quarter hour."""

    word: str
    form: Form | None  # None: a measure
    key: tuple[str, ...]
    started: tuple[str, ...]
    ended: tuple[str, ...]
    lasted: str | None
    counted: str | None
    as_of: str | None
    where: Mapping[str, frozenset[str]]
    absent: Mapping[str, frozenset[str]]
    fields: tuple[Field, ...]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption for an unknown kind, an attribute that it does not have, or one that it needs."""
        word = options.text("kind")
        form = KINDS[word].form if word in KINDS else None
        if form not in TABLE_FORMS and word not in COUNTED:
            raise BadOption("kind", "an inventory or occurrence kind, or a measure that is counted by the quarter hour")
        attributes = KINDS[word].attributes if word in KINDS else _dimensions(MEASURES[word])
        inventory = form is Form.INVENTORY
        found = cls(
            word=word,
            form=form,
            key=() if form is None else column_names(options, "key"),
            started=() if inventory else column_names(options, "started"),
            ended=column_names(options, "ended", ()) if form is Form.OCCURRENCE else (),
            lasted=options.text("lasted", None) if form is Form.OCCURRENCE else None,
            counted=options.text("count", None) if form is None else None,
            as_of=options.text("as_of", None),
            where=texts_by_column(options, "where"),
            absent=texts_by_column(options, "absent"),
            fields=_fields(options, attributes),
        )
        if found.ended and found.lasted:
            raise BadOption("lasted", "either `ended` or `lasted`")
        named = {field.name for field in found.fields}
        for name, attribute in attributes.items():
            if not attribute.optional and name not in named:
                raise BadOption(f"columns.{name}", f"a column: every {word} has one (or give it under `constants`)")
        return found

    @classmethod
    def of_figures(cls, options: Options, dimensions: Mapping[str, Sort | None]) -> Self:
        """Rows with a time and dimensions, whatever figures stand in them. Raises BadOption."""
        return cls(
            word="figures",
            form=None,
            key=(),
            started=column_names(options, "started"),
            ended=(),
            lasted=None,
            counted=None,
            as_of=options.text("as_of", None),
            where=texts_by_column(options, "where"),
            absent=texts_by_column(options, "absent"),
            fields=_fields(options, {name: _dimension(sort) for name, sort in dimensions.items()}),
        )

    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        single = [name for name in (self.lasted, self.counted, self.as_of) if name]
        mapped = [column for field in self.fields for column in field.columns]
        return tuple(dict.fromkeys([*self.key, *self.started, *self.ended, *single, *self.where, *mapped]))

    def cleaned(self, row: Row) -> Row:
        """Without the cells that `absent` declares to say nothing, in one column or ("*") in any."""
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

    def key_of(self, row: Row) -> str:
        """The key or id: the key columns joined by `|`. Raises BadTable."""
        parts = []
        for column in self.key:
            if column not in row.cells:
                raise BadTable("the key is empty", row=row.number, column=column)
            try:
                parts.append(label_of(row.cells[column]))
            except BadTable as error:
                raise BadTable(error.args[0], row=row.number, column=column) from error
        return "|".join(parts)

    def attributes(self, row: Row, times: LocalTimes) -> dict[str, object]:
        """Raises BadTable, also where an attribute that every entry has is empty."""
        found: dict[str, object] = {}
        for field in self.fields:
            value = field.value(row, times)
            if value is None and not field.attribute.optional:
                raise BadTable("the cell is empty", row=row.number, column=" + ".join(field.columns))
            if value is not None:
                found[field.name] = value
        return found

    def start_of(self, row: Row, times: LocalTimes) -> datetime:
        """Raises BadTable."""
        started = _time(row, self.started, times)
        if started is None:
            raise BadTable("the start is empty", row=row.number, column=" + ".join(self.started))
        return started

    def end_of(self, row: Row, times: LocalTimes, started: datetime) -> datetime | None:
        """None: not ended, or not told. With the date of its start, an end before the start is past midnight."""
        if self.lasted is not None and self.lasted in row.cells:
            try:
                return started + timedelta(seconds=duration_of(row.cells[self.lasted]))
            except BadTable as error:
                raise BadTable(error.args[0], row=row.number, column=self.lasted) from error
        ended = _time(row, self.ended, times) if self._has_end(row) else None
        if ended is not None and ended < started and set(self.started) & set(self.ended):
            ended += _DAY
        if ended is not None and ended < started:
            raise BadTable("it ends before it starts", row=row.number, column=" + ".join(self.ended))
        return ended

    def _has_end(self, row: Row) -> bool:
        """The column that only the end has decides: of a date and a clock time, the clock time."""
        own = [column for column in self.ended if column not in self.started] or list(self.ended)
        return all(column in row.cells for column in own) and bool(own)

    def exported(self, row: Row, times: LocalTimes) -> datetime | None:
        """When the row says that it was exported."""
        return _time(row, (self.as_of,), times) if self.as_of else None

    def count_of(self, row: Row) -> int:
        """How many the row counts: 1, or what its count column says. Raises BadTable."""
        if self.counted is None:
            return 1
        text = text_of(row.cells.get(self.counted, ""))
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise BadTable("no count", row=row.number, column=self.counted)
        return int(text)


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


def _time(row: Row, columns: tuple[str, ...], times: LocalTimes) -> datetime | None:
    cell = joined(row, columns)
    try:
        return None if cell is None else time_of(cell, times)
    except BadTable as error:
        raise BadTable(error.args[0], row=row.number, column=" + ".join(columns)) from error


def _dimensions(measure: Measure) -> Mapping[str, Attribute]:
    return {name: _dimension(sort) for name, sort in measure.dimensions.items()}


def _dimension(sort: Sort | None) -> Attribute:
    return Attribute(type=Type.PSEUDONYM if sort else Type.TEXT, optional=True, sort=sort)


def texts_by_column(options: Options, key: str) -> dict[str, frozenset[str]]:
    table = options.table(key, None)
    return {} if table is None else {column: frozenset(table.texts(column)) for column in table.keys()}  # noqa: SIM118


def _fields(options: Options, attributes: Mapping[str, Attribute]) -> tuple[Field, ...]:
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
