"""The three tables of quality work, from the options: scores, recorded contacts, calibration; files or queries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.kinds import Attribute, Form, Sort, Type
from ccmm_tables.columns import Row, Value
from ccmm_tables.declared import Declared, column_names
from ccmm_tables.mapping import TableMapping
from ccmm_tables.opened import Opened
from ccmm_tables.rows import Rows

MOST_POINTS = 1e6
_TEXT = Attribute(type=Type.TEXT, optional=True)
_FLAG = Attribute(type=Type.FLAG, optional=True)
_NUMBER = Attribute(type=Type.NUMBER, optional=True)
_WHOLE = Attribute(type=Type.WHOLE, optional=True)
_AGENT = Attribute(type=Type.PSEUDONYM, sort=Sort.PERSON)
_SOME_CALL = Attribute(type=Type.PSEUDONYM, sort=Sort.CALL, optional=True)
_CALL = Attribute(type=Type.PSEUDONYM, sort=Sort.CALL)
_SCORER = Attribute(type=Type.PSEUDONYM, sort=Sort.PERSON, optional=True)

COLUMNS: Mapping[str, Mapping[str, Attribute]] = {
    "scores": {
        "agent": _AGENT,
        "call": _SOME_CALL,
        "scorer": _SCORER,  # asked for who took part in calibration; never stated
        **dict.fromkeys(("queue", "form", "process", "channel", "subject"), _TEXT),
        **dict.fromkeys(("random", "critical", "passed"), _FLAG),
        **dict.fromkeys(("points", "possible"), _NUMBER),
        **dict.fromkeys(("steps", "steps_right"), _WHOLE),
    },
    "recorded": {"call": _CALL, "agent": _AGENT, "length": Attribute(type=Type.NUMBER)},
    "calibration": {
        "scorer": Attribute(type=Type.PSEUDONYM, sort=Sort.PERSON),
        "score": Attribute(type=Type.NUMBER),
        "reference": Attribute(type=Type.NUMBER),
        "form": _TEXT,
        "blind": _FLAG,
    },
}
_KEYED = frozenset(("scores", "calibration"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: its key ("" where the table has none), its time and its cells."""

    row: int
    key: str
    at: datetime
    cells: Mapping[str, Value]

    def text(self, name: str) -> str | None:
        return str(self.cells[name]) if name in self.cells else None

    def flag(self, name: str) -> bool | None:
        return bool(self.cells[name]) if name in self.cells else None

    def number(self, name: str) -> float | None:
        """Raises BadTable for one below nothing, or beyond all measure."""
        if name not in self.cells:
            return None
        value = float(str(self.cells[name]))
        if not 0 <= value <= MOST_POINTS:
            raise BadTable(f"{name} below nothing, or beyond all measure", row=self.row)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTable:
    """A table by its name in the options: scores, recorded or calibration."""

    name: str
    rows: Rows
    mapping: TableMapping

    @classmethod
    def from_options(cls, name: str, options: Options) -> Self:
        """Raises BadOption, also for a column that such a table must have."""
        attributes = COLUMNS[name]
        mapping = TableMapping(
            word=name,
            form=Form.OCCURRENCE,
            key=column_names(options, "key") if name in _KEYED else (),
            started=column_names(options, "started"),
            ended=(),
            lasted=None,
            counted=None,
            as_of=None,
            declared=Declared.from_options(options, attributes),
        )
        for column, attribute in attributes.items():
            if not attribute.optional and column not in mapping.declared.names:
                raise BadOption(f"{name}.columns.{column}", "a column")
        for pair in (("points", "possible"), ("steps", "steps_right")):
            if len(mapping.declared.names & set(pair)) == 1:
                raise BadOption(
                    f"{name}.columns.{pair[0]}", f"beside a column for `{pair[1]}`, and the other way round"
                )
        return cls(name=name, rows=Rows.from_options(options), mapping=mapping)

    def has(self, *names: str) -> bool:
        """Are all of these mapped?"""
        return self.mapping.declared.names >= set(names)

    def columns(self) -> tuple[str, ...]:
        return self.mapping.columns()

    def lines(self, opened: Opened) -> Iterator[Line]:
        """Every row. Raises BadTable, where the key of a score stands twice too."""
        seen: dict[str, int] = {}
        for row in self.mapping.declared.rows(opened):
            key = self.mapping.key_of(row) if self.mapping.key else ""
            if self.name == "scores":
                _refuse_twice(seen, key, row)
            cells = self.mapping.declared.attributes(row, opened.times)
            line = Line(row=row.number, key=key, at=self.mapping.start_of(row, opened.times), cells=cells)
            _refuse_figures(line)
            yield line


def _refuse_figures(line: Line) -> None:
    for name in ("score", "reference", "length"):
        line.number(name)
    for part, whole in (("points", "possible"), ("steps_right", "steps")):
        some, most = line.number(part), line.number(whole)
        if (some is None) != (most is None):
            raise BadTable(f"{part} without {whole}, or the other way round", row=line.row)
        if some is not None and most is not None and some > most:
            raise BadTable(f"more {part} than {whole}", row=line.row)


def _refuse_twice(seen: dict[str, int], key: str, row: Row) -> None:
    if key in seen:
        raise BadTable(f"row {seen[key]} has the same key: name more columns in `key`", row=row.number)
    seen[key] = row.number
