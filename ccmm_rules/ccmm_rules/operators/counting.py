"""The names that a set of rows binds, in the worst and in the best look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ccmm_rules.expression import Scalar
from ccmm_rules.model import DAY_MS, RowsSpec
from ccmm_rules.operators.rowset import Row
from ccmm_rules.operators.windows import nearest_rank

PLAIN = frozenset(("n", "groups", "most", "min", "max", "sum", "p50", "p90", "p95"))  # no look is the worse one


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A row, whether it is good (None: undecidable), its group, age stamp, number and lag."""

    row: Row
    good: bool | None
    group: object
    stamp_ms: int | None
    number: float | int | None
    lag: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What counting needs to know beside the rows."""

    spec: RowsSpec
    expected: tuple[object, ...] | None
    from_ms: int | None
    now_ms: int
    names: Mapping[str, str]


def two_looks(rows: Sequence[Judged], frame: Frame) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """Undecidable is bad in the worst look, good in the best; a doubtful member helps in neither."""
    worst, best = (_look(_seen(rows, frame, hopeful=hopeful), frame) for hopeful in (False, True))
    for name in [name for name in worst.keys() & best.keys() if name in PLAIN and worst[name] != best[name]]:
        del worst[name], best[name]
    for name in worst.keys() ^ best.keys():
        worst.pop(name, None)
        if name in PLAIN:
            best.pop(name, None)
    return worst, best


def _seen(rows: Sequence[Judged], frame: Frame, *, hopeful: bool) -> list[tuple[Judged, bool]]:
    """(row, good) of one look."""
    tested, seen = frame.spec.test, []
    for judged in rows:
        good = judged.good if judged.good is not None else hopeful
        if not judged.row.maybe:
            seen.append((judged, good))
        elif hopeful and good:
            seen.append((judged, True))
        elif not hopeful and tested is not None and not (tested.side == "bad" and judged.good is True):
            seen.append((judged, False))
    return seen


def _look(seen: list[tuple[Judged, bool]], frame: Frame) -> dict[str, Scalar]:
    spec = frame.spec
    side = spec.test.side if spec.test is not None else ""
    names: dict[str, Scalar] = {"n": len(seen)}
    good = sum(1 for _, mark in seen if mark)
    if "good" in frame.names:
        names["good"] = good
    if "bad" in frame.names:
        names["bad"] = len(seen) - good
    if side and seen:
        names["share"] = 100.0 * (good if side == "good" else len(seen) - good) / len(seen)
    names |= _numbers(seen, spec)
    if spec.group is not None:
        names |= _group_names(seen, frame, side)
    names |= _spacing(seen, frame, side)
    return {name: value for name, value in names.items() if name in frame.names}


def _numbers(seen: list[tuple[Judged, bool]], spec: RowsSpec) -> dict[str, Scalar]:
    if spec.number:
        values = [judged.number for judged, _ in seen]
    elif spec.lag:
        values = [judged.lag for judged, _ in seen]
    else:
        return {}
    known = sorted(value for value in values if value is not None)
    if not known or len(known) < len(values):
        return {}
    names: dict[str, Scalar] = {f"p{rank}": nearest_rank(known, rank) for rank in (50, 90, 95)}
    return names | {"min": known[0], "max": known[-1], "sum": sum(known)}


def _group_names(seen: list[tuple[Judged, bool]], frame: Frame, side: str) -> dict[str, Scalar]:
    totals: dict[object, int] = {}
    goods: dict[object, int] = {}
    for judged, good in seen:
        if frame.spec.group is not None and frame.spec.group.grain and judged.group is None:
            continue
        totals[judged.group] = totals.get(judged.group, 0) + 1
        goods[judged.group] = goods.get(judged.group, 0) + good
    expected = frame.expected if frame.expected is not None else ()
    everyone = sorted({*expected, *totals}, key=str)
    counted = {g: totals.get(g, 0) - goods.get(g, 0) if side == "bad" else goods.get(g, 0) for g in everyone}
    if not side:
        counted = {group: totals.get(group, 0) for group in everyone}
    present = totals if side != "good" else {group: count for group, count in goods.items() if count}
    absent = sum(1 for group in expected if group not in present)
    names: dict[str, Scalar] = {"groups": len(totals), "absent": absent}
    if counted:
        names |= {"least": min(counted.values()), "most": max(counted.values())}
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


def _spacing(seen: list[tuple[Judged, bool]], frame: Frame, side: str) -> dict[str, Scalar]:
    """Days since the newest (good) row, and the longest stretch without one; of the worst group."""
    if "last_days" not in frame.names:
        return {}
    stamps: dict[object, list[int]] = {}
    if frame.spec.group is not None and not frame.spec.group.grain:
        stamps = {group: [] for group in frame.expected or ()}
    for judged, good in seen:
        if judged.stamp_ms is not None and (good or side != "good"):
            group = judged.group if frame.spec.group is not None and not frame.spec.group.grain else ""
            stamps.setdefault(group, []).append(judged.stamp_ms)
    last, gap = [], []
    for times in stamps.values():
        if not times and frame.from_ms is None:
            return {}
        begin = frame.from_ms if frame.from_ms is not None else min(times)
        ordered = [begin, *sorted(times), frame.now_ms]
        last.append((frame.now_ms - (max(times) if times else begin)) // DAY_MS)
        gap.append(max(later - earlier for earlier, later in pairwise(ordered)) // DAY_MS)
    return {"last_days": max(last), "gap_days": max(gap)} if last else {}
