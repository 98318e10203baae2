"""Typed getters over one `[[source]]` table of agent.toml; a key that nobody asked for is a BadOption.

>>> options = Options({"queue_log": "/var/log/asterisk/queue_log", "settle": "30m"})
>>> options.path("queue_log"), options.seconds("settle", 1800)
(PosixPath('/var/log/asterisk/queue_log'), 1800)
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar, overload

from ccmm_proto.errors import BadConfig

D = TypeVar("D")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadOption(BadConfig):
    """An option of a source is missing, unknown or of the wrong type: names the key and what was expected."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(f"option {key!r}: expected {expected}")
        self.key = key
        self.expected = expected


class _Required:
    """The mark of a getter without default."""


REQUIRED: Final = _Required()


def parse_seconds(text: str) -> int:
    """Seconds of "45s", "15m", "2h" or "30d". Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no span of time such as 45s, 15m, 2h, 30d")
    return int(match[1]) * _UNITS[match[2]]


class Options:
    """The options of one source. Every getter without default raises BadOption where the key is absent."""

    def __init__(self, table: Mapping[str, object], prefix: str = "") -> None:
        self._table = dict(table)
        self._prefix = prefix
        self._asked: set[str] = set()
        self._inner: list[Options] = []

    @overload
    def text(self, key: str) -> str: ...
    @overload
    def text(self, key: str, default: D) -> str | D: ...
    def text(self, key: str, default: object = REQUIRED) -> object:
        """A text that is not empty."""
        found = self._find(key, default, "a text")
        if found is None:
            return default
        if not isinstance(found, str) or not found:
            raise self._bad(key, "a text that is not empty")
        return found

    @overload
    def whole(self, key: str, *, least: int = ..., most: int = ...) -> int: ...
    @overload
    def whole(self, key: str, default: D, *, least: int = ..., most: int = ...) -> int | D: ...
    def whole(self, key: str, default: object = REQUIRED, *, least: int = 0, most: int = 2**53) -> object:
        """A whole number, `least` <= n <= `most`."""
        found = self._find(key, default, "a whole number")
        if found is None:
            return default
        if type(found) is not int or not least <= found <= most:
            raise self._bad(key, f"a whole number from {least} to {most}")
        return found

    @overload
    def flag(self, key: str) -> bool: ...
    @overload
    def flag(self, key: str, default: D) -> bool | D: ...
    def flag(self, key: str, default: object = REQUIRED) -> object:
        """true or false."""
        found = self._find(key, default, "true or false")
        if found is None:
            return default
        if not isinstance(found, bool):
            raise self._bad(key, "true or false")
        return found

    @overload
    def path(self, key: str) -> Path: ...
    @overload
    def path(self, key: str, default: D) -> Path | D: ...
    def path(self, key: str, default: object = REQUIRED) -> object:
        """An absolute path; nothing is looked up on the disk."""
        found = self._find(key, default, "an absolute path")
        if found is None:
            return default
        if not isinstance(found, str) or not found.startswith("/") or "\0" in found:
            raise self._bad(key, "an absolute path")
        return Path(found)

    @overload
    def texts(self, key: str) -> tuple[str, ...]: ...
    @overload
    def texts(self, key: str, default: D) -> tuple[str, ...] | D: ...
    def texts(self, key: str, default: object = REQUIRED) -> object:
        """A list of texts, none of them empty."""
        found = self._find(key, default, "a list of texts")
        if found is None:
            return default
        if not isinstance(found, list | tuple) or not all(isinstance(text, str) and text for text in found):
            raise self._bad(key, "a list of texts")
        return tuple(found)

    @overload
    def seconds(self, key: str) -> int: ...
    @overload
    def seconds(self, key: str, default: D) -> int | D: ...
    def seconds(self, key: str, default: object = REQUIRED) -> object:
        """A span of time such as "45s", "15m", "2h", "30d", in seconds."""
        found = self._find(key, default, 'a span of time such as "15m"')
        if found is None:
            return default
        try:
            return parse_seconds(found if isinstance(found, str) else "")
        except ValueError:
            raise self._bad(key, 'a span of time such as "45s", "15m", "2h", "30d"') from None

    @overload
    def table(self, key: str) -> "Options": ...
    @overload
    def table(self, key: str, default: D) -> "Options | D": ...
    def table(self, key: str, default: object = REQUIRED) -> object:
        """An inner table, as Options of its own: what it was not asked for is unknown too."""
        found = self._find(key, default, "a table")
        if found is None:
            return default
        return self._table_of(f"{self._prefix}{key}", key, found)

    def tables(self, key: str) -> tuple["Options", ...]:
        """A list of tables; none where the key is absent."""
        found = self._find(key, (), "a list of tables")
        if found is None:
            return ()
        if not isinstance(found, list | tuple):
            raise self._bad(key, "a list of tables")
        return tuple(self._table_of(f"{self._prefix}{key}[{at}]", key, inner) for at, inner in enumerate(found))

    def keys(self) -> tuple[str, ...]:
        """The keys that are there, for a table whose keys the user chooses (a column mapping)."""
        return tuple(self._table)

    def refuse_unknown(self) -> None:
        """Raises BadOption for the first key that was never asked for."""
        for key in self._table:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked)) or "none"
                raise BadOption(f"{self._prefix}{key}", f"one of the known options ({known})")
        for inner in self._inner:
            inner.refuse_unknown()

    def _table_of(self, name: str, key: str, found: object) -> "Options":
        if not isinstance(found, Mapping):
            raise self._bad(key, "a table")
        inner = Options(found, f"{name}.")
        self._inner.append(inner)
        return inner

    def _find(self, key: str, default: object, expected: str) -> object:
        self._asked.add(key)
        found = self._table.get(key)
        if found is None and default is REQUIRED:
            raise self._bad(key, f"{expected}; it is missing")
        return found

    def _bad(self, key: str, expected: str) -> BadOption:
        return BadOption(f"{self._prefix}{key}", expected)
