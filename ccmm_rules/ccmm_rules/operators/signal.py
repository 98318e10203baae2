"""`signal.METRIC`: points beyond the natural process limits of an XmR chart over the points of the window."""

from collections.abc import Iterator

from ccmm_rules.evidence import AttributeValue, Happening
from ccmm_rules.operators.slot_values import Group, SlotValue, SlotValues
from ccmm_rules.operators.trend import chart_of
from ccmm_rules.spec import Derived

LEAST_POINTS = 8  # fewer give no limits worth the name


def is_too_short(values: SlotValues) -> bool:
    """Whether some group has too few points to tell a signal from noise."""
    return not values.groups or any(len(slots) < LEAST_POINTS for slots in values.groups.values())


def signals_in(derived: Derived, metric: str, values: SlotValues) -> Iterator[Happening]:
    """One row per such point; `sigma` is its distance from the mean, negative below it."""
    for group, slots in values.groups.items():
        chart = chart_of([slot.value for slot in slots])
        for slot in slots:
            if chart.is_signal(slot.value):
                yield _row(metric, group if derived.by else None, slot, (slot.value - chart.mean) / chart.sigma)


def _row(metric: str, group: Group | None, point: SlotValue, sigma: float) -> Happening:
    attributes: dict[str, AttributeValue] = {"metric": metric, "sigma": sigma}
    if group is not None:
        attributes["group"] = group
    return Happening(
        agent="",
        source="",
        id=f"{metric}/{'' if group is None else group}/{point.slot.from_ms}",
        started_ms=point.slot.from_ms,
        ended_ms=point.slot.to_ms,
        key_id="",
        attributes=attributes,
    )
