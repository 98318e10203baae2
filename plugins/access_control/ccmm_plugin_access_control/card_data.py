"""The `card_data` source: looks for payment card numbers and security codes in texts that must not hold any.

One scan is one pass over everything; its `sample` says how many are there now. What leaves is how many and where (the
place, the position, a pseudonym of the item): never a digit of a number, not even the last four.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Source,
    Window,
    hookimpl,
)
from ccmm_plugin_access_control.card_allowed import load_allowed
from ccmm_plugin_access_control.card_facts import Scan, detail_of, total
from ccmm_plugin_access_control.card_folder import Folder, items_of
from ccmm_plugin_access_control.card_numbers import Numbers
from ccmm_plugin_access_control.card_rows import CardRows
from ccmm_plugin_access_control.card_scan import FIRST_LOOK, lines_of, scanned
from ccmm_plugin_access_control.card_seen import Seen, parse_seen
from ccmm_plugin_access_control.card_tally import Found, Tally
from ccmm_plugin_access_control.card_texts import Layout
from ccmm_tables.opened import Opened
from ccmm_tables.rows import Rows

ENCODINGS = ("utf-8", "gb18030", "big5", "cp1252")


@dataclass(frozen=True, slots=True, kw_only=True)
class CardData(Source):
    """Transcripts, notes and texts of tickets, on site."""

    plugin: ClassVar[str] = "card_data"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("sample",)
    example: ClassVar[str] = """
# Card numbers and security codes in texts; only counts and places leave: docs/plugins/card_data.md.
[[source]]
name = "cards-in-transcripts"
plugin = "card_data"
every = "1d"
place = "transcripts"              # what these texts are: leaves in clear
folder = "/srv/speech/transcripts" # and everything below: .txt .csv .jsonl .json .srt ...; links are not followed
# leave_out = [".wav", ".mp3"]     # ends of names of files that are no texts; any other form is refused
# max_mb = 64                      # a larger file makes the run unavailable
# encoding = "gb18030"             # without it UTF-8, else GB18030, by what a file holds
# delimiter = ";"                  # of .csv files
# item = "call_id"                 # the column or key with the id of the call or ticket: it becomes a pseudonym
# allow_file = "/etc/ccmm/not-cards.sha256"  # numbers that were looked at and are of no card: docs/plugins/card_data.md

[source.positions]                 # a word that leaves = the column or key; turns of one item are read as one text
transcript = "text"

# Instead of `folder` one workbook, or a query; then every column to look at stands in [source.positions]:
# path = "/srv/crm/notes.xlsx"     # with sheet, header_row, encoding, delimiter as of docs/plugins/table.md
# url = "postgresql://db.example/crm"   # with user, password_file, table or query ... as of docs/plugins/sql.md
"""

    place: str
    of: Folder | CardRows
    allow_file: Path | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        positions = _positions(options)
        item = options.text("item", None)
        of: Folder | CardRows
        if "folder" in options.keys():  # noqa: SIM118 - Options is no mapping
            of = _folder(options, positions, item)
        elif not positions:
            raise BadOption("positions", 'every column to look at, as: note = "column"')
        else:
            of = CardRows(rows=Rows.from_options(options), item=item, positions=positions)
        place = options.text("place")
        if len(place) > 100:
            raise BadOption("place", "at most 100 characters")
        return cls(place=place, of=of, allow_file=options.path("allow_file", None))

    def manifest(self) -> Manifest:
        own = (self.allow_file,) if self.allow_file else ()
        if isinstance(self.of, Folder):
            return Manifest(folders=(self.of.place,), files=own)
        needed = self.of.rows.manifest()
        return replace(needed, files=(*needed.files, *own))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        seen = parse_seen(window.cursor, window.now, self._setup())
        if seen.began is None and seen.until is not None and window.now <= seen.until:
            yield Done((window.now, window.now), window.cursor)
        elif isinstance(self.of, Folder):
            yield from scanned(self.of, self.place, seen, window.now, self._new_tally())
        else:
            yield from self._rows_scanned(self.of, seen, window)

    def check(self, window: Window) -> Iterator[CheckLine]:
        new_tally = self._new_tally()
        if self.allow_file is not None:
            yield CheckLine("ok", "allow_file", f"{len(load_allowed(self.allow_file))} numbers are not counted")
        if isinstance(self.of, Folder):
            yield from lines_of(self.of, parse_seen(window.cursor, window.now, self._setup()), new_tally)
            return
        rows = self.of

        def look(opened: Opened) -> Iterator[CheckLine]:
            found = total(item.found for item in items_of(rows.pieces(opened), new_tally))
            yield _found_line(found)

        yield from rows.rows.check(window, rows.columns(), look)

    def _setup(self) -> bytes:
        """Of all that decides what counts: where it changes, files that did not are looked at again."""
        layout = self.of.layout if isinstance(self.of, Folder) else self.of.positions
        told = (sorted(load_allowed(self.allow_file)), repr(layout))
        return hashlib.sha256(repr(told).encode()).digest()[:8]

    def _new_tally(self) -> Callable[[], Tally]:
        numbers = Numbers(load_allowed(self.allow_file))
        return lambda: Tally(numbers)

    def _rows_scanned(self, rows: CardRows, seen: Seen, window: Window) -> Iterator[Observation | Done]:
        """All rows at each run: a table tells of no row when it changed."""
        with rows.rows.opened(window, rows.columns()) as opened:
            items = list(items_of(rows.pieces(opened), self._new_tally()))
            as_of, told = opened.as_of, opened.detail
        if seen.until is not None and as_of <= seen.until:
            yield Done((seen.until, seen.until), window.cursor, detail=told)
            return
        scan, found = Scan(self.place, as_of), total(item.found for item in items)
        yield from scan.items(items, 0)
        yield from scan.result(found)
        told = ", ".join(part for part in (detail_of(found, None, 0), told) if part)
        yield Done(
            (seen.until or as_of - FIRST_LOOK, as_of), Seen(until=as_of, setup=seen.setup).to_cursor(), detail=told
        )


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(CardData)


def _found_line(found: Found) -> CheckLine:
    return CheckLine(
        "warning" if found.is_something else "ok",
        "found",
        f"{found.cards} card numbers and {found.codes} security codes",
    )


def _positions(options: Options) -> Mapping[str, str]:
    """Column or key -> the word that leaves. Raises BadOption."""
    table = options.table("positions", None)
    words = {} if table is None else {table.text(word): word for word in table.keys()}  # noqa: SIM118
    if any(len(word) > 100 for word in words.values()):
        raise BadOption("positions", "words of at most 100 characters")
    return words


def _folder(options: Options, positions: Mapping[str, str], item: str | None) -> Folder:
    for key in ("path", "url"):
        if key in options.keys():  # noqa: SIM118 - Options is no mapping
            raise BadOption(key, "one of `folder`, `path` and `url`")
    encoding = options.text("encoding", None)
    if encoding is not None and encoding not in ENCODINGS:
        raise BadOption("encoding", f"one of {', '.join(ENCODINGS)}")
    delimiter = options.text("delimiter", ",")
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise BadOption("delimiter", "one character")
    leave_out = tuple(end.lower() for end in options.texts("leave_out", ()))
    if any(not end.startswith(".") for end in leave_out):
        raise BadOption("leave_out", 'ends of names with their dot, as ".wav"')
    return Folder(
        place=options.path("folder"),
        layout=Layout(item=item, positions=positions, encoding=encoding, delimiter=delimiter),
        leave_out=leave_out,
        max_bytes=options.whole("max_mb", 64, least=1, most=1024) << 20,
    )
