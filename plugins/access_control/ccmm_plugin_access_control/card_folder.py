"""A folder of texts: its files, and what is found in each. The only module of `card_data` that opens them."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.card_seen import MAX_FILES
from ccmm_plugin_access_control.card_tally import NOTHING, Found, Tally
from ccmm_plugin_access_control.card_texts import FORMS, BadText, Layout, Looked, Piece, look_through, texts_of

MAX_DEPTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A file as it lies there. `key`: a digest of its path below the folder; `state`: one of its size and times."""

    path: str
    size: int
    key: bytes
    state: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """What was found in one item (a call, a ticket) at one position."""

    id: str
    position: str
    found: Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder and everything below; links are not followed. `leave_out`: ends of names of files that are no texts."""

    place: Path
    layout: Layout
    leave_out: tuple[str, ...]
    max_bytes: int

    def papers(self) -> tuple[list[Paper], int, int]:
        """Every text by its key, how many files are left out, and how many are none. Raises SourceUnavailable."""
        found, left, strange = [], 0, 0
        try:
            for path, status in self._files():
                if not stat.S_ISREG(status.st_mode):
                    strange += 1
                    continue
                if path.lower().endswith(self.leave_out):
                    left += 1
                    continue
                self._refuse_strange(path, status.st_size)
                found.append(_paper(path, status))
                if len(found) > MAX_FILES:
                    raise SourceUnavailable(
                        Reason.LIMITED,
                        f"more than {MAX_FILES} files below {self.place}: one file a day, or more sources",
                    )
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self.place} is not there, or changed meanwhile") from error
        except OSError as error:
            raise SourceUnavailable(
                Reason.REFUSED, f"{self.place} cannot be read: {error.strerror or error}"
            ) from error
        return sorted(found, key=lambda paper: paper.key), left, strange

    def look(self, paper: Paper, known: bytes, new_tally: Callable[[], Tally]) -> tuple[bytes, list[Item] | None]:
        """The digest of a file and its items with anything in them; None where the digest is `known`.

        Raises SourceUnavailable, which names no file: its name may be a number of a person. `check` names it.
        """
        try:
            with self._opened(paper.path) as file:
                looked = look_through(file, self.layout.encoding)
                if looked.digest == known:
                    return known, None
                return looked.digest, list(self._items(file, paper, looked, new_tally))
        except FileNotFoundError:
            return b"\0" * 8, []  # gone since the list was made; the next scan knows no more of it
        except OSError as error:
            told = f"a file below {self.place} cannot be read: {error.strerror or error}"
            raise SourceUnavailable(Reason.REFUSED, f"{told}; ccmm-agent check names it") from error
        except BadText as error:
            told = f"a file below {self.place} is {error}"
            raise SourceUnavailable(Reason.UNREADABLE, f"{told}; ccmm-agent check names it") from error

    def _opened(self, path: str) -> BinaryIO:
        return os.fdopen(os.open(self.place / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")

    def _items(self, file: BinaryIO, paper: Paper, looked: Looked, new_tally: Callable[[], Tally]) -> Iterator[Item]:
        pieces = texts_of(file, Path(paper.path).name, looked, self.layout)
        return items_of(pieces, new_tally)

    def _refuse_strange(self, path: str, size: int) -> None:
        suffix = Path(path).suffix.lower()
        if suffix not in FORMS:
            shown = suffix if suffix[1:].isalpha() and len(suffix) <= 6 else "of another form"
            raise SourceUnavailable(
                Reason.UNREADABLE,
                f"a file below {self.place} is {shown}: is it no text, say so in `leave_out`",
            )
        if size > self.max_bytes:
            raise SourceUnavailable(
                Reason.LIMITED, f"a file below {self.place} is larger than {self.max_bytes >> 20} MB: see max_mb"
            )

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Everything below but folders and what is hidden; links are not followed."""
        waiting = [(self.place, "")]
        while waiting:
            place, prefix = waiting.pop()
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.startswith((".", "~$")):
                        continue
                    path, status = f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(status.st_mode):
                        yield path, status
                        continue
                    if path.count("/") >= MAX_DEPTH:
                        raise SourceUnavailable(Reason.LIMITED, f"folders are more than {MAX_DEPTH} deep")
                    waiting.append((Path(entry.path), f"{path}/"))


def items_of(pieces: Iterator[Piece], new_tally: Callable[[], Tally]) -> Iterator[Item]:
    """What is found in each item: pieces that belong together are read as one text."""
    tallies: dict[str, Tally] = {}
    alone = new_tally()
    found: dict[str, Found] = {}
    unit: str | int | None = None
    item = ""
    for piece in pieces:
        if piece.unit != unit or piece.item != item:
            yield from _ended(item, tallies, found)
            unit, item = piece.unit, piece.item
        if piece.alone:
            alone.add(piece.text)
            found[piece.position] = found.get(piece.position, NOTHING) + alone.found()
        else:
            tallies.setdefault(piece.position, new_tally()).add(piece.text)
    yield from _ended(item, tallies, found)


def _ended(item: str, tallies: dict[str, Tally], found: dict[str, Found]) -> Iterator[Item]:
    for position, tally in tallies.items():
        found[position] = found.get(position, NOTHING) + tally.found()
    for position, one in found.items():
        if one != NOTHING:
            yield Item(item, position, one)
    tallies.clear()
    found.clear()


def _paper(path: str, status: os.stat_result) -> Paper:
    name = os.fsencode(path)
    state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}".encode()
    return Paper(path=path, size=status.st_size, key=_short(name), state=_short(state))


def _short(told: bytes) -> bytes:
    return hashlib.sha256(told).digest()[:8]
