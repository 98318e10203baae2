"""`DIR/agent.toml` as one frozen value; whatever is wrong stops the start with file, key and what was expected.

>>> config = parse_config(b'zone = "Asia/Shanghai"', Path("agent.toml"))
>>> config.keep.days, config.spool_limit_bytes
(30, 1000000000)
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmm_agent.options import parse_seconds
from ccmm_agent.pace import Budget, Pace
from ccmm_agent.veto import Veto, parse_veto
from ccmm_proto.errors import BadConfig

FILE = "agent.toml"
GENERAL: Final = ("zone", "keep", "spool_limit", "jitter", "reader_account", "secrets_in_clear", "veto", "source")
OF_SCHEDULE: Final = (
    *("name", "plugin", "every", "cron", "quiet", "timeout", "memory"),
    *("budget", "pause_after", "longest_pause", "backfill"),
)
ATTESTATIONS = "attestations"  # the built-in source: its name is taken
MIN_SPOOL_BYTES = 1_000_000
PAUSE_AFTER = 8  # failures in a row; 0 in agent.toml: never
USUAL_PACE = Pace(pause_after=PAUSE_AFTER)
MIN_READER_BYTES = 128_000_000  # Python and a client need as much
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# The last word of a name tells: `bind_password`, not `password_file`, and not the attribute `passed` of a mapping,
# which would let a center turn "failed" into "passed" without a new digest.
_SECRET = re.compile(
    r"(^|_)(pass|password|passwd|passphrase|pw|pin|secret|token|credential|community)s?[0-9]*$|_key$|apikey$",
    re.IGNORECASE,
)
_SECRET_IN_URL = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+@")  # scheme://user:password@host
LEFT_OUT = "(left out)"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A daily span in the center's zone in which a source is not read; it may cross midnight."""

    begin: time
    end: time

    def contains(self, local: time) -> bool:
        """Whether a local time lies in it: from begin on, before end."""
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One [[source]]: what the agent needs to know of it; `options` belong to the plugin."""

    name: str
    plugin: str
    every: str | None  # exactly one of every and cron
    cron: str | None
    quiet: QuietHours | None = None
    timeout: timedelta = timedelta(seconds=120)
    memory_bytes: int = 512_000_000  # address space of its reader
    pace: Pace = USUAL_PACE
    backfill: timedelta | None = None  # how far back its first reading states; None: all that is there
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of agent.toml."""

    zone: ZoneInfo
    keep: timedelta  # how long acknowledged envelopes stay, within the bound
    spool_limit_bytes: int
    jitter: timedelta  # runs start up to so much late, so that a thousand agents do not knock together
    reader_account: str  # readers run as this account; empty: as the agent's own
    veto: Veto  # what never leaves
    sources: tuple[SourceConfig, ...]
    digest: bytes  # SHA-256 of the canonical configuration, secrets left out


def load_config(folder: Path) -> Config:
    """Read DIR/agent.toml; raises BadConfig."""
    path = folder / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadConfig(
            f"{path}: cannot be read ({error.strerror}): `ccmm-agent join CODE {folder}` writes it"
        ) from error
    return parse_config(content, path)


def parse_config(content: bytes, path: Path) -> Config:
    """The configuration in these bytes; raises BadConfig naming the path."""
    try:
        table = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadConfig(f"{path}: not TOML: {error}") from error
    reader = _Reader(path, "", table)
    reader.refuse_unknown(GENERAL)
    insists = reader.flag("secrets_in_clear")
    sources = tuple(
        _source(path, number, source, insists) for number, source in enumerate(reader.tables("source"), start=1)
    )
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise BadConfig(f"{path}: source {name!r}: expected a name that no other source has")
    return Config(
        zone=reader.zone("zone"),
        keep=reader.span("keep", "30d"),
        spool_limit_bytes=reader.size("spool_limit", "1GB", MIN_SPOOL_BYTES),
        jitter=reader.span("jitter", "10s"),
        reader_account=reader.optional("reader_account") or "",
        veto=reader.veto("veto"),
        sources=sources,
        digest=config_digest(table),
    )


def config_digest(table: Mapping[str, object]) -> bytes:
    """SHA-256 over canonical JSON, with a mark in place of whatever is named like a secret."""
    canonical = json.dumps(without_secrets(table), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).digest()


def without_secrets(value: object) -> object:
    """The same tables and lists; values whose key is named like a secret are replaced."""
    if isinstance(value, Mapping):
        return {key: LEFT_OUT if _SECRET.search(str(key)) else without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(inner) for inner in value]
    return _SECRET_IN_URL.sub(rf"\1:{LEFT_OUT}@", value) if isinstance(value, str) else value


def secrets_in(table: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    """The keys under which a secret stands in clear: by the key's last word, or as the password of a URL."""
    for key, value in table.items():
        inner = value if isinstance(value, list | tuple) else [value]
        texts = [one for one in inner if isinstance(one, str) and one]
        if texts and (_SECRET.search(key) or any(map(_SECRET_IN_URL.search, texts))):
            yield f"{prefix}{key}"
        for one in inner:
            if isinstance(one, Mapping):
                yield from secrets_in(one, f"{prefix}{key}.")


def _source(path: Path, number: int, table: Mapping[str, object], insists: bool) -> SourceConfig:
    reader = _Reader(path, f"source {table.get('name') or number}: ", table)
    if not insists and (key := next(secrets_in(table), None)):
        reader.bad(
            key,
            "no secret here, where backups and people read it, but the option that names a file of its own (0600, or"
            " a systemd credential); who insists sets `secrets_in_clear = true` at the top",
        )
    name = reader.text("name", "a name")
    if not _NAME.fullmatch(name) or name == ATTESTATIONS:
        reader.bad("name", f"small letters, digits, - and _, at most 63, and not {ATTESTATIONS!r}")
    every, cron = reader.optional("every"), reader.optional("cron")
    if (every is None) == (cron is None):
        reader.bad("every", 'either every = "15m" or cron = "..."')
    plugin = reader.text("plugin", "the word of an installed source type: see `ccmm-agent plugins`")
    if not _NAME.fullmatch(plugin):
        reader.bad("plugin", "small letters, digits, - and _, at most 63: see `ccmm-agent plugins`")
    return SourceConfig(
        name=name,
        plugin=plugin,
        every=every,
        cron=cron,
        quiet=reader.quiet("quiet"),
        timeout=reader.span("timeout", "120s"),
        memory_bytes=reader.size("memory", "512MB", MIN_READER_BYTES),
        pace=Pace(
            budget=reader.budget("budget"),
            pause_after=reader.whole("pause_after", PAUSE_AFTER) or None,
            longest_pause=reader.span("longest_pause", "1h"),
        ),
        backfill=reader.span("backfill", "1d") if "backfill" in table else None,
        options=MappingProxyType({key: value for key, value in table.items() if key not in OF_SCHEDULE}),
    )


class _Reader:
    """Typed getters over one table; every complaint names file, place and key."""

    def __init__(self, path: Path, place: str, table: Mapping[str, object]) -> None:
        self._path, self._place, self._table = path, place, table

    def bad(self, key: str, expected: str) -> NoReturn:
        raise BadConfig(f"{self._path}: {self._place}{key}: expected {expected}")

    def refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in self._table:
            if key not in known:
                self.bad(key, f"one of {', '.join(known)}; this key is unknown")

    def optional(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            self.bad(key, "a text")
        return value

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            self.bad(key, "true or false")
        return value

    def text(self, key: str, expected: str, default: str | None = None) -> str:
        value = self.optional(key)
        if value is None and default is None:
            self.bad(key, f"{expected}; it is missing")
        return value or default or ""

    def tables(self, key: str) -> list[Mapping[str, object]]:
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(inner, dict) for inner in value):
            self.bad(key, "tables, each opened by [[source]]")
        return value

    def span(self, key: str, default: str) -> timedelta:
        text = self.text(key, "a time span", default)
        try:
            return timedelta(seconds=parse_seconds(text))
        except (ValueError, OverflowError):
            self.bad(key, f'a time span such as "15m", "2h" or "30d", not {text!r}')

    def size(self, key: str, default: str, least: int) -> int:
        text = self.text(key, "a size", default)
        match = re.fullmatch(r"([0-9]{1,6})\s?([KMGT]B)", text)
        if match is None or int(match[1]) * _UNITS[match[2]] < least:
            self.bad(key, f'a size of at least {least // 10**6}MB, such as "500MB" or "1GB", not {text!r}')
        return int(match[1]) * _UNITS[match[2]]

    def whole(self, key: str, default: int, *, most: int = 1000) -> int:
        value = self._table.get(key, default)
        if type(value) is not int or not 0 <= value <= most:
            self.bad(key, f"a whole number from 0 to {most}")
        return value

    def budget(self, key: str) -> Budget | None:
        text = self.optional(key)
        if text is None:
            return None
        count, _, span = text.partition("/")
        try:
            if not re.fullmatch(r"[1-9][0-9]{0,5}", count):
                raise ValueError(count)
            return Budget(readings=int(count), span=timedelta(seconds=parse_seconds(span)))
        except (ValueError, OverflowError):
            self.bad(key, f'readings in a span of time such as "24/1h" or "96/1d", not {text!r}')

    def veto(self, key: str) -> Veto:
        words = self._table.get(key, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self.bad(key, 'a list of words such as ["person.team", "talk_time"]')
        try:
            return parse_veto(words)
        except ValueError as error:
            self.bad(key, f"words of what never leaves; {error}")

    def zone(self, key: str) -> ZoneInfo:
        text = self.text(key, 'an IANA time zone such as "Asia/Shanghai"')
        try:
            return ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.bad(key, f'an IANA time zone such as "Asia/Shanghai", not {text!r}')

    def quiet(self, key: str) -> QuietHours | None:
        text = self.optional(key)
        if text is None:
            return None
        match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", text)
        if match is None or text[:5] == text[6:]:
            self.bad(key, f'a daily span such as "23:00-05:00", not {text!r}')
        hours = [int(group) for group in match.groups()]
        return QuietHours(begin=time(hours[0], hours[1]), end=time(hours[2], hours[3]))
