"""`hold`: since when `require` was true at every closed local midnight, each judged as known now.

A midnight is closed once every source that the rule reads has vouched past it, so silence holds nothing. A midnight
at which the rule rests on more backfill than the pack allows does not count, nor does one before it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from ccmm_rules.asof import AsOf
from ccmm_rules.dependence import remaining
from ccmm_rules.model import Outcome, Read, Rule
from ccmm_rules.operators.view import Reading, View
from ccmm_rules.operators.windows import back, floor_unit, local_date, midnight_ms
from ccmm_rules.spec import MetricSpec, SeriesSpec, SlotSpec
from ccmm_rules.vocabulary.tables import Vocabulary

# Outcomes by level, and the share of backfill, of one rule on the evidence of a view, before hold and waivers.
Concluding = Callable[[View], tuple[Mapping[int, Outcome], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When windows close; see `settled_window`. Equal ends, equal windows."""

    settle_ms: int
    period_ms: int
    unit: str

    def end(self, at_ms: int, zone: ZoneInfo) -> date:
        """Of the newest window that is closed at a midnight."""
        end_ms = (at_ms - self.settle_ms) // self.period_ms * self.period_ms
        return floor_unit(local_date(end_ms, zone), self.unit)


class Holding:
    """Looks back from now, day by day, and judges anew only where a day may differ from the one after it."""

    def __init__(self, rule: Rule, view: View, readings: Mapping[str, Reading], conclude: Concluding) -> None:
        self._rule, self._view, self._readings, self._conclude = rule, view, readings, conclude
        self._known: dict[object, tuple[Mapping[int, Outcome], float]] = {}
        closings = {_closing(read, view.vocabulary) for read in rule.reads if _rests_on_windows(read)}
        self._closings = sorted(closings, key=str)

    def since(self, levels: Iterable[int], max_backfill: float) -> dict[int, tuple[int, bool]]:
        """By level: the first of the midnights without a break up to the newest, and whether that is long enough.

        A level at which the newest closed midnight is not satisfied is left out.
        """
        zone, hold = self._view.zone, self._rule.hold
        by_watermark: dict[int, set[int]] = {}
        for level in levels:
            by_watermark.setdefault(self._watermark(level), set()).add(level)
        found: dict[int, tuple[int, bool]] = {}
        for watermark_ms, alike in by_watermark.items():
            if zone is not None and hold is not None and watermark_ms > 0:
                newest = local_date(watermark_ms, zone)
                found |= self._back_to(back(newest, hold.count, hold.unit), newest, zone, alike, max_backfill)
        return found

    def _back_to(
        self, first: date, newest: date, zone: ZoneInfo, levels: set[int], max_backfill: float
    ) -> dict[int, tuple[int, bool]]:
        calm = self._is_calm(midnight_ms(first, zone), midnight_ms(newest, zone))
        found: dict[int, tuple[int, bool]] = {}
        holding, day = set(levels), newest
        while holding and day >= first:
            at_ms = midnight_ms(day, zone)
            outcomes, backfill = self._at(at_ms, zone, calm=calm)
            counts = backfill <= max_backfill + 1e-12
            holding = {level for level in holding if counts and outcomes[level] == Outcome.SATISFIED}
            found |= dict.fromkeys(holding, (at_ms, day == first))
            day -= timedelta(days=1)
        return found

    def _at(self, at_ms: int, zone: ZoneInfo, *, calm: bool) -> tuple[Mapping[int, Outcome], float]:
        key: object = at_ms
        if calm:
            key = tuple(closing.end(at_ms, zone) for closing in self._closings)
        if key not in self._known:
            self._known[key] = self._conclude(View(AsOf(self._view, at_ms), at_ms, self._view.vocabulary))
        return self._known[key]

    def _watermark(self, level: int) -> int:
        """Up to when all vouch that the level needs; 0: never. What it does not need may be silent."""
        answers = {f"profile.{name}": value for name, value in self._view.answers.items()}
        needed = remaining(self._rule.require.tree, {"level": level, **answers})
        marks = []
        for read in self._rule.reads:
            if needed.isdisjoint(read.full(short) for short in read.names):
                continue
            mark = _watermark(read, self._readings[read.name], self._view)
            marks += [mark] if mark or not read.optional else []
        return min(marks, default=0)

    def _is_calm(self, from_ms: int, to_ms: int) -> bool:
        """Whether only the closing of windows tells its days apart.

        So it is where it reads measures over closed units, every source vouched without a gap, nothing was lost and no
        scope answer ran out.
        """
        sources = [source for read in self._rule.reads for feed in read.feeds for source in self._view.feeding(feed)]
        return (
            all(_rests_on_windows(read) for read in self._rule.reads)
            and not self._view.holes
            and not self._view.answers_end_between(from_ms, self._view.at_ms)
            and all(any(s.from_ms <= from_ms and s.to_ms >= to_ms for s in source.covered) for source in sources)
        )


def _watermark(read: Read, reading: Reading, view: View) -> int:
    if reading.watermark_ms is not None:
        return reading.watermark_ms
    return view.feed_state(read.feeds, read.fresh_for_ms).watermark_ms


def _rests_on_windows(read: Read) -> bool:
    """Of lists of metrics it is not known which measures they read; masks move with occurrences."""
    spec = read.spec
    if not isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) or spec.over.unit == "h":
        return False
    return not (isinstance(spec, SeriesSpec) and spec.each) and not (spec.during is not None and spec.during.kind)


def _closing(read: Read, vocabulary: Vocabulary) -> Closing:
    spec = read.spec
    assert isinstance(spec, MetricSpec | SlotSpec | SeriesSpec)
    metric = vocabulary.metrics[spec.metric]
    return Closing(settle_ms=metric.settle_ms, period_ms=metric.period_ms, unit=spec.over.unit)
