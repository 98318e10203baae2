"""Loaders of the reads over measures: `metric`, `slots`, `coverage`."""

from ccmm_rules.errors import one_of
from ccmm_rules.model import Read
from ccmm_rules.operators.masking import during_of, feeds_of
from ccmm_rules.parsing import GRAINS, ReadContext, check_fits, check_keys, grouping_of, whole_of, words_of
from ccmm_rules.spec import DAY_MS, CoverageSpec, MetricSpec, SlotSpec, parse_span_ms, parse_window
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Metric, Vocabulary

QUARTER_MS = 900_000


def load_metric(node: Node, context: ReadContext) -> Read:
    """`{metric: answer_rate, over: 90d, where: {channel: voice}, by: queue, expect: queues, sample: 30}`."""
    check_keys(node, "metric", "over", "where", "by", "expect", "sample", "during")
    metric = metric_of(node.child("metric"), context)
    group = grouping_of(node, metric.dimensions, context.vocabulary, grains=False)
    if group is not None and metric.better == "band":
        node.child("by").fail(
            f"'{metric.id}' has no better side, so no worst group", "use slots with meets: [low, high]"
        )
    if metric.formula == "range":
        node.child("metric").fail(f"'{metric.id}' has two ends", "use slots with meets: [low, high]")
    if group is not None and metric.formula == "chi2_p":
        node.child("by").fail(f"'{metric.id}' compares one table of cells", "leave 'by' out")
    spec = MetricSpec(
        metric=metric.id,
        over=parse_window(node.child("over")),
        where=where_of(node, metric, context.vocabulary),
        group=group,
        sample=whole_of(node, "sample", 1),
        during=during_of(node, context, metric),
    )
    names = {"": "double", "n": "int"}
    if group is not None:
        names |= {"median": "double", "mean": "double", "spread": "double", "groups": "int"}
    units = dict.fromkeys(("", "median", "mean", "spread"), metric.unit)
    return context.read("metric", spec, names, units, feeds_of(metric, spec.during))


def metric_of(node: Node, context: ReadContext) -> Metric:
    metric = context.vocabulary.metrics.get(node.text())
    if metric is None:
        node.fail(f"'{node.text()}' is no metric", one_of(node.text(), context.vocabulary.metrics))
    return metric


def where_of(node: Node, metric: Metric, vocabulary: Vocabulary) -> tuple[tuple[str, str], ...]:
    where = node.get("where")
    if where is None:
        return ()
    for key, value in where.mapping().items():
        if key not in metric.dimensions:
            where.keys[key].fail(f"'{key}' is no dimension", one_of(key, metric.dimensions))
        known = vocabulary.dimensions.get(key)
        if known is not None and value.text() not in known:
            value.fail(f"'{value.text()}' is no word of {key}", one_of(value.text(), known))
        if any(vocabulary.measures[measure].dimensions[key].startswith("@") for measure in metric.measures):
            where.keys[key].fail(f"'{key}' is a pseudonym and cannot be named", f"write by: {key}")
    return tuple(sorted((key, value.text()) for key, value in where.mapping().items()))


def load_slots(node: Node, context: ReadContext) -> Read:
    """`{slots: answer_rate, over: 30d, every: 24h, step: 15m, meets: 95, by: queue, expect: queues, sample: 30}`."""
    check_keys(node, "slots", "over", "where", "every", "step", "meets", "by", "expect", "sample", "during")
    metric = metric_of(node.child("slots"), context)
    every, step = node.child("every"), node.get("step")
    _check_slots(every, step, metric)
    over = parse_window(node.child("over"))
    check_fits(node.child("over"), over, every)
    meets = node.child("meets")
    spec = SlotSpec(
        metric=metric.id,
        over=over,
        where=where_of(node, metric, context.vocabulary),
        group=grouping_of(node, metric.dimensions, context.vocabulary, grains=False),
        sample=whole_of(node, "sample", 1),
        every=every.text(),
        step_ms=parse_span_ms(step) if step is not None else None,
        meets=_meets(meets, metric),
        target=meets.value == "target",
        during=during_of(node, context, metric),
    )
    names = dict.fromkeys(("n", "good", "bad", "streak"), "int") | {"share": "double"}
    if metric.formula != "range":
        names["median"] = "double"
    if metric.better != "band":
        names["worst"] = "double"
    units = {
        "good": "count",
        "bad": "count",
        "streak": "count",
        "share": "%",
        "worst": metric.unit,
        "median": metric.unit,
    }
    return context.read("slots", spec, names, units, feeds_of(metric, spec.during))


def _check_slots(every: Node, step: Node | None, metric: Metric) -> None:
    """Slots hold whole periods; those above a day whole days; a gap by the day has no longer ones."""
    if metric.formula == "chi2_p":
        every.fail(f"'{metric.id}' compares one table of cells", "use metric")
    if metric.grain and every.text() in GRAINS and every.text() != metric.grain:
        every.fail(f"'{metric.id}' is taken by the {metric.grain}", f"write every: {metric.grain}")
    if every.text() in GRAINS:
        if step is not None:
            step.fail("calendar slots do not roll", "leave 'step' out")
        return
    length, period = parse_span_ms(every), metric.period_ms
    if metric.grain and length > DAY_MS:
        every.fail(f"'{metric.id}' is taken by the {metric.grain}", f"write every: {metric.grain}")
    if length < period or length % period or (length > DAY_MS and length % DAY_MS):
        every.fail(f"slots of '{metric.id}' are multiples of {period // 60_000} minutes", "write 15m, 1h, 24h or day")
    if step is not None and (parse_span_ms(step) % period or length % parse_span_ms(step) or parse_span_ms(step) <= 0):
        step.fail("'step' must divide 'every' and hold whole periods", "write step: 15m")


def _meets(node: Node, metric: Metric) -> tuple[float, float] | None:
    """Closed interval that a good slot lies in; None: the rule's limit or the center's target decides."""
    if isinstance(node.value, tuple):
        bounds = [child.number() for child in node.sequence()]
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            node.fail("a band has two ends", "write meets: [70, 85]")
        return (bounds[0], bounds[1])
    if node.value == "target":
        return None
    if metric.better == "band":
        node.fail(f"'{metric.id}' has no better side", "write meets: [low, high]")
    if node.value == "limit":
        return None
    bound = node.number()
    if metric.is_share and not 0 <= bound <= 100:
        node.fail(f"'{metric.id}' is 0 to 100 %", "write a bound that it can reach")
    return (bound, float("inf")) if metric.better == "up" else (float("-inf"), bound)


def load_coverage(node: Node, context: ReadContext) -> Read:
    """`{coverage: [calls_offered], over: 30d, every: 15m, by: queue, expect: queues}`: feeds are measures or kinds."""
    check_keys(node, "coverage", "over", "every", "by", "expect")
    feeds = words_of(node.child("coverage"))
    known = (*context.vocabulary.measures, *context.vocabulary.kinds)
    for child in node.child("coverage").sequence():
        if child.text() not in known:
            child.fail(f"'{child.text()}' is no measure or kind", one_of(child.text(), known))
    if not feeds:
        node.child("coverage").fail("no feed", "name measures or kinds")
    every = node.child("every")
    every_ms = parse_span_ms(every)
    if every_ms < QUARTER_MS or DAY_MS % every_ms:
        every.fail("'every' must divide a day and hold whole quarter hours", "write 15m, 1h or 1d")
    over = parse_window(node.child("over"))
    check_fits(node.child("over"), over, every)
    dimensions = frozenset.intersection(
        *(
            frozenset(context.vocabulary.measures[f].dimensions if f in context.vocabulary.measures else ())
            for f in feeds
        )
    )
    spec = CoverageSpec(
        feeds=feeds,
        over=over,
        every_ms=every_ms,
        group=grouping_of(node, dimensions, context.vocabulary, grains=False),
    )
    names = {"share": "double", "n": "int", "gaps": "int"}
    if spec.group is not None:
        names |= {"groups": "int", "absent": "int"}
    units = {"share": "%", "gaps": "count", "groups": "count", "absent": "count"}
    return context.read("coverage", spec, names, units, tuple(sorted(feeds)))
