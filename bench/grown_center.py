"""One center with 13 months of daily evidence, as signed statements: the good center of the tests, grown.

40 people, 60 accounts, 120 calls a day in quarter-hour slots and hourly rolls, daily lists and papers, and the tables
of the good center. Every source speaks once a day.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.told import BUCKETS, list_told, measure_told, rows_told
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS, floor_to
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_rules.evidence import Happening, MeasureRow
from tests.unit.rules.center_facts import AGENTS, NOW, QUEUES, SourceFile, Sources, ago, ms
from tests.unit.rules.good_center import good_center

MONTHS = 13
DAYS = round(MONTHS * 30.5)
CALLS_A_DAY = 120
STAFF = tuple(range(101, 129))  # who answers calls; with officers and the leaver 41 people
END_MS = ms(NOW) - 600_000


@dataclass(frozen=True, slots=True)
class Day:
    """What one source says of one day."""

    source: str
    from_ms: int
    to_ms: int
    feeds: tuple[str, ...]
    observations: list[pb.Observation]


def grown_sources() -> Sources:
    """The good center's facts, with the calls, log-ins, doors and accounts of a center of this size."""
    sources, chance = good_center(MONTHS), random.Random(13)
    switch, recorder, doors, tickets = (sources[name] for name in ("pbx", "recorder", "doors", "tickets"))
    switch.measures.clear()
    for file, kinds in ((switch, ("call", "session")), (recorder, ("recording",)), (doors, ("passage",))):
        for kind in kinds:
            file.rows[kind] = []
    tickets.rows["contact"] = []
    for day in range(1, DAYS):
        _calls(day, switch, recorder, tickets, chance)
        for person in STAFF:
            switch.happen("session", person * 1000 + day, ago(day, 1), system="acd", person=person, lasted=32_000)
            for hour, minute, direction in ((0, 45, "in"), (10, 0, "out")):
                doors.happen("passage", person * 1000 + day, ago(day, hour, minute), person=person, door="main",
                             badge_class="personal", direction=direction, result="open", controlled=True)  # fmt: skip
    _people(sources)
    return sources


def _calls(day: int, switch: SourceFile, recorder: SourceFile, tickets: SourceFile, chance: random.Random) -> None:
    slots: dict[tuple[int, str], list[int]] = defaultdict(list)
    for number in range(CALLS_A_DAY):
        start = ago(day, 1) + chance.randrange(10 * HOUR_MS // 1000) * 1000
        call, queue, agent, wait = (
            day * 1000 + number + 1,
            QUEUES[number % 2],
            chance.choice(STAFF),
            chance.randrange(18),
        )
        slots[floor_to(start, QUARTER_MS), queue].append(wait)
        switch.happen("call", call, start, system="acd", call=call, queue=queue, agent=agent, answered=True,
                      required=True, talk=120 + wait, wait=wait, released_by="caller", direction="in")  # fmt: skip
        recorder.happen("recording", call, start, call=call, queue=queue, agent=agent, length=120 + wait, playable=True)
        tickets.happen("contact", 10**6 + call, start, call=call, channel="voice", agent=agent)
    for (start, queue), waits in slots.items():
        counts = tuple(sum(1 for wait in waits if floor_to(wait, 5) == 5 * place) for place in range(BUCKETS))
        for measure in ("calls_offered", "calls_answered", "talk_time", "hold_time", "after_call_time"):
            switch.count(measure, start, len(waits), queue=queue)
        switch.count("wait_answered", start, len(waits), counts, queue=queue)
    for queue in QUEUES:
        for measure in ("calls_abandoned", "short_calls", "calls_transferred", "wait_abandoned"):
            switch.count(measure, ago(day, 2), 1, (1,) + (0,) * (BUCKETS - 1), queue=queue)


def _people(sources: Sources) -> None:
    """The staff that the good center has too few of, with an account and a badge each."""
    for person in STAFF[len(AGENTS) :]:
        sources["hr"].enter("person", person, active=True, agent=True, access=True, worked_days=20, joined=ago(DAYS))
        sources["doors"].enter("badge", 5000 + person, **{"class": "personal"}, person=person, enabled=True)
        for number in range(1 + person % 2):
            sources["directory"].enter("account", 7000 + person + 1000 * number, system="directory", person=person,
                                       enabled=True, service=False, mfa=True, created=ago(300))  # fmt: skip


def days_of(sources: Sources) -> Iterator[Day]:
    """Each source's days, oldest first; a list is told every day, each time as it stood after a log-in or two."""
    first = floor_to(ago(DAYS, 0), DAY_MS)
    parts = {name: _by_day(file) for name, file in sorted(sources.items())}
    for start in range(first, END_MS, DAY_MS):
        end = min(start + DAY_MS, END_MS)
        for name, file in sorted(sources.items()):
            feeds = tuple(sorted({*file.entries, *file.rows, *file.measures}))
            rows, figures = parts[name]
            observations = [*map(measure_told, figures.get(start, ())), *rows_told(rows.get(start, ()))]
            for kind, entries in file.entries.items():
                observations += list_told(kind, entries, end)
            yield Day(name, start, end, feeds, observations)


def _by_day(file: SourceFile) -> tuple[dict[int, list[tuple[str, Happening]]], dict[int, list[tuple[str, MeasureRow]]]]:
    rows: dict[int, list[tuple[str, Happening]]] = defaultdict(list)
    figures: dict[int, list[tuple[str, MeasureRow]]] = defaultdict(list)
    for kind, happenings in file.rows.items():
        for one in happenings:
            rows[floor_to(one.started_ms, DAY_MS)].append((kind, one))
    for measure, stated in file.measures.items():
        for row in stated:
            figures[floor_to(row.start_ms, DAY_MS)].append((measure, row))
    return rows, figures


def next_minutes() -> Iterator[list[Day]]:
    """What each source says next, minute by minute: two rows more of each kind, its slots and lists anew."""
    sources = grown_sources()
    for minute in itertools.count():
        yield [_minute(name, file, minute) for name, file in sorted(sources.items())]


def _minute(name: str, file: SourceFile, minute: int) -> Day:
    begin, end = END_MS + minute * 60_000, END_MS + (minute + 1) * 60_000
    rows = [
        (kind, replace(one, id=_next(one.id, minute), started_ms=begin, ended_ms=begin))
        for kind, happenings in file.rows.items()
        for one in happenings[-2:]
    ]
    figures = [
        (measure, row._replace(start_ms=floor_to(begin, QUARTER_MS)))
        for measure, stated in file.measures.items()
        for row in {row.dimensions: row for row in stated}.values()
    ]
    observations = [*map(measure_told, figures), *rows_told(rows)]
    for kind, entries in file.entries.items():
        observations += list_told(kind, entries, end)
    return Day(name, begin, end, tuple(sorted({*file.entries, *file.rows, *file.measures})), observations)


def _next(id_: str | int, minute: int) -> str | int:
    return id_ + (minute + 1) * 10**9 if isinstance(id_, int) else f"{id_}-next{minute or ''}"
