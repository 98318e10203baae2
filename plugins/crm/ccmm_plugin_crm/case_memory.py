"""Cases that are read anew each time, followed from look to look: what changed, was put off, opened again, or vanished.

Many systems keep no history that an account with reading rights may see. So what was seen is remembered: a due time
that moves back, a closing that is undone, a complaint that gets another name, a case that is gone show by comparison
with the look before. Pure.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from ccmm_agent.plugin import BadOption, Observation, Reason, SourceUnavailable, Window
from ccmm_plugin_crm.cases import Case, add_cases, case_of, digest_of, least_look_back
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms
from ccmm_tables.slots import Reach, Slots, Stated, group_in, state_slots

VERSION = 1
MOST_CASES = 30_000
MAX_CURSOR = 1_000_000  # bytes; the agent takes 1 MiB
MAX_UNPACKED = 32 << 20
_EDGES = timedelta(days=3)  # round days of the center, and of UTC
_SAME = timedelta(minutes=1)  # a closing that is written in other precision is the same one


class Known(NamedTuple):
    """What was seen of a case: seconds since the epoch, 0 for none."""

    digest: str
    opened_s: int
    first_due_s: int
    closed_s: int
    reopened: tuple[tuple[int, int], ...] = ()
    complaint: bool = False  # at any look until now


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A case as the system tells of it now, and when it was changed last."""

    case: Case
    changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a cursor holds. Cases stand under a digest of their number."""

    first_ms: int  # days before it were never stated
    stated_ms: int
    slots: Stated = field(default_factory=dict)
    cases: Mapping[str, Known] = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_memory`. Raises SourceUnavailable where it is too much to remember."""
        told = [VERSION, self.first_ms, self.stated_ms, dict(self.slots), dict(self.cases)]
        found = zlib.compress(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())
        if len(found) > MAX_CURSOR:
            raise SourceUnavailable(Reason.LIMITED, "too many cases to remember: a shorter `keep`")
        return found


def parse_memory(cursor: bytes) -> Memory | None:
    """None at first, and of a cursor that is not understood: then all is read and stated anew."""
    try:
        version, first_ms, stated_ms, slots, cases = json.loads(zlib.decompressobj().decompress(cursor, MAX_UNPACKED))
        if version != VERSION:
            return None
        for name in slots:
            group_in(name)
        return Memory(
            first_ms=int(first_ms),
            stated_ms=int(stated_ms),
            slots={str(name): (int(revision), str(digest)) for name, (revision, digest) in slots.items()},
            cases={str(key): _known(*entry) for key, entry in cases.items()},
        )
    except (zlib.error, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


@dataclass(slots=True, kw_only=True)
class Look:
    """What one look found: facts to state, what to remember, the time it vouches for, how many cases are gone."""

    found: list[Observation]
    memory: Memory
    covers: tuple[datetime, datetime]
    gone: int
    late: str  # what is not counted, "" for nothing


def look(
    window: Window,
    before: Memory | None,
    seen: Iterable[Seen],
    told: frozenset[str],
    *,
    keep: timedelta,
    settle: timedelta,
    look_back: timedelta,
) -> Look:
    """All cases opened from `since_of` on. Days of the last `look_back` whose figures changed are revised."""
    since = since_of(window, keep=keep, settle=settle, look_back=look_back)
    end_ms = floor_to(to_ms(window.now - settle), DAY_MS)
    low_ms = floor_to(end_ms - round(look_back.total_seconds() * 1000), DAY_MS)
    memory = before or Memory(first_ms=low_ms, stated_ms=low_ms)
    end_ms = max(end_ms, memory.stated_ms)
    slots, cases, known, found = Slots(window.zone), list[Case](), dict[str, Known](), list[Observation]()
    for one in seen:
        key = key_of(one.case)
        case, known[key] = follow(one, memory.cases.get(key))
        cases.append(case)
        if before is None or key not in before.cases or before.cases[key].digest != known[key].digest:
            found.append(case_of(case))
    late = add_cases(slots, cases, told, keep=keep)
    reach = Reach(low_ms=max(memory.first_ms, low_ms), stated_ms=memory.stated_ms, end_ms=end_ms)
    figures, stated = state_slots(slots, memory.slots, reach, told)
    kept_ms = reach.low_ms - DAY_MS
    gone = sum(one.opened_s >= since.timestamp() for key, one in memory.cases.items() if key not in known)
    return Look(
        found=[*found, *figures],
        memory=Memory(
            first_ms=memory.first_ms,
            stated_ms=end_ms,
            slots={name: entry for name, entry in stated.items() if group_in(name)[0] >= kept_ms},
            cases=known,
        ),
        covers=(from_ms(memory.stated_ms), from_ms(end_ms)),
        gone=gone,
        late=late,
    )


def since_of(window: Window, *, keep: timedelta, settle: timedelta, look_back: timedelta) -> datetime:
    """From when on cases are read: all that may count in the first day that is stated again, a day's edges included."""
    return window.now - settle - look_back - keep - _EDGES


def refuse_short(keep: timedelta, look_back: timedelta, told: frozenset[str]) -> None:
    """Raises BadOption for times within which what must count is not seen."""
    least = least_look_back(told)
    if look_back < least:
        raise BadOption("look_back", f"at least {least.days}d: a case may be opened again 14 days after its closing")
    if keep < look_back:
        raise BadOption("keep", "no less than look_back: what happens to a case later than that counts in no day")


def follow(seen: Seen, known: Known | None) -> tuple[Case, Known]:
    """The case with what its change since the look before tells, and what to remember of it."""
    case = seen.case
    reopened = () if known is None else known.reopened
    if known is not None and known.closed_s:
        closed = from_ms(known.closed_s * 1000)
        if case.closed is None or case.closed > closed + _SAME:
            again = min(seen.changed, case.closed or seen.changed)
            reopened = (*reopened, (known.closed_s, max(known.closed_s, int(again.timestamp()))))
    first_due_s = known.first_due_s if known is not None and known.first_due_s else _seconds(case.due)
    moves = case.due_moves
    if moves is None and first_due_s:
        moves = int(case.due is None or case.due > from_ms(first_due_s * 1000) + _SAME)
    times = tuple((from_ms(closed_s * 1000), from_ms(again_s * 1000)) for closed_s, again_s in reopened)
    complaint = case.is_complaint or (known is not None and known.complaint)
    renamed = complaint and case.class_ != "complaint"
    followed = replace(
        case,
        due_moves=moves,
        reopened=case.reopened or times,
        relabelled=True if renamed else case.relabelled,
    )
    digest = base64.b64encode(digest_of(followed)).decode()
    return followed, Known(digest, _seconds(case.opened), first_due_s, _seconds(case.closed), reopened, complaint)


def told_of(names: frozenset[str]) -> frozenset[str]:
    """The measures that a source with these attributes tells; of the others nothing is stated, not even zero."""
    needs = {
        "complaints": {"class"},
        "complaints_due": {"class", "due"},
        "complaints_on_time": {"class", "due", "closed"},
        "cases_due": {"due"},
        "cases_on_time": {"due", "closed"},
        "cases_due_moved": {"due"},
        "cases_closed": {"closed"},
        "cases_reopened": {"closed"},
        "issues": {"first_contact"},
        "issues_marked_resolved": {"first_contact"},
    }
    return frozenset(measure for measure, wanted in needs.items() if wanted <= names)


def key_of(case: Case) -> str:
    """What recognises a case, without telling its number."""
    return blake2b(case.key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _seconds(at: datetime | None) -> int:
    return 0 if at is None else int(at.timestamp())


def _known(
    digest: str, opened_s: int, first_due_s: int, closed_s: int, reopened: list[list[int]], complaint: bool = False
) -> Known:
    times = tuple((int(closed), int(again)) for closed, again in reopened)
    return Known(str(digest), int(opened_s), int(first_due_s), int(closed_s), times, bool(complaint))
