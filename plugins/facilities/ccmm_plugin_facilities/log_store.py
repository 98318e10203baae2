"""The `log_store` source: since when logs are kept, whole or with gaps: files, journals, indices of Elasticsearch.

One run states the whole list of stores, or says why it could not. What a store cannot show by itself the center states.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final, Self
from zoneinfo import ZoneInfo

from ccmm_agent.delimited import zone_option
from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Place, Web, header, manifest_of, place_lines, place_of
from ccmm_plugin_facilities.log_elastic import indices_span, may_write
from ccmm_plugin_facilities.log_files import LONGEST_S, journals_span, text_span
from ccmm_plugin_facilities.log_span import Span, holding_of, kept_since, parse_times

FIRST_LOOK: Final = timedelta(days=1)
MOST: Final = 64
_TIMES: Final = ("rfc3339", "rfc3164", "web", "epoch")
_FLAGS: Final = ("protected", "encrypted", "deletions_logged", "legal_hold")
_DAYS: Final = ("floor_days", "ceiling_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One log of one system. `kind`: files, journal, elasticsearch."""

    name: str
    source: str
    kind: str
    slot_h: int
    stated: Mapping[str, object]
    folder: Path | None = None
    pattern: str = ""
    times: str = ""
    zone: ZoneInfo | None = None
    place: Place | None = None
    key_file: Path | None = None
    index: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStore(Source):
    """Holdings of class log."""

    plugin: ClassVar[str] = "log_store"
    value: ClassVar[int] = 50
    feeds: ClassVar[tuple[str, ...]] = ("holding",)
    example: ClassVar[str] = """
# Since when logs are kept, and with what gaps: docs/plugins/log_store.md.
[[source]]
name = "logs"
plugin = "log_store"
every = "12h"

[[source.stores]]
name = "acd_messages"
source = "acd"                       # as in the scope answer `evidence_systems`
kind = "files"
folder = "/var/log/asterisk"
pattern = "messages*"                # the log and what it was rotated to; .gz, .bz2 and .xz are unpacked
times = "rfc3339"                    # or rfc3164 (Nov 22 06:25:01), web (access logs), epoch
# zone = "Asia/Shanghai"             # of times without one; else the center's
slot = "1h"                          # at least one line in each; longer for a log that is quiet by nature
# also stated: encrypted, deletions_logged, legal_hold, floor_days, ceiling_days
stated = { began = "2024-03-01", protected = true }

[[source.stores]]
name = "host_journal"
source = "acd_host"
kind = "journal"
folder = "/var/log/journal"          # protected is then known: whether each file is sealed

[[source.stores]]
name = "crm_logs"
source = "crm"
kind = "elasticsearch"
url = "https://192.0.2.30:9200"
index = "logs-crm-*"
# field = "@timestamp"
api_key_file = "/etc/ccmm/elastic.key"   # the encoded API key
# ca_file = "/etc/ccmm/elastic-ca.pem"
# tls_name = "elastic.center.example"
# call_timeout = "30s"
# plain = false
"""

    stores: tuple[Store, ...]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        stores = tuple(_store(inner) for inner in options.tables("stores"))
        if not 0 < len(stores) <= MOST:
            raise BadOption("stores", f"1 to {MOST} stores")
        if len({store.name for store in stores}) < len(stores):
            raise BadOption("stores.name", "another name for each store")
        return cls(stores=stores)

    def manifest(self) -> Manifest:
        places = [store.place for store in self.stores if store.place is not None]
        keys = [store.key_file for store in self.stores if store.key_file is not None]
        of_web = manifest_of(*places, files=tuple(dict.fromkeys(keys)))
        folders = tuple(dict.fromkeys(store.folder for store in self.stores if store.folder is not None))
        return Manifest(files=of_web.files, folders=folders, endpoints=of_web.endpoints)

    def read(self, window: Window) -> Iterator[Observation | Done]:
        ends = time.monotonic() + LONGEST_S
        spans = [(store, *_span(store, window, ends)) for store in self.stores]
        entries = [(store.name, _entry(store, span, sealed, window.now)) for store, span, sealed in spans]
        yield inventory("holding", window.now, entries)
        since = _parse_cursor(window.cursor, window.now) or window.now - FIRST_LOOK
        untimed = sum(span.untimed for _, span, _ in spans)
        told = [f"pieces of text without a time: {untimed}"] if untimed else []
        torn = [store.name for store, span, _ in spans if kept_since(span, store.slot_h) != span.first_s]
        told += [f"a hole of more than a week before what is kept: {', '.join(torn)}"] if torn else []
        yield Done((since, window.now), f"{window.now.timestamp():.3f}".encode(), detail="; ".join(told)[:500])

    def check(self, window: Window) -> Iterator[CheckLine]:
        ends = time.monotonic() + LONGEST_S
        for store in self.stores:
            if store.key_file is not None and (line := password_line(store.key_file)).verdict != "failed":
                yield line  # of one that is not there the question below tells
            if store.place is not None:
                yield from place_lines(store.place)
            try:
                span, sealed = _span(store, window, ends)
                writes = _may_write(store)
            except SourceUnavailable as error:
                yield CheckLine("failed", store.name, str(error))
                continue
            yield _line(store, _entry(store, span, sealed, window.now))
            if writes:
                yield CheckLine(
                    "warning", store.name, "this API key may also write or delete: make one that only reads"
                )
            if "began" not in store.stated:
                yield CheckLine(
                    "warning", store.name, "without `began` a young store looks like one that lost its past"
                )


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(LogStore)


def _span(store: Store, window: Window, ends: float) -> tuple[Span, bool | None]:
    """What it holds, and whether it is sealed; None where it cannot show that. Raises SourceUnavailable."""
    now_s = window.now.timestamp()
    try:
        if store.place is not None:
            with _web(store, store.place) as web:
                return indices_span(web, store.index, store.field, now_s), None
        if store.folder is not None and store.kind == "journal":
            return journals_span(store.folder, now_s, ends)
        folder = store.folder or Path("/nonexistent")
        zone = store.zone or window.zone
        return text_span(folder, store.pattern, parse_times(store.times), zone, now_s, ends), None
    except SourceUnavailable as error:
        raise SourceUnavailable(error.reason, f"{store.name}: {error.detail}"[:500]) from error


def _entry(store: Store, span: Span, sealed: bool | None, now: datetime) -> dict[str, object]:
    told = holding_of(span, now, store.slot_h)
    shown = {} if sealed is None else {"protected": sealed}
    return {"class": "log", "source": store.source, **told, **store.stated, **shown}


def _may_write(store: Store) -> bool | None:
    if store.place is None:
        return None
    with _web(store, store.place) as web:
        return may_write(web, store.index)


def _web(store: Store, place: Place) -> Web:
    key = None if store.key_file is None else header("Authorization", f"ApiKey {load_password(store.key_file)}")
    return Web(place, key)


def _line(store: Store, entry: Mapping[str, object]) -> CheckLine:
    if "oldest" not in entry:
        return CheckLine("warning", store.name, "holds no entry yet")
    gaps = entry.get("gap_share")
    told = f"{entry['files']} files, kept {entry['kept_days']} days"
    if isinstance(gaps, float) and gaps > 0:
        return CheckLine("warning", store.name, f"{told}; {gaps:.2f} % of its slots of 30 days have no line")
    return CheckLine("ok", store.name, told)


def _store(options: Options) -> Store:
    kind = options.text("kind")
    slot_s = options.seconds("slot", 3600)
    if slot_s % 3600 or not 3600 <= slot_s <= 7 * 86400:
        raise BadOption("stores.slot", "whole hours, 7d at most")
    common = Store(
        name=options.text("name"),
        source=options.text("source"),
        kind=kind,
        slot_h=slot_s // 3600,
        stated=_stated(options.table("stated", None), kind),
    )
    made = {"files": _of_files, "journal": _of_journal, "elasticsearch": _of_elastic}.get(kind)
    if made is None:
        raise BadOption("stores.kind", "files, journal or elasticsearch")
    return made(options, common)


def _of_files(options: Options, store: Store) -> Store:
    times, pattern = options.text("times", "rfc3339"), options.text("pattern")
    if times not in _TIMES:
        raise BadOption("stores.times", f"one of {', '.join(_TIMES)}")
    if "/" in pattern:
        raise BadOption("stores.pattern", "names of files, such as messages*")
    return replace(store, folder=options.path("folder"), pattern=pattern, times=times, zone=zone_option(options))


def _of_journal(options: Options, store: Store) -> Store:
    return replace(store, folder=options.path("folder", Path("/var/log/journal")))


def _of_elastic(options: Options, store: Store) -> Store:
    index = options.text("index")
    if not index.isascii() or not index.isprintable() or set(index) & set(' /?#%"\\<>|'):
        raise BadOption("stores.index", "a pattern of index names, such as logs-*")
    return replace(
        store,
        place=place_of(options),
        key_file=options.path("api_key_file", None),
        index=index,
        field=options.text("field", "@timestamp"),
    )


def _stated(options: Options | None, kind: str) -> Mapping[str, object]:
    """What the center states of a store; of a journal nothing that it shows by itself. Raises BadOption."""
    if options is None:
        return MappingProxyType({})
    flags = [name for name in _FLAGS if not (name == "protected" and kind == "journal")]
    found: dict[str, object] = {name: options.flag(name, None) for name in flags}
    found |= {name: options.whole(name, None) for name in _DAYS}
    if (began := options.text("began", None)) is not None:
        try:
            found["began"] = datetime.strptime(began, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as error:
            raise BadOption("stores.stated.began", "a day such as 2024-03-01") from error
    return MappingProxyType({name: value for name, value in found.items() if value is not None})


def _parse_cursor(cursor: bytes, now: datetime) -> datetime | None:
    """When the last list was made; None where there was none, or it says a time after now."""
    try:
        before = datetime.fromtimestamp(float(cursor), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return before if before < now else None
