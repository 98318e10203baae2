"""The `clock` source: how far the clocks of listed systems are from a reference that is none of them.

One run is one look at all of them. A clock that follows nothing has a value, too: what was measured, or what RFC 5905
takes for infinite. Where a system or every reference cannot be asked, the whole run says so.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from ccmm_agent.plugin import (
    BadOption,
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
from ccmm_agent.secret_file import password_line
from ccmm_plugin_facilities.clock_ask import Answer, Ours, Server, ask_chrony, ask_server, read_chronyc
from ccmm_plugin_facilities.look_state import parse_look_state
from ccmm_plugin_facilities.ntp_message import KEY_TYPES, UNSYNCHRONISED
from ccmm_plugin_facilities.watch import longest_gap
from ccmm_proto.period import to_ms

MOST: Final = 64
AGREED_S: Final = 0.5  # references that differ by more cannot both be right
_AT_ONCE: Final = 16
_WAYS: Final = ("ntp", "own", "chrony", "chronyc")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One clock that is judged."""

    source: str  # its name in the scope answer `evidence_systems`
    ask: str  # one of _WAYS
    server: Server | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of one clock."""

    offset_ms: float  # how far off, whichever way
    stratum: int | None  # 16: it follows no other clock; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock(Source):
    """Clock offsets of systems."""

    plugin: ClassVar[str] = "clock"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("reading",)
    example: ClassVar[str] = """
# How far the clocks of the systems that give evidence are off: docs/plugins/clock.md.
[[source]]
name = "clocks"
plugin = "clock"
every = "15m"
# longest_gap = "35m"                # time between looks that lie further apart is not watched

[[source.references]]                # time servers that nobody at the center sets; one has to answer
host = "ntp.example.org"
# port = 123
# key_id = 7                         # with a key that its operator gave: the answer is then proven
# key_type = "sha256"                # md5, sha1, sha256, aes128
# key_file = "/etc/ccmm/ntp.key"     # HEX:... or text

[[source.systems]]
source = "acd"                       # as in the scope answer `evidence_systems`; each once
ask = "ntp"                          # the system itself answers as a time server: measured
host = "192.0.2.10"

[[source.systems]]
source = "collector_host"
ask = "own"                          # this machine: measured against the references

[[source.systems]]
source = "crm"
ask = "chrony"                       # chronyd there tells of its own clock: believed, with its own largest error
host = "192.0.2.11"
# port = 323

# [[source.systems]]
# source = "recorder"
# ask = "chronyc"                    # or a file that `chronyc -c tracking` writes there, copied here
# file = "/var/lib/ccmm/recorder.tracking"
"""

    references: tuple[Server, ...]
    systems: tuple[System, ...]
    longest_gap_s: int = 2100

    @classmethod
    def from_options(cls, options: Options) -> Self:
        references = tuple(_server(inner, 123) for inner in options.tables("references"))
        systems = tuple(_system(inner) for inner in options.tables("systems"))
        if not 0 < len(references) <= 8:
            raise BadOption("references", "1 to 8 time servers that nobody at the center sets")
        if not 0 < len(systems) <= MOST:
            raise BadOption("systems", f"1 to {MOST} systems")
        if len({system.source for system in systems}) < len(systems):
            raise BadOption("systems.source", "another name for each system")
        return cls(
            references=references,
            systems=systems,
            longest_gap_s=longest_gap(options, 2100, most_s=21600),
        )

    def manifest(self) -> Manifest:
        servers = [*self.references, *(system.server for system in self.systems if system.server is not None)]
        files = {server.key_file for server in servers if server.key_file is not None}
        files |= {system.file for system in self.systems if system.file is not None}
        endpoints = {(server.host, server.port) for server in servers}
        return Manifest(files=tuple(sorted(files)), endpoints=tuple(sorted(endpoints)))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, now_ms = parse_look_state(window.cursor), to_ms(window.now)
        state.watch = state.watch.look(now_ms, gap_ms=self.longest_gap_s * 1000)
        ours = Ours()
        reference, failed = self._reference(ours)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            found = list(pool.map(lambda system: self._found(system, reference, ours, window), self.systems))
        for system, clock in zip(self.systems, found, strict=True):
            of = {"source": system.source, "resource": system.ask}
            state.gather({"quantity": "clock_offset", **of}, clock.offset_ms, now_ms)
            if clock.stratum is not None:
                state.gather({"quantity": "clock_stratum", **of}, clock.stratum, now_ms)
        readings, covers = state.close()
        yield from readings
        told = [f"references that could not be used: {len(failed)} of {len(self.references)}"] if failed else []
        told += [] if reference.is_outside else ["the reference is in a private network"]
        yield Done(covers, state.to_cursor(), detail="; ".join(told))

    def check(self, window: Window) -> Iterator[CheckLine]:
        servers = [*self.references, *(system.server for system in self.systems if system.server is not None)]
        for path in sorted({server.key_file for server in servers if server.key_file is not None}):
            yield password_line(path)
        ours = Ours()
        reference, failed = self._reference(ours)
        told = (
            f"one answers (stratum {reference.stratum}), and this clock is {-reference.offset_s * 1000:+.1f} ms off it"
        )
        yield CheckLine("ok", "references", told)
        for why in failed:
            yield CheckLine("warning", "references", why)
        if all(server.key_file is None for server in self.references):
            yield CheckLine(
                "warning", "references", "none has a key: whoever sits on the way could answer in its place"
            )
        if not reference.is_outside:
            told = "the nearest is in a private network: does nobody at the center set its clock?"
            yield CheckLine("warning", "references", told)
        for system in self.systems:
            yield self._line(system, reference, ours, window)

    def _line(self, system: System, reference: Answer, ours: Ours, window: Window) -> CheckLine:
        try:
            found = self._found(system, reference, ours, window)
        except SourceUnavailable as error:
            return CheckLine("failed", system.source, str(error))
        told = f"{found.offset_ms:.1f} ms off" + ("" if found.stratum is None else f", stratum {found.stratum}")
        if found.stratum == UNSYNCHRONISED:
            return CheckLine("warning", system.source, f"{told}: it follows no other clock")
        return CheckLine("ok", system.source, told)

    def _reference(self, ours: Ours) -> tuple[Answer, list[str]]:
        """The usable reference of the shortest way, and why others are none. Raises SourceUnavailable."""
        judged = _judged(self.systems)
        answers: list[Answer] = []
        failed: list[str] = []
        for server in self.references:
            try:
                answer = ask_server(server, ours)
            except SourceUnavailable as error:
                failed.append(error.detail)
                continue
            if (server.host, server.port) in judged:
                failed.append(f"{server.host}:{server.port} is judged itself: it is no reference")
            elif not answer.is_synchronised:
                failed.append(f"{server.host}:{server.port} follows no other clock itself: it is no reference")
            else:
                answers.append(answer)
        if not answers:
            raise SourceUnavailable(Reason.UNREACHABLE, f"no reference: {'; '.join(failed)}"[:500])
        offsets = [answer.offset_s for answer in answers]
        if max(offsets) - min(offsets) > AGREED_S:
            apart = f"{max(offsets) - min(offsets):.1f} s"
            raise SourceUnavailable(
                Reason.UNREADABLE, f"the references differ by {apart}: take out those that are wrong"
            )
        return min(answers, key=lambda answer: answer.way_s), failed

    def _found(self, system: System, reference: Answer, ours: Ours, window: Window) -> Found:
        try:
            if system.file is not None:
                told = read_chronyc(system.file, window.now, self.longest_gap_s)
                return Found(offset_ms=told.error_s * 1000, stratum=told.stratum)
            if system.server is None:
                return Found(offset_ms=abs(reference.offset_s) * 1000, stratum=None)
            if system.ask == "chrony":
                told = ask_chrony(system.server)
                return Found(offset_ms=told.error_s * 1000, stratum=told.stratum)
            answer = ask_server(system.server, ours)
        except SourceUnavailable as error:
            raise SourceUnavailable(error.reason, f"{system.source}: {error.detail}") from error
        stratum = answer.stratum if answer.is_synchronised else UNSYNCHRONISED
        return Found(offset_ms=abs(answer.offset_s - reference.offset_s) * 1000, stratum=stratum)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Clock)


def _system(options: Options) -> System:
    source, ask = options.text("source"), options.text("ask")
    if ask not in _WAYS:
        raise BadOption("systems.ask", f"one of {', '.join(_WAYS)}")
    if ask == "own":
        return System(source=source, ask=ask)
    if ask == "chronyc":
        return System(source=source, ask=ask, file=options.path("file"))
    if ask == "chrony":
        host, port = options.text("host"), options.whole("port", 323, least=1, most=65535)
        return System(source=source, ask=ask, server=Server(host=host, port=port))
    return System(source=source, ask=ask, server=_server(options, 123))


def _server(options: Options, port: int) -> Server:
    key_file, key_type = options.path("key_file", None), options.text("key_type", "sha256")
    if key_type not in KEY_TYPES:
        raise BadOption("key_type", f"one of {', '.join(KEY_TYPES)}")
    key_id = options.whole("key_id", 0, least=0, most=2**32 - 1)
    if (key_file is None) != (key_id == 0):
        raise BadOption("key_id", "key_id and key_file, or none of them")
    return Server(
        host=options.text("host"),
        port=options.whole("port", port, least=1, most=65535),
        key_id=key_id,
        key_type=key_type,
        key_file=key_file,
    )


def _judged(systems: tuple[System, ...]) -> set[tuple[str, int]]:
    return {(system.server.host, system.server.port) for system in systems if system.server is not None}
