"""Groups: who is expected, and the one rest group of those too small to judge."""

from collections.abc import Mapping

from ccmm_rules.operators.tally import Tally, joined, sample_of, value_of
from ccmm_rules.operators.view import View
from ccmm_rules.spec import Grouping
from ccmm_rules.vocabulary.tables import Metric


def expected_of(group: Grouping | None, view: View) -> tuple[tuple[str, ...] | None, str]:
    """(expected groups or None, reason why they are not known)."""
    if group is None or group.grain:
        return None, ""
    if group.words is not None:
        return group.words, "" if group.words else "empty"
    if not group.profile_list:
        return None, ""
    answer = view.answers.get(group.profile_list)
    if not isinstance(answer, list):
        return None, "unanswered"
    return tuple(answer), "" if answer else "empty"


def judged_values(metric: Metric, tallies: Mapping[object, Tally], sample: int) -> list[tuple[str, float]]:
    """(group, value) of each group with enough, and of all the others together (no name) if that is enough."""
    least = 0 if metric.formula == "count" else max(sample, 1)
    large = [(named(group), tally) for group, tally in tallies.items() if sample_of(metric, tally) >= least]
    small = [tally for tally in tallies.values() if sample_of(metric, tally) < least]
    if small:
        rest = joined(metric, small)
        large += [("", rest)] if sample_of(metric, rest) >= least else []
    return [(group, value) for group, tally in large if (value := value_of(metric, tally)) is not None]


def named(group: object) -> str:
    """As it is shown: a pseudonym in hexadecimal."""
    return f"{group:016x}" if isinstance(group, int) else str(group)


def median(values: list[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def worst_of(metric: Metric, values: list[tuple[str, float]]) -> tuple[str, float]:
    """The group that is worst, and its value; of several the first by name."""
    better_up = metric.better == "up"
    return min(values, key=lambda pair: (pair[1] if better_up else -pair[1], pair[0]))
