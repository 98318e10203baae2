"""The source `amazon_connect_users`: users with their security profiles, and how long agents were online each day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Self

from ccmm_agent import facts
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
from ccmm_agent.secret_file import password_line
from ccmm_agent.web import place_lines
from ccmm_plugin_telephony.connect.api import Account, connected
from ccmm_plugin_telephony.connect.contact_record import text_of
from ccmm_plugin_telephony.connect.people import accounts_of, names_of, staff_of
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms

_ONLINE: Final = "SUM_ONLINE_TIME_AGENT"
_AWAY: Final = "SUM_NON_PRODUCTIVE_TIME_AGENT"
_MOST_HISTORY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Users(Source):
    """Who may do what, and how long each agent was logged in."""

    plugin: ClassVar[str] = "amazon_connect_users"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("account", "login_time", "pause_time")
    example: ClassVar[str] = """\
# Users of Amazon Connect and their time online, read only: docs/plugins/amazon_connect.md for the policy.
[[source]]
name = "users"
plugin = "amazon_connect_users"
every = "6h"
region = "eu-central-1"
account_id = "123456789012"
instance_id = "00000000-0000-0000-0000-000000000000"
access_key_id = "AKIAEXAMPLEEXAMPLE00"
secret_file = "/etc/ccmm/connect.secret"   # the secret access key: one line, readable by the agent only
person_tag = "employee_id"           # the user's tag that holds the staff id; without it the user name counts
privileged_profiles = ["Admin"]      # names of security profiles
history = "7d"                       # how many days are read at first; at most 30d
settle = "2h"                        # a UTC day is stated this long after it ended
searches_per_minute = 30             # the account's quota of searches: 30 unless AWS raised it
# call_timeout = "30s"               # for one answer
# endpoint_url = "https://vpce-....connect.eu-central-1.vpce.amazonaws.com"   # only for a private endpoint
# ca_file = "/etc/ccmm/proxy-ca.pem" # only behind a proxy that signs certificates itself
# proxy = "http://proxy.example:3128" # asked through it, by CONNECT
# proxy_user = "ccmm"                # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
"""

    account: Account
    person_tag: str | None = None
    privileged_profiles: tuple[str, ...] = ("Admin",)
    history: timedelta = timedelta(days=7)
    settle: timedelta = timedelta(hours=2)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        history = timedelta(seconds=options.seconds("history", 7 * 86_400))
        if history > _MOST_HISTORY:
            raise BadOption("history", "at most 30d")
        return cls(
            account=Account.from_options(options),
            person_tag=options.text("person_tag", None),
            privileged_profiles=options.texts("privileged_profiles", ("Admin",)),
            history=history,
            settle=timedelta(seconds=options.seconds("settle", 7200)),
        )

    def manifest(self) -> Manifest:
        return self.account.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        live_ms = floor_to(to_ms(window.now - self.settle), DAY_MS)
        first_ms = floor_to(live_ms - int(self.history.total_seconds()) * 1000, DAY_MS)
        day_ms = cursor.stated_ms if cursor else first_ms
        with connected(self.account) as api:
            users = api.users()
            if not users:
                raise SourceUnavailable(Reason.NOT_FOUND, "no user is visible: is it the right instance?")
            profiles = names_of(api.profiles())
            listed = accounts_of(users, self.person_tag, profiles, self.privileged_profiles)
            yield facts.inventory("account", window.now, listed)
            if live_ms <= day_ms:
                fresh = LogCursor(stated_ms=day_ms, from_ms=day_ms, position=None).to_bytes()
                yield Done(None, window.cursor or fresh)
                return
            begin, end = from_ms(day_ms), from_ms(day_ms + DAY_MS)
            ids = sorted(text_of(user, "Id") for user in users)
            sums = api.metrics(begin, end, [_ONLINE, _AWAY], "AGENT", ids, voice=False)
        yield from _days(sums, staff_of(users, self.person_tag), begin)
        kept = LogCursor(stated_ms=day_ms + DAY_MS, from_ms=day_ms + DAY_MS, position=None)
        yield Done((begin, end), kept.to_bytes(), more=day_ms + DAY_MS < live_ms)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.account.secret_file)
        yield from place_lines(self.account.place)
        with connected(self.account) as api:
            users = api.users()
            yield CheckLine("ok", self.account.where, "the access key is accepted")
            yield CheckLine("ok" if users else "failed", "users", f"{len(users)} visible")
            if self.person_tag is not None:
                without = sum(not account[1]["person"] for account in accounts_of(users, self.person_tag, {}, ()))
                told = f"{without} of {len(users)} have no tag {self.person_tag}: they join with nobody in HR"
                yield CheckLine("warning" if without else "ok", "person_tag", told)
            yield CheckLine("ok", "security profiles", f"{len(api.profiles())} visible")


def _days(sums: Mapping[str, Mapping[str, float]], staff: Mapping[str, str], day: datetime) -> Iterator[Observation]:
    """Agents who were not online that day have no line: absent within the covered time is none."""
    total: dict[str, tuple[float, float]] = {}
    for id, of in sums.items():
        online_s, away_s = total.get(staff.get(id, id), (0.0, 0.0))
        total[staff.get(id, id)] = (online_s + of.get(_ONLINE, 0.0), away_s + of.get(_AWAY, 0.0))
    for agent, (online_s, away_s) in sorted(total.items()):
        if online_s > 0:
            yield facts.seconds("login_time", day, online_s, 1, agent=agent)
        if away_s > 0:
            yield facts.seconds("pause_time", day, away_s, 1, agent=agent, reason="non_productive")
