"""An exported file while it is read: its bytes, its digest, when it was exported, and every error of it."""

import hashlib
import mimetypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from ccmm_agent.delimited import BadTable, Dialect
from ccmm_agent.plugin import BadOption, CheckLine, Manifest, Options, Reason, SourceUnavailable
from ccmm_plugin_records.columns import Row
from ccmm_plugin_records.sheet import csv_rows, has_workbooks, workbook_rows

MAX_FILE_BYTES = 128 * 1024 * 1024
WORKBOOKS = (".xlsx", ".xlsm")
MIME_TYPES = tuple(Path(name) for name in mimetypes.knownfiles)  # openpyxl reads them when it is imported
OLD = timedelta(days=2)


def export_path(options: Options) -> Path:
    """The option `path`. Raises BadOption for a form that cannot be read here."""
    path = options.path("path")
    if path.suffix.lower() in WORKBOOKS and not has_workbooks():
        raise BadOption("path", "a CSV file: reading workbooks needs the extra ccmm-plugin-records[xlsx]")
    if path.suffix.lower() == ".xls":
        raise BadOption("path", "a CSV or XLSX file: save the old .xls form as .xlsx")
    return path


def manifest_of(path: Path) -> Manifest:
    """What reading it needs."""
    return Manifest(files=(path, *MIME_TYPES) if path.suffix.lower() in WORKBOOKS else (path,))


def rows_of(path: Path, file: BinaryIO, sheet: str | None, dialect: Dialect, columns: tuple[str, ...]) -> Iterator[Row]:
    """The rows of these columns. Raises BadTable while it goes on."""
    if path.suffix.lower() in WORKBOOKS:
        return workbook_rows(file, sheet, dialect, columns)
    return csv_rows(file, dialect, columns)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, str, datetime]]:
    """The file, its SHA-256 and when it was exported. Whatever goes wrong inside becomes SourceUnavailable.

    So does a file that is written meanwhile; therefore Done is yielded after it.
    """
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


def export_line(as_of: datetime, now: datetime) -> CheckLine:
    """For `check`: when it was exported, a warning where that is long ago."""
    if now - as_of > OLD:
        return CheckLine("warning", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC: is it still exported?")
    return CheckLine("ok", "export", f"exported {as_of:%Y-%m-%d %H:%M} UTC")
