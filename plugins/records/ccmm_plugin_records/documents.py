"""The `documents` source: a folder of controlled documents. Digest and metadata leave, the content and the path stay.

Each run states every document that is there; one without a sidecar, or with a broken one, has the class `unknown`.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import LocalTimes, zone_option
from ccmm_agent.facts import document
from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_plugin_records.sidecar import MAX_SIDECAR_BYTES, BadSidecar, Said, front_matter, parse_sidecar

UNKNOWN = "unknown"
MAX_FILES = 10_000
MAX_DEPTH = 20
SIDECAR = ".toml"
FIRST_LOOK = timedelta(seconds=1)  # what the first list vouches for before itself
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document as it was found. `wrong`: why its sidecar is not believed; "" where it is, or where there is none."""

    path: str  # below the folder; for `check`, never stated
    sha256: bytes
    size_bytes: int
    said: Said
    wrong: str = ""


class Documents(Source):
    """Policies, plans, reports, training lists: that they exist, unchanged, approved and reviewed."""

    plugin: ClassVar[str] = "documents"
    value: ClassVar[int] = 70
    feeds: ClassVar[tuple[str, ...]] = ("document",)
    example: ClassVar[str] = """
# Controlled documents in a folder: digest and metadata leave, the content stays: docs/plugins/documents.md.
[[source]]
name = "controlled-documents"
plugin = "documents"
every = "6h"
folder = "/srv/qms/controlled"   # and everything below; links are not followed
# zone = "Asia/Shanghai"         # of dates in the sidecars; without it the center's
# max_mb = 200                   # a larger file makes the run unavailable

# Beside plan.pdf lies plan.pdf.toml (or plan.toml); a .md file may begin with the same between two lines of +++ :
#   class = "emergency_plan"     # needed; everything below may be left out
#   id = "EMG-001"
#   scope = "overall"
#   title = "Overall emergency plan"
#   version = "3.1"
#   owner = "10023"              # a staff id: it becomes a pseudonym
#   approver = "site_manager"    # a role, not a name: it leaves in clear
#   approved = 2026-03-01
#   reviewed = 2026-09-01
#   review_due = 2027-09-01
#   copy_checked = 2026-10-01
#   valid_from = 2026-03-01
#   valid_until = 2028-03-01
#   live = true
#   independent = false
#   topics = ["return_to_normal", "reconciliation"]
"""

    def __init__(self, folder: Path, zone: ZoneInfo | None, max_bytes: int) -> None:
        self._folder = folder
        self._zone = zone
        self._max_bytes = max_bytes

    @classmethod
    def from_options(cls, options: Options) -> Self:
        max_bytes = options.whole("max_mb", 200, least=1, most=4096) << 20
        return cls(options.path("folder"), zone_option(options), max_bytes)

    def manifest(self) -> Manifest:
        return Manifest(folders=(self._folder,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        papers, strange = self._papers(window)
        for id, paper in identified(papers):
            attributes = {"class": UNKNOWN, **paper.said.attributes, "size_bytes": paper.size_bytes}
            yield document(id, paper.sha256, **attributes)
        before = parse_cursor(window.cursor, window.now)
        wrong = sum(1 for paper in papers if paper.wrong)
        told = [f"{wrong} sidecars are not believed"] if wrong else []
        told += [f"{strange} links, pipes or devices are no documents"] if strange else []
        covers = (before or window.now - FIRST_LOOK, window.now)
        yield Done(covers, f"{window.now.timestamp():.3f}".encode(), detail="; ".join(told))

    def check(self, window: Window) -> Iterator[CheckLine]:
        papers, strange = self._papers(window)
        known = sum(1 for paper in papers if "class" in paper.said.attributes)
        yield CheckLine("ok", "documents", f"{len(papers)} files below {self._folder}, {known} with a class")
        if strange:
            yield CheckLine("warning", "no files", f"{strange} links, pipes or devices are no documents")
        for paper in papers:
            if paper.wrong:
                yield CheckLine("warning", paper.path, f"its sidecar is not believed: {paper.wrong}")
            elif "class" not in paper.said.attributes:
                yield CheckLine("warning", paper.path, f"no sidecar {Path(paper.path).name}{SIDECAR}: class {UNKNOWN}")

    def _papers(self, window: Window) -> tuple[list[Paper], int]:
        """Every document, by path, and how many names are of no file.

        Raises SourceUnavailable where one cannot be read: the list would be smaller.
        """
        times = LocalTimes(self._zone or window.zone)
        try:
            files, strange = _files(self._folder)
            described = {name for path in files for name in _sidecars(path)} & set(files)
            papers = [self._paper(path, files, times) for path in sorted(set(files) - described)]
            return _without_twice(papers), strange
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self._folder} is not there, or changed meanwhile") from error
        except OSError as error:
            raise SourceUnavailable(
                Reason.REFUSED, f"{self._folder} cannot be read: {error.strerror or error}"
            ) from error

    def _paper(self, path: str, files: dict[str, int], times: LocalTimes) -> Paper:
        size = files[path]
        if size > self._max_bytes:
            raise SourceUnavailable(Reason.LIMITED, f"a document is larger than {self._max_bytes >> 20} MB: see max_mb")
        sha256, head = self._digest(path)
        try:
            sidecar = self._sidecar(path, files, head)
            said = Said(None) if sidecar is None else parse_sidecar(sidecar, times)
        except BadSidecar as error:
            return Paper(path=path, sha256=sha256, size_bytes=size, said=Said(None), wrong=str(error))
        return Paper(path=path, sha256=sha256, size_bytes=size, said=said)

    def _digest(self, path: str) -> tuple[bytes, bytes]:
        """SHA-256 and the first bytes."""
        digest, head, read = hashlib.sha256(), b"", 0
        with os.fdopen(os.open(self._folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            while chunk := file.read(_CHUNK):
                head = head or chunk[:MAX_SIDECAR_BYTES]
                digest.update(chunk)
                read += len(chunk)
                if read > self._max_bytes:
                    raise SourceUnavailable(Reason.LIMITED, "a document grew beyond max_mb while it was read")
        return digest.digest(), head

    def _sidecar(self, path: str, files: dict[str, int], head: bytes) -> bytes | None:
        for name in _sidecars(path):
            if name in files:
                with os.fdopen(os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
                    return file.read(MAX_SIDECAR_BYTES + 1)
        return front_matter(head) if path.lower().endswith(".md") else None


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Documents)


def identified(papers: list[Paper]) -> list[tuple[str, Paper]]:
    """Each document with its id, by id.

    The id that its sidecar gives; without one a hash of its path; without a sidecar its digest, because the path of a
    file that nobody described may hold a person's name, and a hash of a name can be guessed.
    """
    found: dict[str, Paper] = {}
    copies: Counter[str] = Counter()
    for paper in papers:
        path = hashlib.sha256(paper.path.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        id = paper.said.id or (f"path:{path}" if paper.said.attributes else f"sha256:{paper.sha256.hex()[:24]}")
        copies[id] += 1
        found[id if copies[id] == 1 else f"{id}#{copies[id]}"] = paper
    return sorted(found.items())


def parse_cursor(cursor: bytes, now: datetime) -> datetime | None:
    """When the last list was made; None where there was none, or it says a time after now."""
    try:
        before = datetime.fromtimestamp(float(cursor), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return before if before < now else None


def _without_twice(papers: list[Paper]) -> list[Paper]:
    """An id that two sidecars give is believed of neither."""
    ids = Counter(paper.said.id for paper in papers if paper.said.id is not None)
    return [
        paper if ids[paper.said.id or ""] < 2 else replace(paper, said=Said(None), wrong="its id stands twice")
        for paper in papers
    ]


def _files(folder: Path) -> tuple[dict[str, int], int]:
    """Size of every regular file below, by its path, and how many links, pipes and devices are there.

    Hidden ones and lock files of office programs are passed over.
    """
    found: dict[str, int] = {}
    strange = 0
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith((".", "~$")):
                    continue
                path = f"{prefix}{entry.name}"
                kind = entry.stat(follow_symlinks=False)  # a link is neither folder nor file then
                if stat.S_ISDIR(kind.st_mode):
                    if path.count("/") >= MAX_DEPTH:
                        raise SourceUnavailable(Reason.LIMITED, f"folders are more than {MAX_DEPTH} deep")
                    waiting.append((Path(entry.path), f"{path}/"))
                elif stat.S_ISREG(kind.st_mode):
                    found[path] = kind.st_size
                else:
                    strange += 1
                if len(found) > MAX_FILES:
                    raise SourceUnavailable(Reason.LIMITED, f"more than {MAX_FILES} files below {folder}")
    return found, strange


def _sidecars(path: str) -> tuple[str, ...]:
    """Where the sidecar of a document may lie: plan.pdf.toml, plan.toml. (One without its document is a document.)"""
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    return tuple(
        candidate for candidate in (f"{path}{SIDECAR}", f"{folder}{slash}{stem}{SIDECAR}") if candidate != path
    )
