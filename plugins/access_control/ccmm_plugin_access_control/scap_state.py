"""What is remembered of scans: which files were read, which scans stated, and since when a weakness is open on a host.

A weakness is closed by a later scan that passes its rule, and by nothing else: a scan that no longer looks at it, or to
which it no longer applies, proves nothing.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import Observation, Reason, SourceUnavailable
from ccmm_plugin_access_control.scap_scan import Scan
from ccmm_proto.period import from_ms, to_ms

VERSION: Final = 1
MAX_CURSOR: Final = 900_000
REMEMBERED: Final = timedelta(days=400)


@dataclass(slots=True)
class Host:
    """One machine, as its last scan that said anything left it. Milliseconds since the epoch."""

    seen_ms: int = 0
    open: dict[str, int] = field(default_factory=dict)  # short digest of a rule's id -> since when


@dataclass(slots=True, kw_only=True)
class State:
    """The content of a cursor."""

    until_ms: int | None = None
    files: dict[str, list[int]] = field(default_factory=dict)  # name -> time of change (ns) and size
    stated: dict[str, int] = field(default_factory=dict)  # id of a scan -> its end
    hosts: dict[str, Host] = field(default_factory=dict)

    def take(self, scan: Scan, host: str, critical: frozenset[str], now: datetime) -> Iterator[Observation]:
        """One scan: stated once, and what it found."""
        id = f"{host} {_short(scan.profile)} {scan.ended:%Y-%m-%dT%H:%M:%SZ}"
        if id in self.stated or scan.ended < now - REMEMBERED:
            return
        self.stated[id] = to_ms(scan.ended)
        failed = scan.open_of(critical)
        passed = scan.is_full and not failed
        yield occurrence(
            "exercise",
            f"scan {id}",
            scan.started,
            scan.ended,
            class_="vulnerability_scan",
            ref=host,
            full=scan.is_full,
            passed=passed,
        )
        if scan.applied:
            self._weigh(self.hosts.setdefault(host, Host()), scan, failed)

    def devices(self, now: datetime, fresh: timedelta) -> Iterator[tuple[str, dict[str, object]]]:
        """Hosts that were scanned lately: one that the scan does not reach any more is not known to be mended."""
        for name, host in sorted(self.hosts.items()):
            seen = from_ms(host.seen_ms)
            if now - seen > fresh:
                continue
            told: dict[str, object] = {"class": "host", "seen": seen}
            if host.open:
                told["critical_since"] = from_ms(min(host.open.values()))
            yield name, told

    def to_cursor(self, now: datetime) -> bytes:
        """For `parse_state`; raises SourceUnavailable where it would be too large."""
        oldest_ms = to_ms(now - REMEMBERED)
        stated = {id: ended for id, ended in self.stated.items() if ended >= oldest_ms}
        hosts = {name: [host.seen_ms, host.open] for name, host in self.hosts.items() if host.seen_ms >= oldest_ms}
        held = [VERSION, self.until_ms, self.files, stated, hosts]
        cursor = json.dumps(held, separators=(",", ":")).encode()
        if len(cursor) > MAX_CURSOR:
            told = "more hosts, files or open weaknesses than one source remembers: spread them over several folders"
            raise SourceUnavailable(Reason.LIMITED, told)
        return cursor

    def _weigh(self, host: Host, scan: Scan, failed: list[str]) -> None:
        """What is open after this scan; one that came late only says that something was open already then."""
        at = to_ms(scan.ended)
        found = {_short(rule) for rule in failed}
        if at < host.seen_ms:
            host.open |= {rule: min(at, since) for rule, since in host.open.items() if rule in found}
            return
        host.seen_ms = at
        closed = {_short(rule) for rule in scan.passed}
        host.open = {rule: since for rule, since in host.open.items() if rule not in closed}
        for rule in found:
            host.open.setdefault(rule, at)


def parse_state(cursor: bytes) -> State:
    """From a cursor; from anything else a new one."""
    try:
        version, until_ms, files, stated, hosts = json.loads(cursor)
        if version != VERSION:
            return State()
        return State(
            until_ms=None if until_ms is None else to_ms(from_ms(until_ms)),
            files={str(name): [int(changed), int(size)] for name, (changed, size) in files.items()},
            stated={str(id): int(ended) for id, ended in stated.items()},
            hosts={
                str(name): Host(int(seen), {str(rule): int(since) for rule, since in found.items()})
                for name, (seen, found) in hosts.items()
            },
        )
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        return State()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
