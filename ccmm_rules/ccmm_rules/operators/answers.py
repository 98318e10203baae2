"""Which scope answers a read rests on, beside those that its rule names: they too have an end and stand in the log."""

from collections.abc import Iterator

from ccmm_rules.cel import Compiled
from ccmm_rules.model import Spec
from ccmm_rules.spec import Grouping, MatchSpec, MetricSpec, RowsSpec, SeriesSpec, SlotSpec
from ccmm_rules.vocabulary.tables import Metric, Vocabulary


def target_names(metric: Metric) -> list[str]:
    """Where the center's own target of a metric stands; of a band two."""
    name = f"target.{metric.id}"
    return [f"{name}.low", f"{name}.high"] if metric.better == "band" else [name]


def answers_of(spec: Spec, vocabulary: Vocabulary) -> set[str]:
    """Names of scope answers: lists of expected groups and of metrics, opening hours, targets, what tests name."""
    group: Grouping | None = getattr(spec, "group", None)
    names = {group.profile_list} if group is not None and group.profile_list else set()
    if isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) and spec.during is not None and spec.during.open_hours:
        names.add("open_hours")
    if isinstance(spec, SlotSpec) and spec.target:
        names.update(target_names(vocabulary.metrics[spec.metric]))
    if isinstance(spec, SeriesSpec) and spec.each:
        names.add(spec.each)
    for test in _tests(spec):
        names.update(name.removeprefix("profile.") for name in test.names if name.startswith("profile."))
    return names


def _tests(spec: Spec) -> Iterator[Compiled]:
    """Every filter and test in it."""
    found: list[Compiled | None] = []
    if isinstance(spec, RowsSpec):
        found += [spec.source.of]
    if isinstance(spec, MatchSpec):
        joinings = [*spec.partners, *((spec.also,) if spec.also is not None else ())]
        found += [spec.base.of, *(part for joining in joinings for part in (joining.source.of, joining.condition))]
    if isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) and spec.during is not None:
        found += [spec.during.of]
    if isinstance(spec, RowsSpec | MatchSpec | SeriesSpec) and spec.test is not None:
        found += [spec.test.compiled]
    return (test for test in found if test is not None)
