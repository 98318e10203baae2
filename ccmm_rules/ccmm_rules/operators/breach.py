"""`breach.METRIC`: runs of closed slots beyond what a slot should meet. Slots with nothing to divide end a run."""

from collections.abc import Iterator, Sequence

from ccmm_rules.evidence import AttributeValue, Happening
from ccmm_rules.operators.slot_values import Group, SlotValue, SlotValues
from ccmm_rules.spec import Derived

Band = tuple[float, float]


def breaches(derived: Derived, metric: str, values: SlotValues, meets: Band) -> Iterator[Happening]:
    """One row per run and group, with `split` one per slot; open where the newest closed slot is still beyond."""
    for group, slots in values.groups.items():
        for run in _runs([slot for slot in slots if _beyond(slot, meets) > 0], split=derived.split):
            open_still = not derived.split and run[-1].slot.to_ms == values.until_ms
            yield _row(metric, group if derived.by else None, run, meets, open_still=open_still)


def _beyond(slot: SlotValue, meets: Band) -> float:
    """How far outside, on the worse side; 0 or less: within."""
    return max(meets[0] - slot.ends[0], slot.ends[1] - meets[1])


def _runs(beyond: Sequence[SlotValue], *, split: bool) -> list[list[SlotValue]]:
    runs: list[list[SlotValue]] = []
    for slot in beyond:
        if runs and not split and slot.place == runs[-1][-1].place + 1:
            runs[-1].append(slot)
        else:
            runs.append([slot])
    return runs


def _row(metric: str, group: Group | None, run: Sequence[SlotValue], meets: Band, *, open_still: bool) -> Happening:
    low, high = max(run, key=lambda slot: _beyond(slot, meets)).ends
    worst = low if meets[0] - low > high - meets[1] else high
    attributes: dict[str, AttributeValue] = {"metric": metric, "worst": worst, "slots": len(run)}
    if group is not None:
        attributes["group"] = group
    start = run[0].slot.from_ms
    return Happening(
        agent="",
        source="",
        id=f"{metric}/{'' if group is None else group}/{start}",
        started_ms=start,
        ended_ms=None if open_still else run[-1].slot.to_ms,
        key_id="",
        attributes=attributes,
    )
