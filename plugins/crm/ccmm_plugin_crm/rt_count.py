"""What tickets add to the figures of each day, and the cursor that remembers it; pure.

Of each ticket that changed its share before and after is compared: so a day is stated once when it is over, and again,
by revision, where a ticket changes what was said of it (opened again, due time moved, another queue).

A day is the center's civil day, in the slot of the UTC day that starts within it, as of every source of cases.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from ccmm_agent.facts import count
from ccmm_agent.plugin import Observation
from ccmm_plugin_crm.cases import measures_of
from ccmm_plugin_crm.rt_case import Ticket, Words, case_at, counts
from ccmm_proto.period import DAY_MS, floor_to, from_ms, to_ms
from ccmm_tables.amounts import DAY_S, slot_start

VERSION: Final = 2
_OF_UTC_DAYS: Final = 1  # the version whose cursors name no zone
KEPT_MS: Final = 60 * DAY_MS  # days that can still change
SETTLE_MS: Final = 15 * 60 * 1000  # after the end of a day
MEASURES: Final = (
    *("cases_closed", "cases_reopened", "cases_due", "cases_on_time", "cases_due_moved"),
    *("complaints", "complaints_due", "complaints_on_time", "issues"),
)
MARKED: Final = "issues_marked_resolved"
Cell = tuple[int, str, str, str]  # day, queue, class (empty: none), measure
Queues = Sequence[tuple[str, str]]  # name and class: stated of each day, be it 0


@dataclass(slots=True)
class State:
    """All that a cursor holds. `zone`: whose civil days are counted."""

    zone: ZoneInfo
    last: int = 0  # the last transaction that was taken
    first: int = 0  # the last one before those that are read at all
    since_ms: int = 0  # from here on nothing is missing
    upto_ms: int = 0  # until here all was read
    cells: Counter[Cell] = field(default_factory=Counter)
    stated: dict[int, int] = field(default_factory=dict)  # day -> its revision
    changed: set[int] = field(default_factory=set)  # days stated before, and changed since

    def add(self, ticket: Ticket, words: Words, before: int, after: int) -> None:
        """What transactions after `before` until `after` change in the figures."""
        ids = [change.id for change in ticket.changes if counts(change, ticket.field_ids)]
        known = any(self.first < id <= before for id in ids)  # else it was not read yet, and nothing of it is counted
        delta = Counter(share(ticket, words, after, self.zone))
        delta.subtract(share(ticket, words, before, self.zone) if known else ())
        for cell, n in delta.items():
            if n and cell[0] >= self.first_day:
                self.cells[cell] += n
                if cell[0] in self.stated:
                    self.changed.add(cell[0])

    def days_over(self, upto_ms: int, now_ms: int, queues: Queues, measures: Sequence[str]) -> Iterator[Observation]:
        """Days that are over: all of them once, and those that changed."""
        # The slot is over, and so is the civil day: where an hour comes twice it may last longer than its slot.
        end = min(upto_ms - SETTLE_MS - DAY_MS + 1, _day_of(upto_ms - SETTLE_MS, self.zone))
        for day in range(max(self.first_day, floor_to(now_ms - KEPT_MS, DAY_MS)), end, DAY_MS):
            if day in self.stated and day not in self.changed:
                continue
            revision = self.stated.get(day, -1) + 1
            yield from self._day(day, revision, queues, measures)
            self.stated[day] = revision
        self.changed.clear()
        self._forget(now_ms)

    @property
    def first_day(self) -> int:
        """The first of which nothing is missing."""
        return _day_of(self.since_ms - 1, self.zone) + DAY_MS

    def vouched_ms(self, upto_ms: int) -> int:
        """Until when all is told of what was read until then: a day that is over but not settled yet ends later."""
        unstated = max(self.stated) + DAY_MS if self.stated else self.first_day
        return min(upto_ms, unstated + DAY_MS - 1000)

    def _day(self, day: int, revision: int, queues: Queues, measures: Sequence[str]) -> Iterator[Observation]:
        rows = {(cell[1], cell[2]) for cell in self.cells if cell[0] == day} | {*queues}
        for queue, klass in sorted(rows):
            for measure in measures:
                self.cells[(day, queue, klass, measure)] += 0
                yield count(
                    measure,
                    from_ms(day),
                    max(0, self.cells[(day, queue, klass, measure)]),
                    revision=revision,
                    reason="tickets of this day changed" if revision else "",
                    queue=queue,
                    class_=klass or None,
                )

    def _forget(self, now_ms: int) -> None:
        oldest = floor_to(now_ms - KEPT_MS, DAY_MS)
        self.cells = Counter({cell: n for cell, n in self.cells.items() if cell[0] >= oldest})
        self.stated = {day: revision for day, revision in self.stated.items() if day >= oldest}

    def to_cursor(self) -> bytes:
        """For `parse_state`."""
        rows = sorted({cell[:3] for cell in self.cells})  # those of zeros too: what was stated is stated again
        cells = [[*row, [self.cells[(*row, measure)] for measure in (*MEASURES, MARKED)]] for row in rows]
        held = [self.last, self.first, self.since_ms, self.upto_ms, cells, self.stated, sorted(self.changed)]
        return json.dumps([VERSION, *held, self.zone.key], separators=(",", ":"), ensure_ascii=False).encode()


def share(ticket: Ticket, words: Words, upto: int, zone: ZoneInfo) -> Iterator[Cell]:
    """What a ticket, as it was after transaction `upto`, adds to the figures."""
    if not any(change.id <= upto for change in ticket.changes) or not ticket.was_in(words.queues, upto):
        return
    case = case_at(ticket, words, upto)
    for measure, at in measures_of(case):
        yield _day_of(to_ms(at), zone), case.queue or "", case.counted_as or "", measure


def _day_of(ms: int, zone: ZoneInfo) -> int:
    return slot_start(from_ms(ms), DAY_S, zone)


def parse_state(cursor: bytes, zone: ZoneInfo) -> State | None:
    """From a cursor; None from anything else, and where days of another zone were counted: then all is read anew."""
    parsed = _parsed(cursor, zone)
    return parsed[1] if parsed is not None and parsed[0] == zone.key else None


def state_anew(cursor: bytes, zone: ZoneInfo, *, first: int, since_ms: int) -> State:
    """To read all after transaction `first` anew. Days that were stated before are stated again, by revision."""
    parsed = _parsed(cursor, zone)
    state = State(zone=zone, last=first, first=first, since_ms=since_ms)
    if parsed is not None:
        state.stated, state.changed = parsed[1].stated, {*parsed[1].stated}
        state.cells = Counter(dict.fromkeys(parsed[1].cells, 0))  # of which some may be nothing now
    return state


def _parsed(cursor: bytes, zone: ZoneInfo) -> tuple[str, State] | None:
    """The name of the zone whose days were counted, and all that was held."""
    try:
        version, last, first, since_ms, upto_ms, cells, stated, changed, *named = json.loads(cursor)
        if version not in (VERSION, _OF_UTC_DAYS):
            return None
        return str(named[0]) if version == VERSION else "UTC", State(
            zone=zone,
            last=int(last),
            first=int(first),
            since_ms=int(since_ms),
            upto_ms=int(upto_ms),
            cells=_cells(cells),
            stated={int(day): int(revision) for day, revision in stated.items()},
            changed={int(day) for day in changed},
        )
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError):
        return None


def _cells(rows: list[list[Any]]) -> Counter[Cell]:
    found: Counter[Cell] = Counter()
    for day, queue, klass, numbers in rows:
        for measure, n in zip((*MEASURES, MARKED), numbers, strict=True):
            found[(int(day), str(queue), str(klass), measure)] = int(n)
    return found
