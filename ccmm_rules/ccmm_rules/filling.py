"""From a numerator and a denominator back to the measures of a metric, for scenarios."""

from ccmm_rules.vocabulary.tables import Metric, Vocabulary


def measure_values(
    metric: Metric, over: int, under: int, vocabulary: Vocabulary
) -> dict[str, tuple[int, float, tuple[int, ...]]]:
    """(count, total, buckets) of each measure, so that the metric is over / under."""
    bounds = vocabulary.wait_bounds_s
    found: dict[str, tuple[int, float, tuple[int, ...]]] = {}
    for measure in metric.measures:
        histogram = vocabulary.measures[measure].shape == "histogram"
        found[measure] = (0, 0.0, (0,) * (len(bounds) + 1) if histogram else ())
    over_terms, rest = metric.over[:1], over
    if len(metric.over) == 2 and metric.over[:1] == metric.under[:1] and metric.over[1].sign < 0:
        over_terms, rest = metric.over[1:], under - over  # the numerator is the denominator without this
    for terms, amount in ((metric.under[:1], under), (over_terms, rest)):
        for term in terms:
            count, total, buckets = found[term.measure]
            if term.part == "total":
                found[term.measure] = (count, float(amount), buckets)
            elif not buckets:
                found[term.measure] = (amount, total, buckets)
            elif term.part == "within":
                place, held = bounds.index(term.bound_s), sum(buckets)
                spread = [
                    amount if i == place else held - amount if i == len(bounds) else 0 for i in range(len(bounds) + 1)
                ]
                found[term.measure] = (0, total, tuple(spread))
            else:
                found[term.measure] = (0, total, (*(0,) * len(bounds), amount))
    return found
