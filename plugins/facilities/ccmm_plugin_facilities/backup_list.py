"""What restic and borg list, and what a journal says of checks and restore tests: from their JSON to values, pure.

Names of hosts, paths and users stand in these lists; they select the copies and go no further.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ccmm_proto.errors import Malformed

MAX_SNAPSHOTS: Final = 50_000
MAX_LINES: Final = 20_000
_ENCRYPTED: Final = ("repokey", "keyfile")  # borg's modes; `authenticated` and `none` leave the data in clear
_FRACTION: Final = re.compile(r"\.[0-9]+")  # of nanoseconds: more digits than Python reads
_CHECKPOINT: Final = re.compile(r"\.checkpoint(\.[0-9]+)?$")  # an archive that borg did not finish
_ACTIONS: Final = ("backup", "check", "restore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One copy that lies in the repository. `ended` is `at` where the list does not tell it."""

    at: datetime
    ended: datetime
    name: str = ""  # of a borg archive
    host: str = ""
    tags: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that lies in one repository. `encrypted` None: the list does not tell."""

    snapshots: tuple[Snapshot, ...]
    encrypted: bool | None
    ids: frozenset[str] = frozenset()  # of restic's snapshots: the names of their files


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One line of the journal: what was done, from when to when, and whether it succeeded."""

    action: str
    started: datetime
    ended: datetime
    passed: bool
    copy: str = ""
    full: bool = False


def parse_restic(content: bytes) -> Listing:
    """`restic snapshots --json`; raises Malformed."""
    listed = [_table(one) for one in _limited(_json(content))]
    ids = frozenset(_text(one, "id") for one in listed)
    return Listing(snapshots=tuple(map(_restic, listed)), encrypted=True, ids=ids)


def parse_borg(content: bytes, zone: ZoneInfo) -> Listing:
    """`borg list --json` or `borg info --json`; raises Malformed. Its times are local, in the zone of who asked."""
    table = _table(_json(content))
    archives = [_table(one) for one in _limited(table.get("archives"))]
    mode = _table(table.get("encryption", {})).get("mode")
    return Listing(
        snapshots=tuple(_borg(one, zone) for one in archives if not _CHECKPOINT.search(_text(one, "name"))),
        encrypted=mode.startswith(_ENCRYPTED) if isinstance(mode, str) else None,
    )


def parse_journal(content: bytes) -> list[Noted]:
    """One JSON object a line; raises Malformed. A last line without its end is still being written."""
    lines = content.split(b"\n")[:-1]
    if len(lines) > MAX_LINES:
        raise Malformed(f"more than {MAX_LINES} lines")
    return list(_noted(lines))


def believed(noted: list[Noted], as_of: datetime) -> list[Noted]:
    """Those that do not end before they began, nor in the future."""
    return [one for one in noted if one.started <= one.ended <= as_of]


def _noted(lines: list[bytes]) -> Iterator[Noted]:
    for at, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            table = _table(_json(line))
            action, code = _text(table, "action"), table.get("code")
            if action not in _ACTIONS or type(code) is not int:
                raise Malformed("action is backup, check or restore, and code a whole number")
            yield Noted(
                action=action,
                started=_instant(_text(table, "started")),
                ended=_instant(_text(table, "ended")),
                passed=code == 0,
                copy=_text(table, "copy") if "copy" in table else "",
                full=table.get("full") is True,
            )
        except Malformed as error:
            raise Malformed(f"line {at}: {error}") from error


def _restic(table: Mapping[str, object]) -> Snapshot:
    at = _instant(_text(table, "time"))
    summary = _table(table.get("summary", {}))  # since restic 0.17
    ended = _instant(_text(summary, "backup_end")) if "backup_end" in summary else at
    return Snapshot(
        at=at,
        ended=max(at, ended),
        host=_text(table, "hostname"),
        tags=_texts(table.get("tags")),
        paths=_texts(table.get("paths")),
        size_bytes=_size(summary.get("total_bytes_processed")),
    )


def _borg(table: Mapping[str, object], zone: ZoneInfo) -> Snapshot:
    at = _instant(_text(table, "start"), zone)
    ended = _instant(_text(table, "end"), zone) if "end" in table else at
    host = table.get("hostname")
    return Snapshot(
        at=at,
        ended=max(at, ended),
        name=_text(table, "name"),
        host=host if isinstance(host, str) else "",
        size_bytes=_size(_table(table.get("stats", {})).get("original_size")),
    )


def _instant(text: str, zone: ZoneInfo | None = None) -> datetime:
    """A time of ISO 8601; one without an offset is of the zone, and where there is none, malformed."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(lambda match: match[0][:7].ljust(7, "0"), text, count=1))
        if found.utcoffset() is None:
            if zone is None:
                raise Malformed("a time without offset")
            found = found.replace(tzinfo=zone)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed("no time of ISO 8601") from error
    if not datetime(1990, 1, 1, tzinfo=UTC) <= found < datetime(2100, 1, 1, tzinfo=UTC):
        raise Malformed("a time that cannot be")
    return found.replace(microsecond=0)


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed("no JSON, or only a part of it") from error


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Malformed("a JSON object is expected")
    return value


def _limited(value: object) -> list[object]:
    if value is None:  # restic before 0.17: a repository without snapshots
        return []
    if not isinstance(value, list) or len(value) > MAX_SNAPSHOTS:
        raise Malformed(f"a list of at most {MAX_SNAPSHOTS} copies is expected")
    return value


def _text(table: Mapping[str, object], key: str) -> str:
    found = table.get(key)
    if not isinstance(found, str):
        raise Malformed(f"{key} is missing")
    return found


def _texts(value: object) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Malformed("tags and paths are lists of texts")
    return frozenset(value)


def _size(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
