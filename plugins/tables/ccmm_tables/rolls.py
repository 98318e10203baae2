"""Rolls by the hour: each is stated once, and again with the next revision when it changed or lost its rows. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from ccmm_agent import facts
from ccmm_agent.plugin import Observation
from ccmm_proto.period import HOUR_MS, floor_to, from_ms, to_ms
from ccmm_tables.counts import REASON
from ccmm_tables.slots import Reach, Stated


def state_rolls(
    kind: str, rows: Iterable[facts.Row], stated: Stated, reach: Reach
) -> tuple[list[Observation], dict[str, tuple[int, str]]]:
    """Oldest first the hours that are whole, and what is stated then. The reach begins with an hour."""
    hours: dict[int, list[facts.Row]] = defaultdict(list)
    for row in rows:
        hours[floor_to(to_ms(row[1]), HOUR_MS)].append(row)
    found: list[Observation] = []
    after = {name: entry for name, entry in stated.items() if hour_in(name) < reach.low_ms}
    for hour_ms in sorted({*hours, *map(hour_in, stated)}):
        if hour_ms < reach.low_ms or hour_ms + HOUR_MS > reach.end_ms:
            continue
        members = sorted(hours.get(hour_ms, []), key=lambda row: (row[0], row[1], repr(row[2])))
        digest = hashlib.sha256(repr(members).encode("utf-8", "surrogatepass")).hexdigest()[:12]
        name = f"{kind}/{hour_ms}"
        known = stated.get(name)
        if known is not None and known[1] == digest:
            after[name] = known
            continue
        revision = known[0] + 1 if known is not None else int(hour_ms + HOUR_MS <= reach.stated_ms)
        after[name] = revision, digest
        reason = REASON if revision else ""
        found.append(facts.roll(kind, from_ms(hour_ms), members, revision=revision, reason=reason))
    return found, after


def hour_in(name: str) -> int:
    """When the hour of a name begins, in ms."""
    return int(name.rpartition("/")[2])
