"""The parent's side of a reading: start a reader, hold it to its limits, believe nothing that it did not prove.

    reading = read_source(SourceSpec(name="pbx", plugin="asterisk", options=table), cursor=b"", now=now, zone=zone)

Whatever the child does, `read_source` returns: OBSERVED, EMPTY, or UNAVAILABLE with a reason. A Reading that is not
whole holds no observations, and no cursor moves. No code of a plugin runs in this process.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from ccmm_agent.child import Limits, run_child
from ccmm_agent.framing import frame
from ccmm_agent.plugin import CheckLine, Manifest, SourceUnavailable
from ccmm_agent.plugins import module_digest, plugin_software
from ccmm_agent.replies import MAX_DETAIL, Expected, Replies
from ccmm_agent.terms import Description, Offered, Task, Terms, parse_description, parse_offers, terms_json
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.reader_pb2 import Done, ReadRequest
from ccmm_proto.v1.statement_pb2 import (
    EMPTY,
    ISOLATION_LANDLOCK_AND_ACCOUNT,
    ISOLATION_NONE,
    ISOLATION_UNSPECIFIED,
    OBSERVED,
    UNAVAILABLE,
    Isolation,
    Observation,
    Outcome,
    Software,
)

__all__ = [
    "Limits",
    "Reading",
    "SourceSpec",
    "check_source_process",
    "describe_source",
    "described_places",
    "offered_sources",
    "read_source",
]

T = TypeVar("T")
DEFAULT_LIMITS: Final = Limits()
_DESCRIBE: Final = Limits(seconds=30, output_bytes=4 << 20)
_NOTHING: Final = Manifest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """One [[source]] of agent.toml. `module` and `path` name a plugin that no installed entry point brings."""

    name: str
    plugin: str
    options: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    module: str = ""
    path: Path | None = None
    account: str = ""  # the second account that readers run as; needs the right to change accounts
    protected: tuple[Path, ...] = ()  # the agent's DIR: no source may lie in it or around it

    @property
    def options_json(self) -> str:
        """Canonical; dates of TOML as text."""
        return json.dumps(dict(self.options), sort_keys=True, default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reading gave. Observations hold clear text: they go through `ccmm_agent.redact` next."""

    outcome: Outcome.ValueType = UNAVAILABLE
    reason: str = Reason.CRASHED  # a word of ccmm_proto.reasons; empty for OBSERVED and EMPTY
    detail: str = ""  # for people, at most 500 characters
    covers: tuple[datetime, datetime] | None = None  # None unless OBSERVED or EMPTY, and where no time is vouched for
    cursor: bytes | None = None  # None: the cursor stays where it is
    more: bool = False  # history remains: read again at once
    observations: list[Observation] = field(default_factory=list)
    isolation: Isolation.ValueType = ISOLATION_UNSPECIFIED  # UNSPECIFIED: the reader did not come so far
    plugin_software: Software
    feeds: tuple[str, ...] = ()
    value: int = 50  # the source's value for the spool, 0..100


def read_source(
    spec: SourceSpec, *, cursor: bytes, now: datetime, zone: ZoneInfo, limits: Limits = DEFAULT_LIMITS
) -> Reading:
    """Read one source once. Never raises for what the child does."""
    reading = Reading(plugin_software=_software(spec))
    replies = None
    try:
        described = describe_source(spec)
        reading = replace(reading, feeds=described.feeds, value=described.value)
        replies = Replies(_expected(described, cursor, now, limits))
        _ask(spec, "read", described.manifest, _request(spec, cursor, now, zone), replies, limits)
    except SourceUnavailable as error:
        isolation = ISOLATION_UNSPECIFIED if replies is None else replies.isolation
        return replace(reading, reason=error.reason, detail=error.detail[:MAX_DETAIL], isolation=isolation)
    return _whole(reading, replies)


def check_source_process(
    spec: SourceSpec, *, now: datetime, zone: ZoneInfo, cursor: bytes = b"", limits: Limits = DEFAULT_LIMITS
) -> list[CheckLine]:
    """What the source's own check says, or a failed line where it could not be asked; lastly how it is isolated."""
    try:
        described = describe_source(spec)
        replies = Replies(replace(_expected(described, cursor, now, limits), lines=True))
        request = _request(spec, cursor, now, zone)
        request.task = ReadRequest.CHECK
        _ask(spec, "read", described.manifest, request, replies, limits)
    except SourceUnavailable as error:
        return [CheckLine("failed", spec.name, f"{error.reason}: {error.detail}"[:MAX_DETAIL])]
    return [*replies.check_lines(), _isolation_line(replies.isolation, described.manifest)]


def describe_source(spec: SourceSpec) -> Description:
    """Feeds, value and manifest, without reading; raises SourceUnavailable. Asked of a child once, then remembered."""
    return _describe(spec, _software(spec).digest)


def offered_sources() -> tuple[Offered, ...]:
    """Every installed source type with its example; raises SourceUnavailable. No plugin is imported in this process."""
    return _described(SourceSpec(name="offer", plugin="offer"), "offer", parse_offers)


@lru_cache(maxsize=256)
def _describe(spec: SourceSpec, digest: bytes) -> Description:
    """`digest` is of the plugin's files: a new version is asked again. A failure is not remembered.

    The child that answers can read nothing but Python: only by its answer is it known what the reader proper may read.
    """
    return _described(spec, "describe", parse_description)


def _described(spec: SourceSpec, task: Task, parse: Callable[[bytes], T]) -> T:
    replies = Replies(Expected(lines=True, limit_bytes=_DESCRIBE.output_bytes))
    request = ReadRequest(plugin=spec.plugin, options_json=spec.options_json)
    _ask(spec, task, _NOTHING, request, replies, _DESCRIBE)
    try:
        return parse(replies.description())
    except Malformed as error:
        raise SourceUnavailable(Reason.BAD_SCHEMA, str(error)) from error


def _ask(
    spec: SourceSpec, task: Task, manifest: Manifest, request: ReadRequest, replies: Replies, limits: Limits
) -> None:
    """Let a reader fill `replies`; returns only where its answer is complete, else raises SourceUnavailable."""
    request.memory_bytes, request.cpu_seconds = limits.memory_bytes, limits.cpu_seconds
    terms = Terms(
        task=task,
        manifest=manifest,
        protected=spec.protected,
        parent_account=os.geteuid(),
        module=spec.module,
        path="" if spec.path is None else str(spec.path),
    )
    asked = frame(terms_json(terms)) + frame(request.SerializeToString())
    ending = run_child(spec.name, asked, replies.feed, limits, spec.account)
    if replies.done is None:
        raise SourceUnavailable(Reason.CRASHED, f"the reader ended {ending} without an answer")


def _request(spec: SourceSpec, cursor: bytes, now: datetime, zone: ZoneInfo) -> ReadRequest:
    return ReadRequest(
        task=ReadRequest.READ,
        plugin=spec.plugin,
        options_json=spec.options_json,
        cursor=cursor,
        now_ms=to_ms(now),
        zone=zone.key,
    )


def _expected(described: Description, cursor: bytes, now: datetime, limits: Limits) -> Expected:
    return Expected(feeds=described.feeds, now_ms=to_ms(now), cursor=cursor, limit_bytes=limits.output_bytes)


def _whole(reading: Reading, replies: Replies) -> Reading:
    done = replies.done or Done()
    covers = (from_ms(done.covers.from_ms), from_ms(done.covers.to_ms)) if done.HasField("covers") else None
    return replace(
        reading,
        outcome=OBSERVED if replies.observations else EMPTY,
        reason="",
        detail=done.detail[:MAX_DETAIL],
        covers=covers,
        cursor=done.cursor,
        more=done.more,
        observations=replies.observations,
        isolation=replies.isolation,
    )


def described_places(manifest: Manifest) -> list[str]:
    """All that a manifest names, for people."""
    endpoints = (f"{host}:{port}" for host, port in manifest.endpoints)
    return [*map(str, manifest.files), *map(str, manifest.folders), *endpoints]


def _isolation_line(isolation: Isolation.ValueType, manifest: Manifest) -> CheckLine:
    """What the source may open, for the admin to judge."""
    opened = f"may open: {', '.join(described_places(manifest)) or 'nothing'}"
    if manifest.programs:
        opened += f"; may run: {', '.join(map(str, manifest.programs))}"
    if isolation == ISOLATION_NONE:
        held = ", and does not without Landlock" if manifest.programs else ""
        return CheckLine(
            "warning", "isolation", f"none: no Landlock here, and every statement says so; {opened}{held}"[:MAX_DETAIL]
        )
    level = "Landlock, second account" if isolation == ISOLATION_LANDLOCK_AND_ACCOUNT else "Landlock"
    return CheckLine("ok", "isolation", f"{level}; {opened}"[:MAX_DETAIL])


def _software(spec: SourceSpec) -> Software:
    """Of the plugin's distribution; unnamed where none is installed."""
    try:
        if spec.module:
            return Software(name=spec.module, digest=module_digest(spec.module, spec.path))
        return plugin_software(spec.plugin)
    except (SourceUnavailable, OSError):
        return Software()
