"""The source `genesys_cloud_users`: users with their roles as accounts, their presence as log-ins and pauses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
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
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.genesys.calls_source import person_of
from ccmm_plugin_telephony.genesys.cloud import Account, connected
from ccmm_plugin_telephony.genesys.directory import accounts_of, staff_of
from ccmm_plugin_telephony.genesys.presence import agent_time_of
from ccmm_plugin_telephony.queue_facts import AGENT_FEEDS, Reading, agent_facts
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS, floor_to, from_ms, to_ms

_STEP_MS: Final = DAY_MS  # what one batch takes
_MOST_HISTORY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Users(Source):
    """Who may do what, and who was logged in and on the queue."""

    plugin: ClassVar[str] = "genesys_cloud_users"
    value: ClassVar[int] = 60
    feeds: ClassVar[tuple[str, ...]] = ("account", *AGENT_FEEDS)
    example: ClassVar[str] = """\
# Users of Genesys Cloud, their roles and presence, read only: docs/plugins/genesys_cloud.md for the role to create.
[[source]]
name = "users"
plugin = "genesys_cloud_users"
every = "1h"
region = "mypurecloud.de"            # the domain of the region: login.REGION and api.REGION are asked
client_id = "00000000-0000-0000-0000-000000000000"   # an OAuth client with the grant Client Credentials
secret_file = "/etc/ccmm/genesys.secret"   # its secret: one line, readable by the agent only
person = "employee_id"               # who a user is: employee_id, username or email, as HR names people
privileged_roles = ["Master Admin", "Admin"]   # by their names
history = "7d"                       # how much presence is read at first; at most 30d
settle = "30m"                       # presence is stated this long afterwards
# call_timeout = "30s"               # for one answer
# ca_file = "/etc/ccmm/proxy-ca.pem" # only behind a proxy that signs certificates itself
# proxy = "http://proxy.example:3128" # asked through it, by CONNECT
# proxy_user = "ccmm"                # only where the proxy asks for a log-in
# proxy_password_file = "/etc/ccmm/proxy.password"
"""

    account: Account
    person: str = "employee_id"
    privileged_roles: tuple[str, ...] = ("Master Admin", "Admin")
    history: timedelta = timedelta(days=7)
    settle: timedelta = timedelta(minutes=30)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        history = timedelta(seconds=options.seconds("history", 7 * 86_400))
        if history > _MOST_HISTORY:
            raise BadOption("history", "at most 30d")
        return cls(
            account=Account.from_options(options),
            person=person_of(options),
            privileged_roles=options.texts("privileged_roles", ("Master Admin", "Admin")),
            history=history,
            settle=timedelta(seconds=options.seconds("settle", 1800)),
        )

    def manifest(self) -> Manifest:
        return self.account.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        cursor = parse_cursor(window.cursor)
        live_ms = floor_to(to_ms(window.now - self.settle), QUARTER_MS)
        stated_ms = cursor.stated_ms if cursor else floor_to(live_ms - int(self.history.total_seconds()) * 1000, DAY_MS)
        known_ms = cursor.from_ms if cursor else stated_ms
        horizon_ms = min(live_ms, stated_ms + _STEP_MS)
        with connected(self.account) as cloud:
            users = cloud.users()
            if not users:
                raise SourceUnavailable(Reason.REFUSED, "no user is visible: is the role for no division?")
            yield facts.inventory("account", window.now, accounts_of(users, self.person, self.privileged_roles))
            if horizon_ms <= stated_ms:
                fresh = LogCursor(stated_ms=stated_ms, from_ms=stated_ms, position=None).to_bytes()
                yield Done(None, window.cursor or fresh)
                return
            begin_ms = min(known_ms, floor_to(stated_ms, DAY_MS))
            presences = cloud.presences(begin_ms - DAY_MS, horizon_ms)  # records that began the day before count on
            agents = agent_time_of(presences, staff_of(users, self.person), begin_ms, horizon_ms)
        stated = Stated(cursor.slots if cursor else {})
        reading = Reading(from_ms=known_ms, stated_ms=stated_ms, horizon_ms=horizon_ms, required=None, told=frozenset())
        yield from agent_facts(agents, reading, stated)
        next_ms = floor_to(horizon_ms, HOUR_MS)
        kept = LogCursor(stated_ms=horizon_ms, from_ms=next_ms, position=None, slots=stated.kept(next_ms))
        yield Done((from_ms(stated_ms), from_ms(horizon_ms)), kept.to_bytes(), more=horizon_ms < live_ms)

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.account.secret_file)
        yield from place_lines(self.account.login, self.account.api)
        with connected(self.account) as cloud:
            yield CheckLine("ok", self.account.api.where, "a token was given")
            users = cloud.users()
            yield CheckLine("ok" if users else "failed", "users", f"{len(users)} visible")
            named = staff_of(users, self.person)
            without = sum(id == person for id, person in named.items())
            told = f"{without} of {len(named)} have no {self.person}: they join with nobody in HR"
            yield (
                CheckLine("warning", "person", told)
                if without
                else CheckLine("ok", "person", f"all have {self.person}")
            )
            now_ms = to_ms(window.now)
            seen = cloud.presences(now_ms - HOUR_MS, now_ms)
            yield CheckLine("ok" if seen else "warning", "presence", f"of {len(seen)} users in the last hour")
