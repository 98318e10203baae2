"""The `monitoring_zabbix` source: problems of Zabbix with who saw them when, and its triggers as rules."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Final, Self

from ccmm_agent.facts import inventory
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
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Place, Web, manifest_of, place_lines, place_of
from ccmm_plugin_facilities.monitoring_ask import understood
from ccmm_plugin_facilities.monitoring_words import Alarm, AlertRule, Words
from ccmm_plugin_facilities.zabbix_ask import Event, Trigger, ZabbixApi
from ccmm_proto.period import from_ms, to_ms

VERSION: Final = 1
OVERLAP: Final = timedelta(minutes=10)  # Zabbix writes events in bundles, from several processes
ANSWERED_LATER: Final = timedelta(days=7)  # an end or an acknowledgement may still come
MOST: Final = 10_000  # problems that are looked at again
SEVERITIES: Final = ("not_classified", "information", "warning", "average", "high", "disaster")


@dataclass(slots=True)
class _State:
    """All that a cursor holds."""

    since_ms: int = 0
    upto_ms: int = 0
    known: dict[int, tuple[int, str]] = field(default_factory=dict)  # problem -> its begin, and what was stated of it

    def to_cursor(self) -> bytes:
        return json.dumps([VERSION, self.since_ms, self.upto_ms, self.known], separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Zabbix(Source):
    """Problems and triggers of named host groups."""

    plugin: ClassVar[str] = "monitoring_zabbix"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("alert", "alert_rule")
    example: ClassVar[str] = """
# Problems and triggers of Zabbix by its API, read only: docs/plugins/monitoring.md.
[[source]]
name = "zabbix"
plugin = "monitoring_zabbix"
every = "5m"
url = "https://zabbix.example/zabbix"     # where api_jsonrpc.php lies
token_file = "/etc/ccmm/zabbix.token"     # of an account with the role User and read rights only; chmod 600
groups = ["Contact center"]               # host groups
# ca_file = "/etc/ccmm/zabbix-ca.pem"     # without it: the authorities that this machine trusts
# tls_name = "zabbix.internal"            # the name in its certificate, where it is not that of url
# plain = false                           # true: http to another host; the token then crosses the network in clear
# call_timeout = "30s"                    # for one answer
# since = "30d"                           # how far back the first reading goes
# ignore = ["Zabbix agent is not available"]   # triggers that are no alert

[source.colours]                          # not_classified, information, warning, average, high, disaster
# disaster = "red"
# high = "orange"

[[source.alert]]                          # what a problem is called here; those without a table are stated too
name = "Queue waits too long"             # the trigger's name, as it is written there
signal = "queue"
# system = "acd"
# class = "silence"
# service = "hotline"
"""

    place: Place
    token_file: Path
    groups: tuple[str, ...]
    words: Words
    since: timedelta

    @classmethod
    def from_options(cls, options: Options) -> Self:
        groups = options.texts("groups")
        if not groups:
            raise BadOption("groups", "at least one host group")
        words = Words.from_options(options)
        if unknown := sorted(words.colours.keys() - {*SEVERITIES}):
            raise BadOption(f"colours.{unknown[0][:100]}", f"one of {', '.join(SEVERITIES)}")
        return cls(
            place=place_of(options),
            token_file=options.path("token_file"),
            groups=tuple(dict.fromkeys(groups)),
            words=words,
            since=timedelta(seconds=options.seconds("since", 30 * 86_400)),
        )

    def manifest(self) -> Manifest:
        return manifest_of(self.place, files=(self.token_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        token, now_ms = load_password(self.token_file), to_ms(window.now.replace(microsecond=0))
        state = _parse_state(window.cursor) or _State(since_ms=now_ms - int(self.since.total_seconds()) * 1000)
        begin_ms = min(state.upto_ms, now_ms) or state.since_ms  # a clock that went back reads more, and states no more
        with understood(self.place, "Zabbix"), Web(self.place, most_bytes=32 << 20) as web:
            api = ZabbixApi(web, token)
            api.log_in()
            groups = api.groups(self.groups)
            triggers = api.triggers(groups)
            events = {event.id: event for event in api.events_since(groups, from_ms(begin_ms) - OVERLAP)}
            events |= {event.id: event for event in api.events(sorted(state.known.keys() - events.keys()))}
            ended = api.instants(sorted({event.recovery for event in events.values() if event.recovery}))
        names = {trigger.id: trigger.name for trigger in triggers}
        left_out = 0
        for id, event in sorted(events.items()):
            if names.get(event.trigger) in self.words.ignored:
                left_out += 1
                continue
            alarm = _alarm(event, names, ended.get(event.recovery))
            told = _digest(alarm)
            if state.known.get(id, (0, ""))[1] != told and alarm.started >= from_ms(state.since_ms):
                yield self.words.alert(alarm)
            state.known[id] = (to_ms(event.started), told)
        yield inventory("alert_rule", window.now, self.words.rules(map(_rule, triggers)))
        self._forget(state, events, now_ms)
        state.upto_ms = max(state.upto_ms, now_ms)
        detail = f"problems left out by `ignore`: {left_out}" if left_out else ""
        yield Done((from_ms(begin_ms), from_ms(now_ms)), state.to_cursor(), detail=detail)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from place_lines(self.place)
        yield password_line(self.token_file)
        token = load_password(self.token_file)
        with understood(self.place, "Zabbix"), Web(self.place, most_bytes=32 << 20) as web:
            api = ZabbixApi(web, token)
            yield CheckLine("ok", "log-in", f"{self.place.where} is Zabbix {api.log_in()}")
            groups = api.groups(self.groups)
            triggers, may_write = api.triggers(groups), api.writable_hosts(groups)
        names = {trigger.name for trigger in triggers}
        yield CheckLine("ok", "triggers", f"{len(triggers)}, of {len(names)} names")
        for name in sorted({*self.words.named, *self.words.ignored} - names):
            yield CheckLine("warning", name, "stands in the options, and no trigger is called so")
        if may_write:
            yield CheckLine("warning", "too many rights", f"this account may write to {may_write} hosts of the groups")
        else:
            yield CheckLine("ok", "rights", "this account may not write to any host")

    def _forget(self, state: _State, seen: dict[int, Event], now_ms: int) -> None:
        """What has ended, was answered or is old, and what Zabbix itself has forgotten."""
        later_ms, overlap_ms = (int(span.total_seconds() * 1000) for span in (ANSWERED_LATER, 2 * OVERLAP))
        kept: dict[int, tuple[int, str]] = {}
        for id, (started_ms, told) in state.known.items():
            event = seen.get(id)
            is_over = event is None or (event.recovery and (event.acked or now_ms - started_ms > later_ms))
            if not is_over or now_ms - started_ms <= overlap_ms:
                kept[id] = (started_ms, told)
        if len(kept) > MOST:
            many = f"{len(kept)} problems stand or wait for an answer: close what is none in Zabbix, or ignore it"
            raise SourceUnavailable(Reason.FLOOD, f"{self.place.where}: {many}")
        state.known = kept


def _alarm(event: Event, names: dict[int, str], ended: datetime | None) -> Alarm:
    return Alarm(
        id=f"zabbix {event.id}",
        name=names.get(event.trigger, ""),  # of a trigger that is gone nothing more is known
        started=event.started,
        ended=ended,
        acked=event.acked,
        acted=event.acted,
        severity=SEVERITIES[event.severity] if event.severity < len(SEVERITIES) else "",
    )


def _digest(alarm: Alarm) -> str:
    """What tells whether it has to be stated again."""
    return sha256(repr(alarm).encode()).hexdigest()[:16]


def _rule(trigger: Trigger) -> AlertRule:
    return AlertRule(name=trigger.name, live=trigger.enabled, fired=trigger.changed)


def _parse_state(cursor: bytes) -> _State | None:
    """From a cursor; None from anything else: then it is read from the beginning."""
    try:
        version, since_ms, upto_ms, known = json.loads(cursor)
        if version != VERSION:
            return None
        from_ms(since_ms), from_ms(upto_ms)
        seen = {int(id): (int(started), str(told)) for id, (started, told) in known.items()}
        return _State(since_ms=int(since_ms), upto_ms=int(upto_ms), known=seen)
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return None
