"""The source `asterisk_ami`: settings by the manager interface, refusals from the security log."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent import facts
from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Reason, Source, SourceUnavailable, Window
from ccmm_plugin_telephony.asterisk.ami import ActionRefused, Endpoint, Manager, connected
from ccmm_plugin_telephony.asterisk.ami_facts import excess_of, settings_of
from ccmm_plugin_telephony.asterisk.ami_protocol import Message, parse_commands
from ccmm_plugin_telephony.asterisk.refusals import Refusals, read_refusals
from ccmm_plugin_telephony.asterisk.security_log import time_of_security_line
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.instant import parse_instant
from ccmm_plugin_telephony.log_files import log_files
from ccmm_proto.period import from_ms, to_ms

_MOST_SECRET = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerInterface(Source):
    """Version and queue settings, and who was refused."""

    plugin: ClassVar[str] = "asterisk_ami"
    value: ClassVar[int] = 40
    example: ClassVar[str] = """\
# The manager interface of Asterisk, read only: see docs/plugins/asterisk.md for the account to create.
[[source]]
name = "pbx_manager"
plugin = "asterisk_ami"
every = "15m"
host = "127.0.0.1"
port = 5038
username = "ccmm"
secret_file = "/etc/ccmm/asterisk.secret"   # one line, readable by the agent only
tls = false                          # on another host: true, with port 5039
# ca_file = "/etc/ccmm/asterisk-ca.pem"
connect_timeout = "20s"
# security_log = "/var/log/asterisk/security.log"   # refused log-ins (logger.conf: security.log => security)
# resume_after = "2026-11-22T10:00:00Z"   # only after the security log was rewritten: go on from here
"""

    endpoint: Endpoint
    username: str
    secret_file: Path
    security_log: Path | None = None
    resume_after: datetime | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("setting", "refusal") if self.security_log else ("setting",)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        tls = options.flag("tls", False)
        return cls(
            endpoint=Endpoint(
                host=options.text("host", "127.0.0.1"),
                port=options.whole("port", 5039 if tls else 5038, least=1, most=65535),
                tls=tls,
                ca_file=options.path("ca_file", None),
                timeout_s=options.seconds("connect_timeout", 20),
            ),
            username=options.text("username"),
            secret_file=options.path("secret_file"),
            security_log=options.path("security_log", None),
            resume_after=parse_instant("resume_after", options.text("resume_after", None)),
        )

    def manifest(self) -> Manifest:
        files = [self.secret_file, *([self.endpoint.ca_file] if self.endpoint.ca_file else [])]
        folders = (self.security_log.parent,) if self.security_log else ()
        return Manifest(files=tuple(files), folders=folders, endpoints=((self.endpoint.host, self.endpoint.port),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with connected(self.endpoint, self.username, self._secret()) as manager:
            version = _version(manager)
            status = _queue_status(manager)
        cursor = parse_cursor(window.cursor)
        now_ms = to_ms(window.now)
        security: Refusals | None = None
        if self.security_log:
            security = read_refusals(self.security_log, cursor, self.resume_after, now_ms)
        yield facts.inventory("setting", window.now, settings_of(version, status))
        for refusal in security.refusals if security else ():
            account = refusal.account or None
            yield facts.occurrence(
                "refusal", refusal.id, refusal.at, refusal.at, system="acd", account=account, reason=refusal.reason
            )
        yield _done(cursor, security, now_ms)

    def check(self, window: Window) -> Iterator[CheckLine]:
        secret = self._secret()
        if self.secret_file.stat().st_mode & 0o077:
            yield CheckLine("warning", str(self.secret_file), "others can read the secret: chmod 600")
        with connected(self.endpoint, self.username, secret) as manager:
            yield CheckLine("ok", f"{self.endpoint.host}:{self.endpoint.port}", "logged in")
            yield from _check_rights(manager)
            queues = sum(event.get("Event") == "QueueParams" for event in _queue_status(manager))
            yield CheckLine("ok" if queues else "warning", "queues", f"{queues} visible")
        if not self.endpoint.tls and self.endpoint.host not in ("127.0.0.1", "::1", "localhost"):
            yield CheckLine("warning", "tls", "the secret crosses the network in clear: set tls = true")
        if self.security_log:
            files = log_files(self.security_log, time_of_security_line)
            yield CheckLine("ok", str(self.security_log), f"readable, with {len(files) - 1} rotated file(s)")

    def _secret(self) -> str:
        try:
            secret = self.secret_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"no secret file at {self.secret_file}") from error
        except (PermissionError, UnicodeDecodeError) as error:
            raise SourceUnavailable(Reason.REFUSED, f"cannot read the secret file {self.secret_file}") from error
        if not secret or len(secret) > _MOST_SECRET or not secret.isprintable():
            raise SourceUnavailable(Reason.BAD_OPTION, "the secret file holds no one-line secret")
        return secret


def _done(cursor: LogCursor | None, security: Refusals | None, now_ms: int) -> Done:
    """Vouched for is the time since the run before; of the first run only its own instant."""
    before_ms = security.since_ms if security else cursor.stated_ms if cursor else None
    until_ms = security.until_ms if security else now_ms
    since_ms = min(before_ms if before_ms is not None else until_ms - 1000, until_ms)
    kept = LogCursor(
        stated_ms=until_ms,
        from_ms=until_ms,
        position=security.position if security else None,
        position_s=security.newest_s if security else 0,
    )
    detail = f"{security.broken} lines of the security log set apart" if security and security.broken else ""
    more = bool(security and security.more)
    return Done((from_ms(since_ms), from_ms(until_ms)), kept.to_bytes(), more=more, detail=detail)


def _version(manager: Manager) -> str | None:
    try:
        return manager.ask("CoreSettings").get("AsteriskVersion") or None
    except ActionRefused:  # an account without the class `reporting`
        return None


def _queue_status(manager: Manager) -> list[Message]:
    try:
        return manager.ask_list("QueueStatus")
    except ActionRefused as error:
        raise SourceUnavailable(Reason.REFUSED, "the manager interface does not show its queues") from error


def _check_rights(manager: Manager) -> Iterator[CheckLine]:
    try:
        excess = excess_of(parse_commands(manager.ask("ListCommands")))
    except ActionRefused:
        yield CheckLine("warning", "rights", "the account's rights cannot be listed")
        return
    if excess.passwords:
        told = ", ".join(excess.passwords)
        yield CheckLine("warning", "passwords", f"the account could read passwords in clear: {told}")
    if excess.by_rights:
        told = ", ".join(excess.by_rights[:12])
        yield CheckLine("warning", "rights", f"the account could do more than read: {told}; leave its write= empty")
    if excess.without_rights:
        told = ", ".join(excess.without_rights)
        line = f"even an account without rights can end calls or change queues ({told}): permit this host only"
        yield CheckLine("warning", "actions without rights", line)
    if _version(manager) is None:
        yield CheckLine("ok", "version", "not shown to this account; the queue facts do not need it")
