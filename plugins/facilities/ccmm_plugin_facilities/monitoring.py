"""The `monitoring_prometheus` source: alerts of Alertmanager, rules of Prometheus; beside it `monitoring_zabbix`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
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
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Auth, Place, Web, basic, bearer, manifest_of, place_lines, place_of
from ccmm_plugin_facilities.monitoring_ask import alert_rules, alertmanager_up_since, firing, understood
from ccmm_plugin_facilities.monitoring_state import parse_state
from ccmm_plugin_facilities.monitoring_words import AlertRule, Words
from ccmm_plugin_facilities.watch import longest_gap
from ccmm_plugin_facilities.zabbix import Zabbix
from ccmm_proto.period import from_ms, to_ms

_YOUNG: Final = timedelta(minutes=5)  # after its start Alertmanager waits for what Prometheus sends again
_SENT: Final = timedelta(minutes=5)  # by then an alert of Prometheus stands in Alertmanager
_ALERTS_S: Final = 40.0  # of the 90 s of a run, for each of the two


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus(Source):
    """What fires, and what could."""

    plugin: ClassVar[str] = "monitoring_prometheus"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("alert", "alert_rule")
    example: ClassVar[str] = """
# Alerts of Alertmanager and rules of Prometheus, read only: docs/plugins/monitoring.md.
[[source]]
name = "monitoring"
plugin = "monitoring_prometheus"
every = "1m"                              # an alert between two looks is not seen
alertmanager = "http://127.0.0.1:9093"    # https://, but on this machine
prometheus = "http://127.0.0.1:9090"
# token_file = "/etc/ccmm/monitoring.token"         # Authorization: Bearer, for a proxy before them; chmod 600
# username = "ccmm"                       # or a name and a password
# password_file = "/etc/ccmm/monitoring.password"
# ca_file = "/etc/ccmm/monitoring-ca.pem" # without it: the authorities that this machine trusts
# tls_name = "monitoring.internal"        # the name in the certificate, where it is not that of the address
# plain = false                           # true: http to another host, in clear
# call_timeout = "30s"                    # for one answer
# longest_gap = "5m"                      # time between looks that lie further apart is not watched
# ack_by_silence = false                  # true: a silence set while it fires says that somebody has seen it
# severity_label = "severity"
# service_label = "service"
# ignore = ["Watchdog", "InfoInhibitor"]  # alerts that are none

[source.colours]                          # severity = blue, yellow, orange or red
# critical = "red"
# warning = "yellow"

[[source.alert]]                          # what an alert is called here; those without a table are stated too
name = "QueueTooLong"                     # alertname
signal = "queue"
# system = "acd"
# class = "silence"
# service = "hotline"
"""

    alertmanager: Place
    prometheus: Place
    token_file: Path | None
    username: str | None
    password_file: Path | None
    words: Words
    longest_gap_s: int
    ack_by_silence: bool
    severity_label: str
    service_label: str

    @classmethod
    def from_options(cls, options: Options) -> Self:
        username, password_file = options.text("username", None), options.path("password_file", None)
        token_file = options.path("token_file", None)
        if (username is None) != (password_file is None) or (username is not None and token_file is not None):
            raise BadOption("username", "username and password_file, or token_file, or none of them")
        return cls(
            alertmanager=place_of(options, key="alertmanager"),
            prometheus=place_of(options, key="prometheus"),
            token_file=token_file,
            username=username,
            password_file=password_file,
            words=Words.from_options(options),
            longest_gap_s=longest_gap(options, 300, most_s=3600),
            ack_by_silence=options.flag("ack_by_silence", False),
            severity_label=options.text("severity_label", "severity"),
            service_label=options.text("service_label", "service"),
        )

    def manifest(self) -> Manifest:
        secrets = tuple(path for path in (self.token_file, self.password_file) if path is not None)
        return manifest_of(self.alertmanager, self.prometheus, files=secrets)

    def read(self, window: Window) -> Iterator[Observation | Done]:
        state, now_ms = parse_state(window.cursor), to_ms(window.now.replace(microsecond=0))
        state.watch = state.watch.look(now_ms, gap_ms=self.longest_gap_s * 1000)
        auth = self._auth()
        with understood(self.prometheus, "Prometheus"), Web(self.prometheus, auth, budget_s=_ALERTS_S) as web:
            rules, untried = alert_rules(web)
        with understood(self.alertmanager, "Alertmanager"), Web(self.alertmanager, auth, budget_s=_ALERTS_S) as web:
            _, up_since = alertmanager_up_since(web)
            shown = firing(
                web,
                service_label=self.service_label,
                severity_label=self.severity_label,
                silences=self.ack_by_silence,
            )
        alarms = [one for one in shown if one.name not in self.words.ignored]
        is_whole = window.now - up_since >= _YOUNG
        unseen = self._unseen(rules, {one.name for one in shown}, window) if is_whole else 0
        for alarm in state.alarms(alarms, window.now.replace(microsecond=0), is_whole=is_whole):
            yield self.words.alert(alarm)
        yield inventory("alert_rule", window.now, self.words.rules(state.rules(rules, untried)))
        before_ms = state.watch.before_ms
        covers = None if before_ms is None else (from_ms(before_ms), from_ms(now_ms))
        told = [] if is_whole else ["Alertmanager has just started: nothing ended"]
        told += [f"alerts left out by `ignore`: {len(shown) - len(alarms)}"] if len(shown) > len(alarms) else []
        told += [f"rules that fire and that Alertmanager does not show: {unseen}"] if unseen else []
        yield Done(covers, state.to_cursor(), detail="; ".join(told))

    def check(self, window: Window) -> Iterator[CheckLine]:
        for place in (self.alertmanager, self.prometheus):
            yield from place_lines(place)
        for path in (self.token_file, self.password_file):
            if path is not None:
                yield password_line(path)
        auth = self._auth()
        with understood(self.alertmanager, "Alertmanager"), Web(self.alertmanager, auth) as web:
            version, _ = alertmanager_up_since(web)
            shown = firing(web, service_label="", severity_label=self.severity_label, silences=self.ack_by_silence)
        yield CheckLine("ok", "Alertmanager", f"{self.alertmanager.where} is {version}; {len(shown)} alerts are firing")
        with understood(self.prometheus, "Prometheus"), Web(self.prometheus, auth) as web:
            rules, _ = alert_rules(web)
        yield _rules_line(self.prometheus, len(rules))
        names = {rule.name for rule in rules}
        for name in sorted({*self.words.named, *self.words.ignored} - names):
            yield CheckLine("warning", name, "stands in the options, and Prometheus has no rule of this name")
        if sick := sorted({rule.name for rule in rules if not rule.live}):
            yield CheckLine("warning", "rules", f"{len(sick)} do not work, such as {sick[0][:100]}")
        if auth is None:
            told = "Alertmanager asks for no log-in: whoever reaches it may silence alerts; let a proxy pass GET only"
            yield CheckLine("warning", "too many rights", told)

    def _unseen(self, rules: list[AlertRule], shown: set[str], window: Window) -> int:
        """How many rules fire for a while without an alert. Where that is all of them it is another Alertmanager."""
        old = [one for one in rules if one.fired is not None and window.now - one.fired >= _SENT]
        firing_names = {one.name for one in old} - self.words.ignored
        unseen = firing_names - shown
        if unseen and unseen == firing_names:
            told = f"{len(unseen)} rules of Prometheus fire, and {self.alertmanager.where} shows none of them"
            raise SourceUnavailable(Reason.UNREADABLE, f"{told}: is it where Prometheus sends its alerts (alerting)?")
        return len(unseen)

    def _auth(self) -> Auth | None:
        if self.token_file is not None:
            return bearer(load_password(self.token_file))
        if self.username is not None and self.password_file is not None:
            return basic(self.username, load_password(self.password_file))
        return None


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Prometheus)
    register(Zabbix)


def _rules_line(place: Place, number: int) -> CheckLine:
    if number:
        return CheckLine("ok", "Prometheus", f"{place.where} has {number} rules for alerts")
    return CheckLine("warning", "Prometheus", f"{place.where} has no rule for alerts at all")
