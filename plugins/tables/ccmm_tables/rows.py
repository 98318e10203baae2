"""Rows from the options of a source, whether of a file (`path`) or of a database (`url`): one interface for both.

rows = Rows.from_options(options)
with rows.opened(window, ("card", "at")) as opened:
    for row in opened.rows:
        at = time_of(row.cells["at"], opened.times)
yield Done((before, opened.as_of), cursor, detail=opened.detail)   # after the context: a file may have changed
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from ccmm_agent.plugin import BadOption, CheckLine, Manifest, Options, Window
from ccmm_tables.export import FileRows
from ccmm_tables.opened import Opened, Span, Written
from ccmm_tables.sql_rows import MAX_ROWS, DatabaseRows


@dataclass(frozen=True, slots=True)
class Rows:
    """`opened` and `check` give rows of any columns; every failure is a SourceUnavailable."""

    of: FileRows | DatabaseRows

    @classmethod
    def from_options(cls, options: Options, *, spans: bool = False) -> Self:
        """`spans`: `opened` will be given a Span. Raises BadOption."""
        if "url" not in options.keys():  # noqa: SIM118 - Options is no mapping
            return cls(FileRows.from_options(options))
        if "path" in options.keys():  # noqa: SIM118
            raise BadOption("path", "either `path` or `url`")
        return cls(DatabaseRows.from_options(options, spans=spans, rows=MAX_ROWS))

    @property
    def is_database(self) -> bool:
        """Else a file, which gives all its rows at each opening."""
        return isinstance(self.of, DatabaseRows)

    @property
    def is_bound(self) -> bool:
        """Does a query itself (:since, :until) leave out rows, so that its first row tells nothing of the table's?"""
        return isinstance(self.of, DatabaseRows) and bool(self.of.query.bound())

    @property
    def name(self) -> str:
        """For people: the file's name, or host and port."""
        return self.of.name

    @property
    def written(self) -> Written:
        """How naive times are read."""
        return self.of.written

    def manifest(self) -> Manifest:
        """What reading them needs."""
        return self.of.manifest()

    def opened(
        self, window: Window, columns: tuple[str, ...], span: Span | None = None
    ) -> AbstractContextManager[Opened]:
        """The rows of these columns; a BadTable inside becomes SourceUnavailable."""
        if isinstance(self.of, DatabaseRows):
            return self.of.opened(window, columns, span)
        return self.of.opened(window, columns)

    def check(
        self,
        window: Window,
        columns: tuple[str, ...],
        look: Callable[[Opened], Iterable[CheckLine]],
        span: Span | None = None,
    ) -> Iterator[CheckLine]:
        """Reachable, rights, how old; and what `look` says of the rows."""
        if isinstance(self.of, DatabaseRows):
            return self.of.check(window, columns, look, span)
        return self.of.check(window, columns, look)
