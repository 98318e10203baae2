"""One center as known at an index of the log: the evidence that the engine judges (`ccmm_rules.evidence.Evidence`).

known = Known(projection.view("north", index), log_id=log.log_id, at_ms=instant, folds=folds)
verdicts = judge(pack, known, instant)
"""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import TypeVar, cast

from ccmm_collector import projection_sql as sql
from ccmm_collector.alterations import alterations_of, in_order, scope_alterations
from ccmm_collector.bundles import order
from ccmm_collector.columns import SourceRow
from ccmm_collector.day_sums import zone_name
from ccmm_collector.folds import Folds
from ccmm_collector.happenings import alone, rolled
from ccmm_collector.holes import Chains, forks
from ccmm_collector.projection import View
from ccmm_collector.slots import Figures, stamp_of
from ccmm_collector.waivers import waivers_of
from ccmm_proto.v1.service_pb2 import ChainRaised
from ccmm_rules.evidence import Alteration, Answer, Happening, Hole, Listing, MeasureRow, SourceFacts, Span, Waiver

RETIRED = "retired_sources"  # scope answer: list of "agent/source"
REGISTER = "register"
T = TypeVar("T")
FEEDS = "feeds."  # scope answers feeds.<measure or kind>: list of "agent/source" that must feed it


class Known:
    """Everything known of one center at one index. `at_ms` decides only whether an answer still retires a source."""

    def __init__(self, view: View, *, log_id: str, at_ms: int, folds: Folds | None = None) -> None:
        """`folds` saves work where many views of the same centers are made."""
        self._view = view
        self._folds = folds or Folds()
        self._log_id = log_id
        self._at_ms = at_ms
        fold = self._folds.at(view)
        known: list[SourceRow] = view.projection.rows(sql.SOURCES, view.center)
        self._sources = [row for row in known if row[0] in fold.runs and fold.runs[row[0]].by_feeds]
        self._facts = {row: fold.runs[row[0]].facts(row[1], row[2]) for row in self._sources}
        self._feeds = {
            (row, feed): fold.runs[row[0]].facts(row[1], row[2], feed)
            for row in self._sources
            for feed in fold.runs[row[0]].feeds
        }
        self._profile = self._answers()
        zone = self._profile["zone"].value if "zone" in self._profile else None
        self._figures = Figures(view, zone_name(zone))
        self._holes = self._all_holes(fold.chains)

    @property
    def center(self) -> str:
        """Its name."""
        return self._view.center

    @property
    def log_id(self) -> str:
        """The log that all this stands in."""
        return self._log_id

    @property
    def log_index(self) -> int:
        """The newest entry about this center."""
        return self._view.index

    def profile(self) -> Mapping[str, Answer]:
        """Scope answers, expired ones included, withdrawn ones not."""
        return self._profile

    def _answers(self) -> dict[str, Answer]:
        rows = self._view.projection.rows(sql.ANSWERS, self._view.center, self._view.index)
        return {
            key: Answer(value=json.loads(value_json), until_ms=until_ms, log_index=index)
            for key, value_json, until_ms, index in rows
            if value_json
        }

    def _named(self, key: str) -> frozenset[str]:
        answer = self._profile.get(key)
        if answer is None or not isinstance(answer.value, list):
            return frozenset()
        expired = answer.until_ms is not None and answer.until_ms < self._at_ms
        return frozenset() if expired else frozenset(str(name) for name in answer.value)

    def feeding(self, feed: str) -> Sequence[SourceFacts]:
        """Every source that ever said to feed it, or that the profile names for it; retired ones left out."""
        retired = self._named(RETIRED)
        facts = {f"{row[1]}/{row[2]}": self._feeds[row, feed] for row in self._sources if (row, feed) in self._feeds}
        for name in self._named(FEEDS + feed) - facts.keys():
            agent, _, source = name.partition("/")
            facts[name] = _without_coverage(agent, source)
        return sorted((f for name, f in facts.items() if name not in retired), key=lambda f: (f.agent, f.source))

    def sources(self) -> Sequence[SourceFacts]:
        """Every source heard of, retired ones included; sorted by agent, source."""
        return [self._facts[row] for row in self._sources]

    def holes(self) -> Sequence[Hole]:
        """Missing and disputed numbers of the center's agents."""
        return self._holes

    def _all_holes(self, chains: Chains) -> list[Hole]:
        query = self._view.projection.rows
        claimed = query(sql.FORKS, self._view.center, self._view.index, ChainRaised.FORK)
        created = {
            (agent, epoch, number): row[0]
            for agent, epoch, sequence in claimed
            for number in (sequence - 1, sequence, sequence + 1)
            for row in query(sql.CREATED, self._view.center, agent, epoch, number, self._view.index)
        }
        return chains.holes() + forks(chains, created, claimed)

    def totals(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        """Sums over the slots that start in the span."""
        return self._figures.totals(measure, span)

    def slots(self, measure: str, span: Span) -> Sequence[MeasureRow]:
        """One row per slot that starts in the span, oldest first."""
        stamp = stamp_of(self._view, measure, span)
        if stamp is None:
            return self._figures.slots(measure, span)
        key = (self.center, measure, span.from_ms, span.to_ms, stamp)
        return self._folds.slots.get(key, lambda: self._figures.slots(measure, span))

    def noted(
        self,
        key: str,
        measures: Sequence[str],
        days: Sequence[Span],
        make: Callable[[Sequence[Span]], Sequence[str]],
    ) -> Sequence[str]:
        """What is kept of these days, the rest of it made."""
        return self._figures.noted(key, measures, days, make)

    def kept(self, key: Hashable, measures: Sequence[str], span: Span, make: Callable[[], Sequence[T]]) -> Sequence[T]:
        """What is kept in memory for as long as these slots are the same."""
        stamps = tuple(stamp_of(self._view, measure, span) for measure in measures)
        if None in stamps:
            return make()
        return cast(Sequence[T], self._folds.made.get((self.center, span, stamps, key), make))

    def listings(self, kind: str) -> Sequence[Listing]:
        """The newest complete list of each source that is not retired."""
        retired, found = self._named(RETIRED), []
        for number, agent, source in self._sources:
            if f"{agent}/{source}" in retired or (number, kind) not in self._listed:
                continue
            for as_of_ms, index, key_id, body in self._view.projection.rows(
                sql.LISTING, number, kind, self._view.index
            ):
                found.append(
                    Listing(
                        agent=agent,
                        source=source,
                        as_of_ms=as_of_ms,
                        log_index=index,
                        key_id=key_id,
                        entries=self._folds.entries(self._view, body),
                    )
                )
        return found

    def listed_until(self, kind: str, agent: str, source: str, at_ms: int) -> int | None:
        """As-of time of the source's newest complete list that is not younger than an instant."""
        numbers = [row[0] for row in self._sources if row[1:] == (agent, source)]
        query = self._view.projection.rows
        found = [query(sql.LISTED_UNTIL, number, kind, at_ms, self._view.index) for number in numbers]
        return max((as_of_ms for rows in found for (as_of_ms,) in rows), default=None)

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        """Occurrences that started in the span, and open ones from before it; oldest first, then id."""
        kept = self._folds.happenings
        parts: list[Sequence[Happening]] = []
        for row in self._sources:
            if (row[0], kind) in self._told:
                parts += [found for found in (alone(self._view, row, kind, span, kept),) if found]
            if (row[0], kind) in self._rolled:
                rows = rolled(self._view, row, kind, span, self._folds)
                parts += [rows] if rows is not None else []
        if len(parts) == 1:
            return parts[0]
        return sorted((happening for found in parts for happening in found), key=order)

    @cached_property
    def _told(self) -> set[tuple[int, str]]:
        """Sources and kinds of which there are occurrences that travelled alone."""
        return self._kinds_of(sql.HAPPENING_KINDS)

    @cached_property
    def _rolled(self) -> set[tuple[int, str]]:
        """Sources and kinds of which there are rolls."""
        return self._kinds_of(sql.BUNDLE_KINDS)

    @cached_property
    def _listed(self) -> set[tuple[int, str]]:
        """Sources and kinds of which there are lists."""
        return self._kinds_of(sql.LISTING_KINDS)

    def _kinds_of(self, query: str) -> set[tuple[int, str]]:
        return {
            (number, kind) for number, _, _ in self._sources for (kind,) in self._view.projection.rows(query, number)
        }

    def alterations(self, kind: str, span: Span) -> Sequence[Alteration]:
        """Differences between consecutive complete lists of each source that is not retired, shown in the span.

        The register's include what the center answered otherwise than before.
        """
        retired = self._named(RETIRED)
        listed = [row for row in self._sources if (row[0], kind) in self._listed]
        sources = [row for row in listed if f"{row[1]}/{row[2]}" not in retired]
        found = alterations_of(self._view, sources, kind, span, self._folds)
        if kind == REGISTER:
            found = in_order([*found, *scope_alterations(self._view, span)])
        return found

    def waivers(self) -> Sequence[Waiver]:
        """Every waiver in the log, ended ones included, oldest first."""
        return self._waivers

    @cached_property
    def _waivers(self) -> Sequence[Waiver]:
        return waivers_of(self._view.projection.rows(sql.WAIVERS, self._view.center, self._view.index))


def _without_coverage(agent: str, source: str) -> SourceFacts:
    """A source that the profile expects and nobody has heard of."""
    return SourceFacts(
        agent=agent,
        source=source,
        plugin="",
        every_s=0,
        covered=(),
        backfilled=(),
        newest_outcome="",
        newest_reason="",
        log_index=-1,
    )
