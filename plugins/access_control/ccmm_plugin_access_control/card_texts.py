"""The texts of one file, by item and position: running text, CSV, JSON, JSON lines. Every failure is a BadText.

Everything that a file holds is looked at, columns and keys that nobody declared too.
"""

import codecs
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from ccmm_plugin_access_control.card_codes import is_code_word
from ccmm_plugin_access_control.card_numbers import TURN
from ccmm_proto.errors import Malformed

TEXTS = (".txt", ".text", ".md", ".log", ".srt", ".vtt", ".html", ".htm", ".xml", ".eml")
TABLES = (".csv", ".tsv")
LINES = (".jsonl", ".ndjson")
DOCUMENTS = (".json",)
FORMS = (*TEXTS, *TABLES, *LINES, *DOCUMENTS)
MAX_DOCUMENT = 16 << 20  # bytes of one JSON document: it is held in memory whole
MAX_LINE = 8 << 20  # characters of one line of JSON, or of one cell
_BLOCK = 1 << 20
_CHUNK = 1 << 16
_WIDE = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CAMEL = re.compile("(?<=[a-z])(?=[A-Z])")
OTHER = "other"


class BadText(Malformed):
    """A file that cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text. Pieces of one `unit` and position are one text, unless they stand `alone`."""

    unit: str | int
    item: str
    position: str
    text: str
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the files of a folder are written: where the item's id stands, and what columns or keys are called."""

    item: str | None = None
    positions: Mapping[str, str]  # column or key -> the word that leaves
    encoding: str | None = None  # None: UTF-8, else GB18030
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Looked:
    """One pass over the bytes: what they are, and how to read them."""

    digest: bytes
    encoding: str


def look_through(file: BinaryIO, declared: str | None) -> Looked:
    """Digest and encoding. Raises BadText where it is no text, or of no encoding that is known."""
    head = file.read(4)
    file.seek(0)
    wide = next((name for mark, name in _WIDE if head.startswith(mark)), None)
    names = [wide or declared] if wide or declared else ["utf-8", "gb18030"]
    decoders = {name: codecs.getincrementaldecoder(name)() for name in names if name}
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
        if not wide and b"\0" in block:
            raise BadText("no text: it holds zero bytes (an office file, or UTF-16 without its mark?)")
        _decode(decoders, block, final=False)
    _decode(decoders, b"", final=True)
    file.seek(0)
    return Looked(digest.digest()[:8], next(iter(decoders)))


def _decode(decoders: dict[str, codecs.IncrementalDecoder], block: bytes, *, final: bool) -> None:
    """Goes on with those that still can."""
    names = list(decoders)
    for name in names:
        try:
            decoders[name].decode(block, final)
        except UnicodeError:
            del decoders[name]
    if not decoders:
        raise BadText(f"not {' nor '.join(names)}")


def texts_of(file: BinaryIO, name: str, looked: Looked, layout: Layout) -> Iterator[Piece]:
    """Every text of a file, whose form is told by the end of its name."""
    stem, _, suffix = name.rpartition(".")
    suffix = f".{suffix.lower()}"
    encoding = "utf-8-sig" if looked.encoding == "utf-8" else looked.encoding
    with io.TextIOWrapper(file, encoding, newline="" if suffix in TABLES else None) as text:
        try:
            if suffix in TABLES:
                delimiter = "\t" if suffix == ".tsv" else layout.delimiter
                with _long_cells():
                    yield from _of_table(text, stem, delimiter, layout)
            elif suffix in LINES:
                yield from _of_lines(text, stem, layout)
            elif suffix in DOCUMENTS:
                yield from _of_document(text, stem, layout)
            else:
                while chunk := text.read(_CHUNK):
                    yield Piece(0, stem, "text", chunk)
        except (UnicodeError, csv.Error, RecursionError, ValueError) as error:
            if isinstance(error, BadText):
                raise
            raise BadText(f"not of the form {suffix} ({type(error).__name__})") from error


@contextmanager
def _long_cells() -> Iterator[None]:
    """The csv module has one limit for the whole process: it is as before afterwards."""
    before = csv.field_size_limit(MAX_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _of_table(text: io.TextIOWrapper, stem: str, delimiter: str, layout: Layout) -> Iterator[Piece]:
    """The header too, because a file may have none; a cell stands beside the name of its column where that helps."""
    rows = csv.reader(_limited(text), delimiter=delimiter)
    header = [cell.strip().lstrip("\ufeff") for cell in next(rows, [])]
    if layout.item is not None and layout.item not in header:
        raise BadText("the column of `item` is not in its first row")
    place = header.index(layout.item) if layout.item is not None else None
    yield from (Piece(0, stem, OTHER, cell, alone=True) for cell in header if cell)
    for number, row in enumerate(rows):
        item = row[place].strip() if place is not None and place < len(row) else ""
        for at, cell in enumerate(row):
            if cell and at != place:
                name = header[at] if at < len(header) else ""
                yield _piece(item or number, item or stem, name, cell, layout)


def _of_lines(text: io.TextIOWrapper, stem: str, layout: Layout) -> Iterator[Piece]:
    for number, line in enumerate(_limited(text)):
        if line.strip():
            yield from _of_value(json.loads(line, parse_int=str, parse_float=str), number, stem, layout)


def _of_document(text: io.TextIOWrapper, stem: str, layout: Layout) -> Iterator[Piece]:
    whole = text.read(MAX_DOCUMENT + 1)
    if len(whole) > MAX_DOCUMENT:
        raise BadText(f"a JSON document of more than {MAX_DOCUMENT >> 20} MB: write it as lines (.jsonl)")
    found = json.loads(whole, parse_int=str, parse_float=str)
    for number, one in enumerate(found if isinstance(found, list) else [found]):
        yield from _of_value(one, number, stem, layout)


def _of_value(value: object, number: int, stem: str, layout: Layout) -> Iterator[Piece]:
    """Each text and number in a value, beside its key."""
    told = value.get(layout.item) if layout.item is not None and isinstance(value, dict) else None
    item = told if isinstance(told, str) else ""
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:
        key, one = waiting.pop()
        if isinstance(one, dict):
            waiting += reversed([(str(name), inner) for name, inner in one.items()])
        elif isinstance(one, list):
            waiting += reversed([(key, inner) for inner in one])
        elif isinstance(one, str) and one and not (key == layout.item and one is told):
            yield _piece(item or number, item or stem, key, one, layout)


def _piece(unit: str | int, item: str, name: str, text: str, layout: Layout) -> Piece:
    """Turns of a conversation belong together, cells of other columns do not."""
    if name in layout.positions:
        return Piece(unit, item, layout.positions[name], text + TURN)
    label = _label(name)
    return Piece(unit, item, OTHER, label + text, alone=True)


@lru_cache(maxsize=1024)
def _label(name: str) -> str:
    """The name before the cell where it is what tells that the cell is a code: cardCvv."""
    bare = _CAMEL.sub("_", name)
    return f"{bare}: " if is_code_word(bare) else ""


def _limited(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise BadText(f"a line of more than {MAX_LINE} characters")
        yield line
