"""What a sidecar (NAME.toml) or front matter (TOML between lines of +++) says of a document. Pure.

A sidecar with a mistake is wholly disbelieved: a misspelt `reviewd` must not look like a document without a review.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS, Type

MAX_SIDECAR_BYTES = 64 * 1024
MAX_LABEL = 1000
MAX_TOPICS = 100
FENCE = "+++"
_FIELDS = {name: one.type for name, one in KINDS["document"].attributes.items() if name != "size_bytes"}


class BadSidecar(Malformed):
    """No TOML, an unknown field, or a field of another type. Names the field, never its value."""


@dataclass(frozen=True, slots=True)
class Said:
    """The attributes of a document, and the id that it has been given (None: none)."""

    id: str | None
    attributes: Mapping[str, object] = field(default_factory=dict)


def parse_sidecar(data: bytes, times: LocalTimes) -> Said:
    """Raises BadSidecar. `class` is needed, everything else may be left out."""
    try:
        table = tomllib.loads(data[:MAX_SIDECAR_BYTES].decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, OverflowError) as error:
        raise BadSidecar(f"no TOML ({type(error).__name__})") from error
    if len(data) > MAX_SIDECAR_BYTES:
        raise BadSidecar(f"more than {MAX_SIDECAR_BYTES} bytes")
    id = table.pop("id", None)
    found: dict[str, object] = {}
    for name, value in table.items():
        if name not in _FIELDS:
            raise BadSidecar(f"no field {name[:40]!r}; there are: id, {', '.join(sorted(_FIELDS))}")
        found[name] = _READERS[_FIELDS[name]](name, value, times)
    if "class" not in found:
        raise BadSidecar("the field 'class' is missing")
    return Said(None if id is None else _label("id", id, times), found)


def front_matter(head: bytes) -> bytes | None:
    """The TOML between a first line +++ and the next one; None where the file begins otherwise. Raises BadSidecar."""
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()
    if not lines or lines[0].rstrip() != FENCE.encode():
        return None
    for at, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE.encode():
            return b"\n".join(lines[1:at])
    raise BadSidecar(f"front matter without its closing line {FENCE}")


def _label(name: str, value: object, times: LocalTimes) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_LABEL:
        raise BadSidecar(f"{name}: a text of 1 to {MAX_LABEL} characters is expected")
    return value.strip()


def _flag(name: str, value: object, times: LocalTimes) -> bool:
    if not isinstance(value, bool):
        raise BadSidecar(f"{name}: true or false is expected")
    return value


def _words(name: str, value: object, times: LocalTimes) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_TOPICS:
        raise BadSidecar(f"{name}: a list of at most {MAX_TOPICS} words is expected")
    return [_label(name, word, times) for word in value]


def _time(name: str, value: object, times: LocalTimes) -> datetime:
    """A TOML date is its first instant in the center's zone."""
    try:
        if isinstance(value, datetime):
            return times.instant(value)
        if isinstance(value, date):
            return times.instant(datetime.combine(value, time()))
        if isinstance(value, str):
            return times.parse(value)
    except BadTable as error:
        raise BadSidecar(f"{name}: {error}") from error
    raise BadSidecar(f"{name}: a date such as 2026-11-22 is expected")


_READERS: Mapping[Type, Callable[[str, object, LocalTimes], object]] = {
    Type.TEXT: _label,
    Type.PSEUDONYM: _label,
    Type.FLAG: _flag,
    Type.WORDS: _words,
    Type.TIME: _time,
}
