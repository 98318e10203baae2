"""From an entry of the log to the rows that rules can read: pure, so that the same log gives the same projection.

    rows = Rows()
    project_statement(rows, part)     # and project_run once all parts of its run are there; acts: `project_acts`

A run is projected when its last part is there; its rows then carry the index of the part that completed it. What was
stored but not counted (forks, statements from the future, unknown schemas) is noted in `entry` and gives no other row.
Nobody vouches for an hour that has not come, whatever is signed: see `Part.horizon_ms`.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ccmm_collector.coverage import BACKFILL_MS, merge
from ccmm_collector.packing import pack_buckets, pack_gauge
from ccmm_proto.chain import MAX_AHEAD_MS
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS, Form
from ccmm_proto.period import HOUR_MS
from ccmm_proto.pseudonym import short
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import (
    EMPTY,
    OBSERVED,
    Attestation,
    Document,
    Entry,
    Identity,
    Inventory,
    Measure,
    Observation,
    Occurrence,
    Roll,
    Run,
    Statement,
)
from ccmm_proto.wire import parse_message
from ccmm_rules.evidence import Span

SourceKey = tuple[str, str, str]  # center, agent, source
Dimensions = tuple[tuple[str, str | int], ...]  # sorted by name; int for a pseudonym
SeriesKey = tuple[SourceKey, str, int, Dimensions]  # source, measure, period in seconds, dimensions
Row = tuple[object, ...]
SlotRow = tuple[int, int, int, int, int, float, int, bytes | None]  # the columns of `measure` after its series
EPOCH_BITS = 40  # of `ord` below the epoch: `chains` refuses longer chains
ALL = "*"  # in place of a feed: whatever is judged may have changed


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of a run, as the log has it."""

    statement: Statement
    log_index: int
    recorded_ms: int

    @property
    def ord(self) -> int:
        """Orders an agent's statements whatever order they arrived in."""
        return self.statement.epoch << EPOCH_BITS | self.statement.sequence

    @property
    def horizon_ms(self) -> int:
        """The latest instant that it can speak of from having looked."""
        return self.statement.created_ms + MAX_AHEAD_MS


@dataclass(slots=True)
class Rows:
    """Rows to write, by table. Those of sources and series begin with the long name; the store puts a number there."""

    plain: dict[str, list[Row]] = field(default_factory=dict)
    of_source: dict[str, list[tuple[SourceKey, Row]]] = field(default_factory=dict)
    slots: dict[SeriesKey, list[SlotRow]] = field(default_factory=dict)
    feeds: dict[str, set[str]] = field(default_factory=dict)  # by center, what runs brought; ALL where it may be all

    def bring(self, center: str, feeds: Iterable[str]) -> None:
        """Something about the center is new."""
        self.feeds.setdefault(center, set()).update(feeds)

    def add(self, table: str, *row: object) -> None:
        """One row of a table without sources."""
        self.plain.setdefault(table, []).append(row)

    def add_of(self, table: str, source: SourceKey, *row: object) -> None:
        """One row of a table whose first column is a source."""
        self.of_source.setdefault(table, []).append((source, row))


def project_statement(rows: Rows, part: Part) -> None:
    """A statement's place in its chain, and its note; not its run."""
    statement = part.statement
    epoch, claimed = _claimed(statement)
    rows.add(
        "chain",
        *(statement.center, statement.agent, statement.epoch, statement.sequence),
        *(statement.created_ms, part.recorded_ms, part.log_index, epoch, claimed),
    )
    if statement.WhichOneof("body") == "note":
        note = statement.note
        sources = json.dumps(list(note.sources), ensure_ascii=False)
        rows.add("note", statement.center, statement.agent, part.ord, part.log_index, note.kind, note.detail, sources)


def _claimed(statement: Statement) -> tuple[int, int]:
    """(epoch, sequence + 1) of the receipt that an epoch start shows; zeros where it shows none.

    It proves how long the older chain was at least. Whoever forges it can only make the own chain look less complete.
    """
    if not statement.epoch_start.last_receipt:
        return 0, 0
    try:
        receipt = parse_message(Receipt, parse_envelope(statement.epoch_start.last_receipt).payload)
    except Malformed:
        return 0, 0
    if receipt.agent != statement.agent or receipt.epoch >= statement.epoch or receipt.sequence >> EPOCH_BITS:
        return 0, 0
    return receipt.epoch, receipt.sequence + 1


def project_run(rows: Rows, parts: Sequence[Part]) -> None:
    """The rows of one run from all its parts, in the order of the parts."""
    last = max(parts, key=lambda part: part.ord)
    newest = max(parts, key=lambda part: part.log_index)
    run = last.statement.run
    source = (last.statement.center, last.statement.agent, run.source)
    horizon_ms = min(part.horizon_ms for part in parts)
    _project_outcome(rows, source, run, last.ord, newest, horizon_ms)
    facts = _Facts(rows, source, run, last.ord, newest.log_index, newest.recorded_ms - BACKFILL_MS)
    for part in parts:
        for observation in part.statement.run.observations:
            facts.add(observation)
    for listing in facts.lists.values():
        listing.as_of_ms = min(listing.as_of_ms, horizon_ms)
    for feed, spans in facts.late.items():
        for span in spans:
            rows.add_of("late", source, feed, last.ord, span.from_ms, span.to_ms, newest.log_index)
    _project_lists(rows, source, run, facts.lists, (last.ord, newest.log_index), horizon_ms)
    # A run that names no feed may speak of all that its source ever fed.
    brought = {*run.feeds, *facts.series, *facts.lists, *facts.kinds}
    rows.bring(source[0], brought if run.feeds else (ALL,))


@dataclass(slots=True)
class _Facts:
    """Puts the observations of one run into rows."""

    rows: Rows
    source: SourceKey
    run: Run
    ord: int
    known: int
    late_ms: int  # what ends before is long past
    late: dict[str, list[Span]] = field(default_factory=dict)  # by measure or kind, when there is any
    series: dict[str, tuple[Measure, list[SlotRow]]] = field(default_factory=dict)  # the newest of each measure
    lists: dict[str, Inventory] = field(default_factory=dict)
    pieces: dict[tuple[str, int], int] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)

    def add(self, observation: Observation) -> None:
        fact = observation.WhichOneof("fact")
        if fact == "measure":
            self._measure(observation.measure)
        elif fact == "occurrence":
            self._occurrence(observation.occurrence)
        elif fact == "roll":
            self._roll(observation.roll)
        elif fact:
            _collect(self.lists, getattr(observation, fact), self.run)

    def _measure(self, measure: Measure) -> None:
        before = self.series.get(measure.id)
        if before and before[0].dimensions == measure.dimensions and before[0].period_s == measure.period_s:
            slots = before[1]  # comparing is cheaper than building the key, and most stand in such an order
        else:
            slots = self.rows.slots.setdefault(_series(self.source, measure), [])
            self.series[measure.id] = (measure, slots)
        slots.append(_slot(measure, self.ord, self.known))
        if measure.start_ms < self.late_ms:
            self._late(measure.id, measure.start_ms, measure.start_ms + 1000 * measure.period_s)

    def _occurrence(self, happening: Occurrence) -> None:
        self.kinds.add(happening.kind)
        ended = happening.ended_ms if happening.HasField("ended_ms") else None
        self.rows.add_of(
            "happening",
            self.source,
            *(happening.kind, _identity(happening.id), self.ord, self.known, happening.started_ms, ended),
            *(self.run.pseudonym_key_id, happening.SerializeToString(deterministic=True)),
        )

    def _roll(self, roll: Roll) -> None:
        self.kinds.add(roll.kind)
        piece = self.pieces[roll.kind, roll.hour_ms] = self.pieces.get((roll.kind, roll.hour_ms), -1) + 1
        self.rows.add_of(
            "roll",
            self.source,
            *(roll.kind, roll.hour_ms, roll.revision, self.ord, piece, self.known, self.run.pseudonym_key_id),
            zlib.compress(roll.SerializeToString(deterministic=True), 1),
        )
        if roll.hour_ms < self.late_ms:
            self._late(roll.kind, roll.hour_ms, roll.hour_ms + HOUR_MS)

    def _late(self, feed: str, from_ms: int, to_ms: int) -> None:
        merge(self.late.setdefault(feed, []), Span(from_ms, min(to_ms, self.late_ms)))


def _project_outcome(rows: Rows, source: SourceKey, run: Run, ord_: int, newest: Part, horizon_ms: int) -> None:
    covers = run.covers if run.HasField("covers") else None
    due_ms = run.missed.last_ms if run.HasField("missed") else run.due_ms
    rows.add_of(
        "run",
        source,
        *(ord_, newest.log_index, newest.recorded_ms, run.plugin, run.outcome, run.reason),
        min(due_ms, horizon_ms),
        *((min(covers.from_ms, horizon_ms), min(covers.to_ms, horizon_ms)) if covers else (None, None)),
        *(run.every_s, json.dumps(sorted(run.feeds), ensure_ascii=False)),
    )


def _series(source: SourceKey, measure: Measure) -> SeriesKey:
    dimensions = tuple([(d.name, d.text or short(d.pseudonym)) for d in measure.dimensions])
    return source, measure.id, measure.period_s, dimensions


def _slot(measure: Measure, ord_: int, known: int) -> SlotRow:
    count, total, more = measure.count, 0.0, None
    shape = measure.WhichOneof("value")
    if shape == "sum":
        count, total = measure.sum.count, measure.sum.total
    elif shape == "histogram":
        buckets = list(measure.histogram.buckets)
        count, total = sum(buckets), measure.histogram.total
        more = pack_buckets(buckets)
    elif shape == "gauge":
        gauge = measure.gauge
        count, more = gauge.count, pack_gauge(gauge.min, gauge.max, gauge.last)
    return measure.start_ms, measure.revision, ord_, known, count, total, measure.unfinished, more


def _identity(identity: Identity) -> str | bytes:
    """TEXT for a label, BLOB of 8 bytes for a pseudonym: in SQLite the two never compare equal."""
    return identity.pseudonym[:8] if identity.WhichOneof("value") == "pseudonym" else identity.text


def _collect(lists: dict[str, Inventory], paper: Inventory | Document | Attestation, run: Run) -> None:
    """Put an inventory's piece, or a document or attestation, into the run's list of its kind."""
    if isinstance(paper, Inventory):
        held = lists.get(paper.kind)
        if held is None:
            lists[paper.kind] = Inventory(
                kind=paper.kind, as_of_ms=paper.as_of_ms, complete=paper.complete, entries=paper.entries
            )
            return
        held.entries.extend(paper.entries)
        held.complete = held.complete and paper.complete
        held.as_of_ms = min(held.as_of_ms, paper.as_of_ms)
        return
    kind = "document" if isinstance(paper, Document) else "attestation"
    if kind not in lists:
        lists[kind] = Inventory(kind=kind, as_of_ms=_as_of(run), complete=True)
    lists[kind].entries.append(Entry(key=Identity(text=paper.id), attributes=paper.attributes))


def _as_of(run: Run) -> int:
    """When a run looked: the end of what it vouches for, or where it vouches for no time, when it was done."""
    return run.covers.to_ms if run.HasField("covers") else run.finished_ms


def _project_lists(
    rows: Rows, source: SourceKey, run: Run, lists: dict[str, Inventory], known: tuple[int, int], horizon_ms: int
) -> None:
    """The complete lists of a run; an incomplete one is never used, the last complete one ages.

    Who looked and found nothing has an empty list. Of inventories only an EMPTY run of a source with nothing else to
    tell says so: any other may have had no news of another kind. A run over papers restates all that are there.
    """
    alone = len(run.feeds) == 1
    for kind in run.feeds:
        form = KINDS[kind].form if kind in KINDS else None
        papers = form in (Form.DOCUMENT, Form.ATTESTATION) and run.outcome in (EMPTY, OBSERVED)
        if kind not in lists and (papers or (form is Form.INVENTORY and run.outcome == EMPTY and alone)):
            lists[kind] = Inventory(kind=kind, as_of_ms=min(_as_of(run), horizon_ms), complete=True)
    for kind, listing in sorted(lists.items()):
        if listing.complete:
            content = Inventory(entries=listing.entries).SerializeToString(deterministic=True)
            digest = hashlib.sha256(content).digest()
            rows.add("body", digest, zlib.compress(content, 1))
            rows.add_of("listing", source, kind, listing.as_of_ms, *known, run.pseudonym_key_id, digest)
