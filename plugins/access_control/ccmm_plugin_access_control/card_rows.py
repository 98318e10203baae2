"""Texts in the columns of one workbook, CSV file or database query, by the shared tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ccmm_plugin_access_control.card_numbers import TURN
from ccmm_plugin_access_control.card_texts import Piece
from ccmm_tables.columns import Row, text_of
from ccmm_tables.opened import Opened
from ccmm_tables.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRows:
    """`positions`: column -> the word that leaves. Rows of one `item` that follow each other are one text."""

    rows: Rows
    item: str | None
    positions: Mapping[str, str]

    def columns(self) -> tuple[str, ...]:
        """All that is asked for."""
        return tuple(dict.fromkeys([*([self.item] if self.item else []), *self.positions]))

    def pieces(self, opened: Opened) -> Iterator[Piece]:
        """Every text of every row. Raises BadTable while it goes on."""
        for row in opened.rows:
            item = text_of(row.cells[self.item]) if self.item and self.item in row.cells else ""
            yield from self._of_row(row, item)

    def _of_row(self, row: Row, item: str) -> Iterator[Piece]:
        for column, position in self.positions.items():
            if column in row.cells:
                text = text_of(row.cells[column])
                yield Piece(item or row.number, item, position, text + TURN)
