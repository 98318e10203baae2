"""The `snmp` source: temperature, humidity, power, noise and alerts out of a mapped table of an SNMP agent's objects.

One run is one look at all of them. Where one cannot be read the whole run says so; what a sensor tells while it is not
well, or what cannot be, is no reading, and the run's detail names it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

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
from ccmm_agent.secret_file import load_password, password_line
from ccmm_plugin_facilities.look_state import NOISE, AlertWords, parse_look_state
from ccmm_plugin_facilities.snmp_agent import AUTH, PRIVACY, Endpoint, ask
from ccmm_plugin_facilities.snmp_map import Map, Reading, is_raised, parse_map, reading_of
from ccmm_plugin_facilities.snmp_value import Oid, Value, format_oid
from ccmm_plugin_facilities.watch import longest_gap
from ccmm_proto.errors import Malformed
from ccmm_proto.period import to_ms

_WEAK = frozenset({"md5", "sha", "des"})
_SHORTEST = 8  # of a password of version 3: RFC 3414, 11.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Snmp(Source):
    """Readings and alerts of one agent."""

    plugin: ClassVar[str] = "snmp"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Sensors and alerts of one SNMP agent, read only: docs/plugins/snmp.md.
[[source]]
name = "climate"
plugin = "snmp"
every = "5m"
host = "192.0.2.20"
# port = 161
version = "3"                        # or "2c", which crosses the network in clear
user = "ccmm"                        # a user with rights to read only, with privacy (authPriv)
auth_password_file = "/etc/ccmm/snmp.auth"
privacy_password_file = "/etc/ccmm/snmp.privacy"
# auth = "sha256"                    # md5, sha, sha224, sha256, sha384, sha512
# privacy = "aes"                    # des, aes, aes192, aes256, aes192_cisco, aes256_cisco
# community_file = "/etc/ccmm/snmp.community"   # for version 2c, in place of the five above
# look_timeout = "8s"               # for all questions of one look
# longest_gap = "12m"                # time between looks that lie further apart is not watched

[[source.readings]]                  # the column of a table, with its rows by index
oid = "1.3.6.1.2.1.99.1.1.1.4"       # entPhySensorValue
quantity = "rack_temperature"
divisor = 10                         # how many of the agent's units are one of ours: °C, %, ppm, dB, min, h, s
rows = { "101" = "r1", "103" = "r2" }  # index = name in the scope answer `sensors`
status = "1.3.6.1.2.1.99.1.1.1.5"    # entPhySensorOperStatus, by the same index
ok = ["1"]                           # with any other status the value is no reading
# unit = "celsius"                   # or fahrenheit, kelvin
# signed = true                      # below zero comes as a number near 2^32
# none = ["-1"]                      # numbers of the agent that stand for "no value"
# least = -40                        # what is believed, in our unit
# most = 90

[[source.readings]]                  # one object
oid = "1.3.6.1.4.1.32473.1.7.0"      # as the maker's MIB says
quantity = "noise"
place = "hall_1"                     # also: sensor, resource, source, trunk, ups

[[source.alerts]]
name = "panel_fault"
oid = "1.3.6.1.4.1.32473.1.9.0"
raised = ["2"]                       # the alert stands while the agent tells one of these
system = "fire_panel"                # system, signal, class: words of the vocabulary
# signal = "temperature"
# class = "fault"
"""

    endpoint: Endpoint
    map: Map
    longest_gap_s: int = 720

    @property
    def feeds(self) -> tuple[str, ...]:
        quantities = {reading.dimensions["quantity"] for reading in self.map.readings}
        fed = {"reading": quantities - {NOISE}, "noise": quantities & {NOISE}, "alert": self.map.alerts}
        return tuple(word for word, by in fed.items() if by)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            endpoint=_endpoint(options),
            map=parse_map(options),
            longest_gap_s=longest_gap(options, 720, most_s=3600),
        )

    def manifest(self) -> Manifest:
        return Manifest(files=self.endpoint.secrets, endpoints=((self.endpoint.host, self.endpoint.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, now_ms = parse_look_state(window.cursor), to_ms(window.now)
        state.watch = state.watch.look(now_ms, gap_ms=self.longest_gap_s * 1000)
        values = self._values()
        passed_over: list[str] = []
        for reading in self.map.readings:
            value = self._understood(reading, values)
            if value is None:
                passed_over.append(reading.name)
            else:
                state.gather(reading.dimensions, value, now_ms)
        raised = self._raised(values)
        readings, covers = state.close()
        yield from readings
        yield from state.alarms(raised, now_ms)
        yield Done(covers, state.to_cursor(), detail=self._detail(passed_over, values))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from map(password_line, self.endpoint.secrets)
        where = f"{self.endpoint.host}:{self.endpoint.port}"
        values = self._values()
        yield CheckLine("ok", "agent", f"{where} answers")
        yield from self._how_safe()
        for reading in self.map.readings:
            yield self._line(reading, values)
        for alert in self.map.alerts:
            try:
                stands = "stands" if is_raised(alert, values) else "does not stand"
            except Malformed as error:
                yield CheckLine(
                    "failed", alert.words.name, str(self._missing(alert.words.name, alert.oid, values, error))
                )
            else:
                yield CheckLine("ok", alert.words.name, f"{stands} now")
        for oid in self.map.unmapped(values):
            yield CheckLine("warning", "rows", f"{format_oid(oid)} is a row that no line of rows names: it is not read")

    def _how_safe(self) -> Iterator[CheckLine]:
        if self.endpoint.user is None:
            yield CheckLine("warning", "version", "2c sends its community and all readings in clear: use version 3")
        elif weak := sorted({self.endpoint.auth, self.endpoint.privacy} & _WEAK):
            yield CheckLine(
                "warning", "version", f"3 with {' and '.join(weak)}, which is weak: sha256 and aes, if it can"
            )
        told = "whether it may also write is not tried, for trying is writing: make it a user that reads only"
        yield CheckLine("ok", "rights", told)

    def _line(self, reading: Reading, values: Mapping[Oid, Value]) -> CheckLine:
        try:
            value = reading_of(reading, values)
        except Malformed as error:
            return CheckLine("failed", reading.name, str(self._missing(reading.name, reading.oid, values, error)))
        if value is None:
            return CheckLine("warning", reading.name, "not well, or no value that can be: it is not stated")
        return CheckLine("ok", reading.name, f"{value:g}")

    def _values(self) -> dict[Oid, Value]:
        secrets = [load_password(path) for path in self.endpoint.secrets]
        if self.endpoint.user is not None and min(map(len, secrets)) < _SHORTEST:
            raise SourceUnavailable(Reason.UNREADABLE, f"a password of version 3 has at least {_SHORTEST} characters")
        found = ask(self.endpoint, secrets, self.map.objects(), self.map.columns)
        for oid in set().union(*self.map.columns.values()) - found.keys():
            found[oid] = Value("absent")
        return found

    def _understood(self, reading: Reading, values: Mapping[Oid, Value]) -> float | None:
        try:
            return reading_of(reading, values)
        except Malformed as error:
            raise self._missing(reading.name, reading.oid, values, error) from error

    def _raised(self, values: Mapping[Oid, Value]) -> dict[AlertWords, bool]:
        found = {}
        for alert in self.map.alerts:
            try:
                found[alert.words] = is_raised(alert, values)
            except Malformed as error:
                raise self._missing(alert.words.name, alert.oid, values, error) from error
        return found

    def _missing(self, name: str, oid: Oid, values: Mapping[Oid, Value], error: Malformed) -> SourceUnavailable:
        reason = Reason.NOT_FOUND if values[oid].kind in ("absent", "end") else Reason.UNREADABLE
        return SourceUnavailable(reason, f"{name}: {format_oid(oid)} is {error}: {_MEND}")

    def _detail(self, passed_over: list[str], values: Mapping[Oid, Value]) -> str:
        told = [f"not believed: {', '.join(passed_over)}"] if passed_over else []
        if rows := self.map.unmapped(values):
            told.append(f"rows that nobody named: {len(rows)}")
        return "; ".join(told)[:500]


_MEND = "is the number right, is the sensor there, and may this account see it (view)?"


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Snmp)


def _endpoint(options: Options) -> Endpoint:
    version = options.text("version")
    timeout_s = options.seconds("look_timeout", 8)
    if version not in ("2c", "3"):
        raise BadOption("version", "3 or 2c")
    host, port = options.text("host"), options.whole("port", 161, least=1, most=65535)
    if version == "2c":
        return Endpoint(host=host, port=port, secrets=(options.path("community_file"),), timeout_s=float(timeout_s))
    return Endpoint(
        host=host,
        port=port,
        user=options.text("user"),
        auth=_one_of(options, "auth", "sha256", AUTH),
        privacy=_one_of(options, "privacy", "aes", PRIVACY),
        secrets=(options.path("auth_password_file"), options.path("privacy_password_file")),
        timeout_s=float(timeout_s),
    )


def _one_of(options: Options, key: str, default: str, known: Mapping[str, object]) -> str:
    found = options.text(key, default)
    if found not in known:
        raise BadOption(key, f"one of {', '.join(known)}")
    return found
