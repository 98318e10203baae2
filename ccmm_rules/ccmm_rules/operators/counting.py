"""The names that a set of rows binds, in the worst and in the best look."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, repeat
from operator import sub

from ccmm_rules.expression import Scalar
from ccmm_rules.operators.windows import nearest_rank
from ccmm_rules.spec import DAY_MS, RowsSpec

RANKS = (50, 90, 95)
PLAIN = frozenset(("n", "groups", "most", "min", "max", "sum", "p50", "p90", "p95"))  # no look is the worse one


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Rows, one place each: whether they are good (None: undecidable), group, age stamp; number and lag where asked."""

    goods: Sequence[bool | None]
    maybe: Sequence[bool] | None  # where a filter could not be decided
    groups: Sequence[object]
    stamps: Sequence[int | None]
    numbers: Sequence[float | int | None]
    lags: Sequence[float | None]
    weights: Sequence[float | int | None] = ()  # where a share is weighted

    @property
    def is_sure(self) -> bool:
        return self.maybe is None and None not in self.goods

    def only(self, places: Sequence[int]) -> "Judged":
        """Some of the rows."""
        return Judged(
            goods=[self.goods[at] for at in places],
            maybe=[self.maybe[at] for at in places] if self.maybe is not None else None,
            groups=[self.groups[at] for at in places],
            stamps=[self.stamps[at] for at in places],
            numbers=[self.numbers[at] for at in places] if self.numbers else (),
            lags=[self.lags[at] for at in places] if self.lags else (),
            weights=[self.weights[at] for at in places] if self.weights else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What counting needs to know beside the rows."""

    spec: RowsSpec
    expected: tuple[object, ...] | None
    hoped: tuple[object, ...] | None = None  # expected in the best look, where it differs
    from_ms: int | None
    now_ms: int
    names: Mapping[str, str]


def two_looks(judged: Judged, frame: Frame) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """Undecidable is bad in the worst look, good in the best; a doubtful member helps in neither."""
    hoping = frame if frame.hoped is None else replace(frame, expected=frame.hoped)
    if judged.is_sure and hoping is frame:
        worst = _look(judged, frame)
        return worst, dict(worst)
    worst = _look(judged if judged.is_sure else _seen(judged, frame, hopeful=False), frame)
    best = _look(judged if judged.is_sure else _seen(judged, hoping, hopeful=True), hoping)
    for name in [name for name in worst.keys() & best.keys() if name in PLAIN and worst[name] != best[name]]:
        del worst[name], best[name]
    for name in [f"p{rank}" for rank in RANKS if not _is_firm(judged, rank, worst.get(f"p{rank}"))]:
        worst.pop(name, None)
        best.pop(name, None)
    for name in worst.keys() ^ best.keys():
        worst.pop(name, None)
        if name in PLAIN:
            best.pop(name, None)
    return worst, best


def _is_firm(judged: Judged, rank: int, found: Scalar | None) -> bool:
    """Whether a percentile is the same whichever of the doubtful members belong: all above it, or all below it, may."""
    told = [value for value in judged.numbers or judged.lags if value is not None]
    if found is None or judged.maybe is None or len(told) < len(judged.maybe):
        return True  # where one has no value, no percentile stays bound
    value, pairs = float(found), list(zip(told, judged.maybe, strict=True))
    above = sorted(one for one, doubtful in pairs if not doubtful or one > value)
    below = sorted(one for one, doubtful in pairs if not doubtful or one < value)
    return all(nearest_rank(part, rank) == value for part in (above, below) if part)


def _seen(judged: Judged, frame: Frame, *, hopeful: bool) -> Judged:
    """The rows of one look, each good or not."""
    tested, places, marks = frame.spec.test, [], []
    for at, decided in enumerate(judged.goods):
        good = decided if decided is not None else hopeful
        if judged.maybe is not None and judged.maybe[at]:
            counts_against = tested is not None and not (tested.side == "bad" and decided is True)
            if (hopeful and not good) or (not hopeful and not counts_against):
                continue
            good = hopeful
        places.append(at)
        marks.append(good)
    return replace(judged.only(places), goods=marks)


def _look(seen: Judged, frame: Frame) -> dict[str, Scalar]:
    spec = frame.spec
    side = spec.test.side if spec.test is not None else ""
    count, good = len(seen.goods), sum(1 for mark in seen.goods if mark)
    names: dict[str, Scalar] = {"n": count}
    if "good" in frame.names:
        names["good"] = good
    if "bad" in frame.names:
        names["bad"] = count - good
    if side and count and not spec.weight:
        names["share"] = 100.0 * (good if side == "good" else count - good) / count
    elif side and count:
        names |= _weighted(seen, side)
    names |= _numbers(seen, spec)
    if spec.group is not None:
        names |= _group_names(seen, frame, side)
    names |= _spacing(seen, frame, side)
    return {name: value for name, value in names.items() if name in frame.names}


def _weighted(seen: Judged, side: str) -> dict[str, Scalar]:
    """Unbound where a weight is not known or negative, or all of them are nothing."""
    known = [float(weight) for weight in seen.weights if weight is not None and weight >= 0]
    if len(known) < len(seen.goods) or not math.fsum(known):
        return {}
    tested = math.fsum(weight for weight, good in zip(known, seen.goods, strict=True) if good is (side == "good"))
    return {"share": 100.0 * tested / math.fsum(known)}


def _numbers(seen: Judged, spec: RowsSpec) -> dict[str, Scalar]:
    values = seen.numbers if spec.number else seen.lags
    known = sorted(value for value in values if value is not None)
    if not known or len(known) < len(values):
        return {}
    names: dict[str, Scalar] = {f"p{rank}": nearest_rank(known, rank) for rank in RANKS}
    return names | {"min": known[0], "max": known[-1], "sum": sum(known)}


def _group_names(seen: Judged, frame: Frame, side: str) -> dict[str, Scalar]:
    totals, goods = Counter(seen.groups), Counter(compress(seen.groups, seen.goods))
    if frame.spec.group is not None and frame.spec.group.unit:
        totals.pop(None, None)
        goods.pop(None, None)
    expected = frame.expected if frame.expected is not None else ()
    everyone = {*expected, *totals}
    counted = {g: totals[g] - goods[g] if side == "bad" else goods[g] if side else totals[g] for g in everyone}
    present = totals if side != "good" else goods
    absent = sum(1 for group in expected if group not in present)
    names: dict[str, Scalar] = {"absent": absent}
    if None not in totals and "" not in totals:  # else nobody knows how many there are
        names["groups"] = len(totals)
    if counted and frame.expected != ():  # of those who owe a row; one that nobody expects cannot be too few
        names |= {"least": min(counted[group] for group in expected or counted), "most": max(counted.values())}
    if expected:
        names["covered"] = 100.0 * (len(expected) - absent) / len(expected)
    if side and totals:
        shares = _shares(totals, goods, side, frame.spec.sample)
        if shares:
            names |= {"worst": min(shares) if side == "good" else max(shares), "spread": max(shares) - min(shares)}
    return names


def _shares(totals: Mapping[object, int], goods: Mapping[object, int], side: str, sample: int) -> list[float]:
    """Percent on the tested side: one per group with enough rows, one for all the small ones together."""
    pairs = [(goods[group], total) for group, total in totals.items() if total >= sample]
    small = [(goods[group], total) for group, total in totals.items() if total < sample]
    if small and sum(total for _, total in small) >= max(sample, 1):
        pairs.append((sum(good for good, _ in small), sum(total for _, total in small)))
    return [100.0 * (good if side == "good" else total - good) / total for good, total in pairs]


def _spacing(seen: Judged, frame: Frame, side: str) -> dict[str, Scalar]:
    """Days since the newest (good) row, and the longest stretch without one; of the worst group."""
    if "last_days" not in frame.names:
        return {}
    grouped = frame.spec.group is not None and not frame.spec.group.unit
    stamps: dict[object, list[int]] = {group: [] for group in frame.expected or ()} if grouped else {}
    groups = seen.groups if grouped else repeat("")
    for stamp, good, group in zip(seen.stamps, seen.goods, groups, strict=False):
        if stamp is not None and (good or side != "good"):
            stamps.setdefault(group, []).append(stamp)
    last, gap = [], []
    for times in stamps.values():
        if not times and frame.from_ms is None:
            return {}
        begin = frame.from_ms if frame.from_ms is not None else min(times)
        ordered = [begin, *sorted(times), frame.now_ms]
        last.append((frame.now_ms - (max(times) if times else begin)) // DAY_MS)
        gap.append(max(map(sub, ordered[1:], ordered)) // DAY_MS)
    return {"last_days": max(last), "gap_days": max(gap)} if last else {}
