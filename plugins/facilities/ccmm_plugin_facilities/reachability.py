"""The `reachability` source: whether trunks, sites and services answer, asked from where the agent stands.

One run asks each target and the witness once. What fails while the witness fails too is our own line: then nothing was
watched. A witness that failed before while all targets answered excuses nothing.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
from ccmm_plugin_facilities.dns_message import is_name
from ccmm_plugin_facilities.probe import PORTS, Target, why_down
from ccmm_plugin_facilities.reachability_state import parse_state
from ccmm_plugin_facilities.watch import longest_gap
from ccmm_proto.period import to_ms

MOST_TARGETS: Final = 64
_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability(Source):
    """Seconds watched and down of each service."""

    plugin: ClassVar[str] = "reachability"
    value: ClassVar[int] = 70
    feeds: ClassVar[tuple[str, ...]] = ("probe_watched", "probe_down")
    example: ClassVar[str] = """
# Trunks, sites and services, asked every minute whether they are there: docs/plugins/reachability.md.
[[source]]
name = "reachable"
plugin = "reachability"
every = "1m"
observer = "independent"             # only where this agent stands outside the platform that it asks; else "own"
# longest_gap = "90s"                # time between looks that lie further apart is not watched
# call_timeout = "5s"                # for one target; at most 10s

[[source.targets]]
service = "voice"                    # as in the scope answer `services`; each once
ask = "sip"                          # OPTIONS over UDP; or sip_tcp, tcp, tls, dns
host = "sbc.carrier.example"
# port = 5060

[[source.targets]]
service = "second_site"
ask = "tls"
host = "crm.second.example"
# ca_file = "/etc/ccmm/second-ca.pem"   # without it: the authorities that this machine trusts
# verify = false                     # an expired or foreign certificate is then no outage

[[source.targets]]
service = "names"
ask = "dns"
host = "192.0.2.53"
name = "www.center.example"          # what the name server is asked for

# [source.witness]                   # something else that is always there: where it fails too, our own line is down
# host = "192.0.2.1"
# port = 443
"""

    targets: tuple[Target, ...]
    observer: str
    witness: Target | None = None
    longest_gap_s: int = 90
    timeout_s: float = 5.0

    @classmethod
    def from_options(cls, options: Options) -> Self:
        targets = tuple(_target(inner) for inner in options.tables("targets"))
        if not 0 < len(targets) <= MOST_TARGETS:
            raise BadOption("targets", f"1 to {MOST_TARGETS} targets")
        if len({target.service for target in targets}) < len(targets):
            raise BadOption("targets", "another service for each target")
        timeout_s = options.seconds("call_timeout", 5)
        if timeout_s > 10:
            raise BadOption("call_timeout", "at most 10s: a look has to end before the next one")
        return cls(
            targets=targets,
            observer=options.text("observer"),
            witness=_witness(options.table("witness", None)),
            longest_gap_s=longest_gap(options, 90, most_s=900),
            timeout_s=float(timeout_s),
        )

    def manifest(self) -> Manifest:
        asked = (*self.targets, *((self.witness,) if self.witness else ()))
        files = {target.ca_file for target in asked if target.ca_file is not None}
        endpoints = {(target.host, target.port) for target in asked}
        return Manifest(files=tuple(sorted(files)), endpoints=tuple(sorted(endpoints)))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state = parse_state(window.cursor)
        found, why_blind = self._ask()
        is_up = {service: why is None for service, why in found.items()}
        if why_blind is not None and not all(is_up.values()) and not state.is_witness_dead:
            raise SourceUnavailable(Reason.UNREACHABLE, why_blind)
        if why_blind is None or all(is_up.values()):
            state.is_witness_dead = why_blind is not None
        state.look(is_up, to_ms(window.now), gap_ms=self.longest_gap_s * 1000)
        stated, covers = state.close(self.observer)
        yield from stated
        detail = "the witness fails while targets answer: it excuses nothing" if state.is_witness_dead else ""
        yield Done(covers, state.to_cursor(), detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        found, why_blind = self._ask()
        if why_blind is not None and any(found.values()):
            raise SourceUnavailable(Reason.UNREACHABLE, why_blind)
        for target in self.targets:
            where, why = f"{target.ask} {target.host}:{target.port}", found[target.service]
            if why is None:
                yield CheckLine("ok", target.service, f"{where} answers")
            else:
                yield CheckLine("failed", target.service, f"{where}: {why}. It counts as down: {_mend(target)}")
        if self.witness is None:
            yield CheckLine("warning", "witness", "without one an outage of our own line counts as one of all services")
        elif why_blind is not None:
            yield CheckLine("failed", "witness", "it fails while all targets answer: choose one that is always there")

    def _ask(self) -> tuple[dict[str, str | None], str | None]:
        """Service → why it is down, None where it answers; and how the witness fails, None where it does not."""
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            reasons = list(pool.map(lambda target: why_down(target, self.timeout_s), self.targets))
        found = {target.service: why for target, why in zip(self.targets, reasons, strict=True)}
        why = None if self.witness is None else why_down(self.witness, self.timeout_s)
        if self.witness is None or why is None:
            return found, None
        return found, f"the witness {self.witness.host}:{self.witness.port} fails too ({why}): is our line down?"


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Reachability)


def _target(options: Options) -> Target:
    ask = options.text("ask")
    if ask not in PORTS:
        raise BadOption("targets.ask", f"one of {', '.join(PORTS)}")
    port = PORTS[ask]
    limits = {"least": 1, "most": 65535}
    name = options.text("name") if ask == "dns" else ""
    if ask == "dns" and not is_name(name):
        raise BadOption("targets.name", "a name such as www.center.example")
    return Target(
        service=options.text("service"),
        ask=ask,
        host=_host(options),
        port=options.whole("port", **limits) if port is None else options.whole("port", port, **limits),
        name=name,
        ca_file=options.path("ca_file", None) if ask == "tls" else None,
        verify=options.flag("verify", True) if ask == "tls" else True,
    )


def _witness(options: Options | None) -> Target | None:
    if options is None:
        return None
    return Target(service="", ask="tcp", host=_host(options), port=options.whole("port", least=1, most=65535))


def _host(options: Options) -> str:
    host = options.text("host")
    if not host.isprintable() or set(host) & set(" /@<>;\"'"):
        raise BadOption("host", "a host name or an address")
    return host


def _mend(target: Target) -> str:
    if target.ask in ("sip", "sip_tcp"):
        return "is the agent's address allowed there, and OPTIONS answered?"
    if target.ask == "tls":
        return "is a firewall between, or does ca_file lack the authority of its certificate?"
    return "is a firewall between?"
