"""The source `freeswitch`: queues, agents and tiers of mod_callcenter by the event socket."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent import facts
from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Reason, Source, SourceUnavailable, Window
from ccmm_agent.secret_file import load_password, password_line
from ccmm_plugin_telephony.agent_time import AgentTime, restored
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.freeswitch.agent_watch import GAP_S, watch
from ccmm_plugin_telephony.freeswitch.event_protocol import parse_table
from ccmm_plugin_telephony.freeswitch.event_socket import Command, Endpoint, EventSocket, connected
from ccmm_plugin_telephony.freeswitch.socket_facts import (
    AGENT_COLUMNS,
    QUEUE_COLUMNS,
    TIER_COLUMNS,
    Row,
    accounts_of,
    seen_of,
    settings_of,
)
from ccmm_plugin_telephony.queue_facts import AGENT_FEEDS, Reading, agent_facts
from ccmm_plugin_telephony.staff import load_staff
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """All that one connection told."""

    version: str
    queues: list[Row]
    agents: list[Row]
    tiers: list[Row]
    allowed_api: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCenter(Source):
    """Queues with their settings, who is an agent, and how long agents were logged in and on break."""

    plugin: ClassVar[str] = "freeswitch"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("setting", "account", *AGENT_FEEDS)
    example: ClassVar[str] = """\
# mod_callcenter of FreeSWITCH by its event socket; only reading commands are sent: docs/plugins/freeswitch.md.
[[source]]
name = "switch"
plugin = "freeswitch"
every = "5m"                         # log-ins and breaks are seen from look to look: at most 30m
host = "127.0.0.1"
port = 8021
secret_file = "/etc/ccmm/freeswitch.secret"   # one line, readable by the agent only
# user = "ccmm@default"              # a directory user with esl-password; without it the password of the socket
# agents = "/etc/ccmm/agents.csv"    # lines of: agent name, staff id. Joins the switch with HR
connect_timeout = "20s"
"""

    endpoint: Endpoint
    secret_file: Path
    agents: Path | None = None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            endpoint=Endpoint(
                host=options.text("host", "127.0.0.1"),
                port=options.whole("port", 8021, least=1, most=65535),
                user=options.text("user", None),
                timeout_s=options.seconds("connect_timeout", 20),
            ),
            secret_file=options.path("secret_file"),
            agents=options.path("agents", None),
        )

    def manifest(self) -> Manifest:
        files = [self.secret_file, *([self.agents] if self.agents else [])]
        return Manifest(files=tuple(files), endpoints=((self.endpoint.host, self.endpoint.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        staff = load_staff(self.agents) if self.agents else {}
        look = self._look()
        yield facts.inventory("setting", window.now, settings_of(look.version, look.queues, look.tiers))
        yield facts.inventory("account", window.now, accounts_of(look.agents, look.tiers, staff))
        agents = _restored(cursor)
        now_s = int(window.now.timestamp())
        before_s = cursor.position_s if cursor else None
        if before_s is not None and now_s < before_s:
            raise SourceUnavailable(Reason.UNREADABLE, "the clock of this machine went back since the look before")
        watch(agents, seen_of(look.agents, staff), before_s, now_s)
        yield from _since(agents, cursor, window.now, before_s)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.secret_file)
        look = self._look()
        yield CheckLine("ok", f"{self.endpoint.host}:{self.endpoint.port}", f"logged in, {look.version[:60]}")
        yield CheckLine("ok" if look.queues else "warning", "queues", f"{len(look.queues)} loaded")
        yield CheckLine(
            "ok" if look.agents else "warning", "agents", f"{len(look.agents)} with {len(look.tiers)} tiers"
        )
        if look.allowed_api is None:
            told = "this password may do everything on the switch: use a directory user with esl-allowed-api"
            yield CheckLine("warning", "rights", f"{told} = version callcenter_config")
        elif excess := sorted({*look.allowed_api.replace(",", " ").split()} - {"version", "callcenter_config"}):
            yield CheckLine("warning", "rights", f"more than version and callcenter_config: {', '.join(excess[:12])}")
        told = "no account of the event socket is read-only (callcenter_config can also change agents): keep its ACL"
        yield CheckLine("warning", "writing", f"{told} and its secret to this host")
        if self.endpoint.host not in _HERE:
            yield CheckLine(
                "warning", "network", "the secret crosses the network in clear: a tunnel, or run the agent there"
            )
        if self.agents is None and look.agents:
            yield CheckLine("warning", "staff", "no table of staff ids: agents join with HR only if named by staff id")

    def _look(self) -> _Look:
        with connected(self.endpoint, load_password(self.secret_file)) as switch:
            return _Look(
                version=_version(switch.ask("version")),
                queues=_rows(switch, "callcenter_config queue list", QUEUE_COLUMNS),
                agents=_rows(switch, "callcenter_config agent list", AGENT_COLUMNS),
                tiers=_rows(switch, "callcenter_config tier list", TIER_COLUMNS),
                allowed_api=switch.allowed_api,
            )


def _since(
    agents: AgentTime, cursor: LogCursor | None, now: datetime, before_s: int | None
) -> Iterator[Observation | Done]:
    """Sessions and days up to the last full quarter hour; vouched for where the look before was not long ago."""
    now_ms = to_ms(now)
    horizon_ms = floor_to(now_ms, QUARTER_MS)
    unbroken = cursor is not None and before_s is not None and now_ms - before_s * 1000 <= GAP_S * 1000
    begin_ms = cursor.stated_ms if cursor is not None and unbroken else horizon_ms
    stated = Stated(cursor.slots if cursor else {})
    from_ms_ = cursor.from_ms if cursor else floor_to(begin_ms, HOUR_MS)
    stated_ms = cursor.stated_ms if cursor else begin_ms
    reading = Reading(from_ms=from_ms_, stated_ms=stated_ms, horizon_ms=horizon_ms, required=None, told=frozenset())
    if horizon_ms > stated_ms:
        yield from agent_facts(agents, reading, stated)
    next_ms = floor_to(horizon_ms, HOUR_MS)
    kept = LogCursor(
        stated_ms=max(horizon_ms, stated_ms),
        from_ms=max(from_ms_, next_ms),
        position=None,
        position_s=now_ms // 1000,
        slots=stated.kept(next_ms) if horizon_ms > stated_ms or cursor is None else cursor.slots,
        state=agents.snapshot(next_ms // 1000),
    )
    covers = (from_ms(begin_ms), from_ms(horizon_ms)) if horizon_ms > begin_ms else None
    yield Done(covers, kept.to_bytes())


def _rows(switch: EventSocket, command: Command, columns: tuple[str, ...]) -> list[Row]:
    try:
        return [*parse_table(switch.ask(command), columns)]
    except Malformed as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"`{command}`: the switch sent {error}") from error


def _version(answer: str) -> str:
    return "".join(letter for letter in answer.strip().split("\n")[0] if letter.isprintable())[:100]


def _restored(cursor: LogCursor | None) -> AgentTime:
    if cursor is None:
        return AgentTime()
    try:
        return restored(cursor.state)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceUnavailable(Reason.UNREADABLE, "the cursor of this source is damaged") from error
