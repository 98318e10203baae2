"""The `ups` source: what upsd of Network UPS Tools tells of each UPS: run time, charge, load, alerts, battery tests.

One run is one look at every UPS that the options name. Where one of them cannot be read the whole run says so.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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
from ccmm_plugin_facilities.nut import Endpoint, connected, variables_of
from ccmm_plugin_facilities.nut_protocol import is_name
from ccmm_plugin_facilities.ups_look import Look, look_of, parse_tested
from ccmm_plugin_facilities.ups_state import parse_state
from ccmm_plugin_facilities.watch import longest_gap
from ccmm_proto.errors import Malformed
from ccmm_proto.period import to_ms

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ups(Source):
    """Power supplies, as upsd sees them."""

    plugin: ClassVar[str] = "ups"
    value: ClassVar[int] = 60
    example: ClassVar[str] = """
# Power supplies by upsd of Network UPS Tools, read only: docs/plugins/ups.md.
[[source]]
name = "power"
plugin = "ups"
every = "5m"                         # a power cut between two looks is not seen
host = "127.0.0.1"
# port = 3493
# username = "ccmm"                  # only where upsd asks for it; on another host with start_tls
# password_file = "/etc/ccmm/upsd.password"
# start_tls = true
# ca_file = "/etc/ccmm/upsd-ca.pem"  # without it: the authorities that this machine trusts
# look_timeout = "20s"               # for all questions of one look
# longest_gap = "12m"                # time between looks that lie further apart is not watched
# battery_tests = true               # state battery tests as exercises: docs/plugins/ups.md says when
# test_date_format = "%m/%d/%y"      # of ups.test.date, where it is not year-month-day

[source.units]                       # name in ups.conf = name in the scope answer `ups`
smart1500 = "u1"
"""

    endpoint: Endpoint
    units: Mapping[str, str]
    password_file: Path | None = None
    longest_gap_s: int = 720
    battery_tests: bool = False
    test_date_format: str | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("reading", "alert", "exercise") if self.battery_tests else ("reading", "alert")

    @classmethod
    def from_options(cls, options: Options) -> Self:
        username, password_file = options.text("username", None), options.path("password_file", None)
        if (username is None) != (password_file is None):
            raise BadOption("username", "username and password_file, or none of them")
        endpoint = Endpoint(
            host=options.text("host"),
            port=options.whole("port", 3493, least=1, most=65535),
            start_tls=options.flag("start_tls", False),
            ca_file=options.path("ca_file", None),
            username=username,
            timeout_s=float(options.seconds("look_timeout", 20)),
        )
        if username is not None and not endpoint.start_tls and endpoint.host not in _LOOPBACK:
            raise BadOption("start_tls", "true: the password must not cross the network in clear")
        return cls(
            endpoint=endpoint,
            units=_units(options.table("units")),
            password_file=password_file,
            longest_gap_s=longest_gap(options, 720, most_s=3600),
            battery_tests=options.flag("battery_tests", False),
            test_date_format=options.text("test_date_format", None),
        )

    def manifest(self) -> Manifest:
        files = tuple(path for path in (self.password_file, self.endpoint.ca_file) if path is not None)
        return Manifest(files=files, endpoints=((self.endpoint.host, self.endpoint.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, now_ms = parse_state(window.cursor), to_ms(window.now)
        state.watch = state.watch.look(now_ms, gap_ms=self.longest_gap_s * 1000)
        unnamed, variables = self._asked()
        looks = self._looks(variables)
        state.gather(looks, now_ms)
        readings, covers = state.close()
        yield from readings
        yield from state.alarms(looks, now_ms)
        if self.battery_tests:
            yield from state.battery_tests(looks, now_ms, window.zone, self.test_date_format)
        undated = self._undated(looks, window) if self.battery_tests else 0
        absurd = [f"{ups} {variable}" for ups, look in sorted(looks.items()) for variable in look.absurd]
        told = [f"not believed: {', '.join(absurd)}"] if absurd else []
        told += [f"UPS that nobody named: {unnamed}"] if unnamed else []
        told += [f"battery tests without a date that is understood: {undated}"] if undated else []
        yield Done(covers, state.to_cursor(), detail="; ".join(told)[:500])

    def check(self, window: Window) -> Iterator[CheckLine]:
        if self.password_file is not None:
            yield password_line(self.password_file)
        with connected(self.endpoint, self._password()) as upsd:
            listed = upsd.list_of("UPS")
            where = f"{self.endpoint.host}:{self.endpoint.port}"
            yield CheckLine("ok", "upsd", f"{where} tells of {len(listed)} UPS")
            for name in sorted(listed.keys() - self.units.keys()):
                yield CheckLine("warning", name, "stands in ups.conf and not in [source.units]: it is not read")
            for name, unit in sorted(self.units.items()):
                try:
                    yield from self._lines(name, unit, upsd.list_of("VAR", name), window)
                except SourceUnavailable as error:
                    yield CheckLine("failed", name, error.detail)

    def _lines(self, name: str, unit: str, variables: Mapping[str, str], window: Window) -> Iterator[CheckLine]:
        try:
            look = look_of(variables)
        except Malformed as error:
            yield CheckLine("failed", name, f"{error}: look at its driver (upsdrvctl)")
            return
        told = ", ".join(f"{quantity} {value:.0f}" for quantity, value in sorted(look.values.items()))
        yield CheckLine("ok", name, f"is {unit}: {variables['ups.status'][:40]}, {told or 'no figures'}")
        if "ups_runtime" not in look.values:
            yield CheckLine(
                "warning", name, "tells no battery.runtime: hold run times of load tests in a table instead"
            )
        for variable in look.absurd:
            yield CheckLine("warning", name, f"{variable} is no believable value and is not stated")
        if not self.battery_tests:
            return
        if look.tested and parse_tested(look.tested, window.zone, self.test_date_format) is None:
            yield CheckLine("warning", name, "ups.test.date is not understood: set test_date_format")
        if not look.result and not look.tested:
            yield CheckLine("warning", name, "tells of no battery test: state them by a table of exercises")

    def _asked(self) -> tuple[int, dict[str, dict[str, str]]]:
        """How many UPS of upsd no option names, and the variables of the others."""
        with connected(self.endpoint, self._password()) as upsd:
            variables = variables_of(upsd, sorted(self.units))
            return len(upsd.list_of("UPS").keys() - self.units.keys()), variables

    def _undated(self, looks: Mapping[str, Look], window: Window) -> int:
        dates = [look.tested for look in looks.values() if look.result in ("passed", "failed") and look.tested]
        return sum(parse_tested(date, window.zone, self.test_date_format) is None for date in dates)

    def _looks(self, variables: Mapping[str, Mapping[str, str]]) -> dict[str, Look]:
        found: dict[str, Look] = {}
        for name, unit in self.units.items():
            try:
                found[unit] = look_of(variables[name])
            except Malformed as error:
                raise SourceUnavailable(Reason.UNREADABLE, f"{name}: {error}") from error
        return found

    def _password(self) -> str | None:
        return None if self.password_file is None else load_password(self.password_file)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Ups)


def _units(options: Options) -> dict[str, str]:
    units = {name: options.text(name) for name in options.keys()}  # noqa: SIM118 - no mapping
    for name in units:
        if not is_name(name):
            raise BadOption(f"units.{name[:100]}", "a name as it stands in ups.conf")
    if not units:
        raise BadOption("units", 'at least one line such as smart1500 = "u1"')
    if len(set(units.values())) < len(units):
        raise BadOption("units", "another name for each UPS")
    return units
