"""What a plugin is: a hook that registers Sources, and Sources that yield observations and one Done.

    class QueueLog(Source):
        plugin = "asterisk"
        feeds = ("calls_offered", "calls_answered")
        example = EXAMPLE
        ...

    @hookimpl
    def register_sources(register: Callable[[type[Source]], None]) -> None:
        register(QueueLog)

The module is named by an entry point of group "ccmm_agent" and imported only where agent.toml names one of its sources.
It runs in a reader process without keys: all outside `manifest()` is denied: docs/plugins/writing-a-plugin.md.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo

import pluggy

from ccmm_agent.options import BadOption, Options
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import Observation

__all__ = [
    "PROJECT",
    "BadOption",
    "CheckLine",
    "Done",
    "Manifest",
    "Observation",
    "Options",
    "Reason",
    "Source",
    "SourceUnavailable",
    "Window",
    "hookimpl",
    "hookspec",
]

PROJECT = "ccmm_agent"  # pluggy's project name and the group of the entry points
hookimpl = pluggy.HookimplMarker(PROJECT)
hookspec = pluggy.HookspecMarker(PROJECT)

Verdict: TypeAlias = Literal["ok", "warning", "failed"]


class SourceUnavailable(Exception):
    """The source could not look. `detail` is for people: no names of persons, no secrets."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that a source needs; isolation denies everything else. Paths are absolute, endpoints (host, port).

    A program is started by `ccmm_agent.program` and reaches what the source reaches, nothing more; where there is no
    Landlock none is started. A script needs the program of its first line, too, and that one runs any other script.
    """

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()  # with everything below
    endpoints: tuple[tuple[str, int], ...] = ()  # of TCP and UDP
    programs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        for path in (*self.files, *self.folders, *self.programs):
            if not path.is_absolute():
                raise BadOption("manifest", f"absolute paths, not {path}")
        for host, port in self.endpoints:
            if not host or not 0 < port < 65536:
                raise BadOption("manifest", f"endpoints as (host, port), not {host}:{port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where the source resumes and what time it is. `now` is UTC; `zone` is the center's."""

    cursor: bytes  # what the last Done gave; empty at first
    now: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Done:
    """The last thing a read yields: the time it vouches for and where the next read resumes.

    `covers` (from, to) is half-open, never ends after `now`, and is None only where the source vouches for no span.
    `more` = history remains: the agent reads again at once. Keep a batch below some 50 MB and some seconds.
    `detail` says for people what could not be taken (torn lines). It is signed: no names in it.
    """

    covers: tuple[datetime, datetime] | None
    cursor: bytes
    more: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of `ccmm-agent check`: what was looked at and what to do about it."""

    verdict: Verdict
    subject: str
    detail: str


class Source(ABC):
    """One thing that is read, with one outcome per run. Nothing is opened before `read` or `check`."""

    plugin: ClassVar[str]  # the word in agent.toml: plugin = "asterisk"
    value: ClassVar[int] = 50  # 0..100: when the spool is full, sources of low value stop first
    example: ClassVar[str]  # TOML of one whole [[source]]: name, plugin, every, all options, comments

    @property
    @abstractmethod
    def feeds(self) -> tuple[str, ...]:
        """Ids of the measures and kinds that it may yield: a class attribute, or a property from its options."""

    @classmethod
    @abstractmethod
    def from_options(cls, options: Options) -> Self:
        """The source of one table of agent.toml. Raises BadOption. Keys that it never asks for are refused."""

    @abstractmethod
    def manifest(self) -> Manifest:
        """What `read` and `check` need; from the options alone, without looking."""

    @abstractmethod
    def read(self, window: Window) -> Iterator[Observation | Done]:
        """Yields observations (ccmm_agent.facts), lastly exactly one Done. Never half a truth: else SourceUnavailable.

        From the cursor of a Done on, nothing is yielded twice (a changed period: the same key with the next revision).
        """

    @abstractmethod
    def check(self, window: Window) -> Iterator[CheckLine]:
        """Reachable? Enough rights? Too many rights? Raises SourceUnavailable where it cannot even be asked."""


class PluginHooks:
    """The one hook that a plugin module implements."""

    @hookspec
    def register_sources(self, register: Callable[[type[Source]], None]) -> None:
        """Call `register` once with each Source class of the plugin."""
