"""Rows of an exported file: where it is, its bytes, its digest, when it was exported, and every error of it."""

import hashlib
import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Self

from ccmm_agent.delimited import BadTable, Dialect
from ccmm_agent.plugin import BadOption, CheckLine, Manifest, Options, Reason, SourceUnavailable, Window
from ccmm_tables.opened import Opened, Written
from ccmm_tables.sheet import csv_rows, has_workbooks, workbook_rows

MAX_FILE_BYTES = 128 * 1024 * 1024
WORKBOOKS = (".xlsx", ".xlsm")
MIME_TYPES = tuple(Path(name) for name in mimetypes.knownfiles)  # openpyxl reads them when it is imported
OLD = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """Rows of one CSV or XLSX file."""

    path: Path
    sheet: str | None
    dialect: Dialect
    written: Written

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        return cls(
            path=_export_path(options),
            sheet=options.text("sheet", None),
            dialect=Dialect.from_options(options),
            written=Written.from_options(options),
        )

    @property
    def name(self) -> str:
        """For people."""
        return self.path.name

    @property
    def is_workbook(self) -> bool:
        return self.path.suffix.lower() in WORKBOOKS

    def manifest(self) -> Manifest:
        """What reading it needs."""
        return Manifest(files=(self.path, *MIME_TYPES) if self.is_workbook else (self.path,))

    @contextmanager
    def opened(self, window: Window, columns: tuple[str, ...]) -> Iterator[Opened]:
        """The rows of these columns. Whatever goes wrong inside becomes SourceUnavailable: Done is yielded after it."""
        with _opened(self.path) as (file, digest, exported):
            if self.is_workbook:
                rows = workbook_rows(file, self.sheet, self.dialect, columns)
            else:
                rows = csv_rows(file, self.dialect, columns)
            yield Opened(rows, self.written.times(window), min(exported, window.now), digest)

    def check(
        self, window: Window, columns: tuple[str, ...], look: Callable[[Opened], Iterable[CheckLine]]
    ) -> Iterator[CheckLine]:
        """What `look` says of the rows, and when they were exported."""
        try:
            with self.opened(window, columns) as opened:
                told = list(look(opened))
        except SourceUnavailable as error:
            if not isinstance(error.__cause__, BadTable):
                raise
            yield CheckLine("failed", self.name, error.__cause__.told_here())
            return
        yield from told
        yield _export_line(opened.as_of, window.now)


def _export_path(options: Options) -> Path:
    """The option `path`. Raises BadOption for a form that cannot be read here."""
    path = options.path("path")
    if path.suffix.lower() in WORKBOOKS and not has_workbooks():
        raise BadOption("path", "a CSV file: reading workbooks needs the extra ccmm-tables[xlsx]")
    if path.suffix.lower() == ".xls":
        raise BadOption("path", "a CSV or XLSX file: save the old .xls form as .xlsx")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str, datetime]]:
    """The file, its SHA-256 and when it was exported. A file that is written meanwhile is an error, too."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            if before.st_size > MAX_FILE_BYTES:
                raise SourceUnavailable(Reason.LIMITED, f"{path.name} is larger than {MAX_FILE_BYTES} bytes")
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            yield file, digest, datetime.fromtimestamp(before.st_mtime, UTC)
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    except BadTable as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path.name}: {error}") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceUnavailable(Reason.UNREADABLE, f"{path.name} was written while it was read")


def _export_line(as_of: datetime, now: datetime) -> CheckLine:
    """When it was exported, a warning where that is long ago."""
    if now - as_of > OLD:
        return CheckLine("warning", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC: is it still exported?")
    return CheckLine("ok", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC")
