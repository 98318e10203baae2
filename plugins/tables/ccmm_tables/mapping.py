"""What one table says, from its options: which kind or measure, which column is its key, which tells its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.kinds import KINDS, Attribute, Form, Sort, Type
from ccmm_proto.measures import MEASURES, Measure, Shape
from ccmm_tables.columns import Row, duration_of, label_of, text_of
from ccmm_tables.declared import Declared, column_names, time_in

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
    declared: Declared

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
            declared=Declared.from_options(options, attributes),
        )
        if found.ended and found.lasted:
            raise BadOption("lasted", "either `ended` or `lasted`")
        for name, attribute in attributes.items():
            if not attribute.optional and name not in found.declared.names:
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
            declared=Declared.from_options(options, {name: _dimension(sort) for name, sort in dimensions.items()}),
        )

    def columns(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        single = [name for name in (self.lasted, self.counted, self.as_of) if name]
        return tuple(dict.fromkeys([*self.key, *self.started, *self.ended, *single, *self.declared.columns()]))

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

    def start_of(self, row: Row, times: LocalTimes) -> datetime:
        """Raises BadTable."""
        started = time_in(row, self.started, times)
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
        ended = time_in(row, self.ended, times) if self._has_end(row) else None
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
        return time_in(row, (self.as_of,), times) if self.as_of else None

    def count_of(self, row: Row) -> int:
        """How many the row counts: 1, or what its count column says. Raises BadTable."""
        if self.counted is None:
            return 1
        text = text_of(row.cells.get(self.counted, ""))
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise BadTable("no count", row=row.number, column=self.counted)
        return int(text)


def _dimensions(measure: Measure) -> Mapping[str, Attribute]:
    return {name: _dimension(sort) for name, sort in measure.dimensions.items()}


def _dimension(sort: Sort | None) -> Attribute:
    return Attribute(type=Type.PSEUDONYM if sort else Type.TEXT, optional=True, sort=sort)
