"""Loaders of `series` and `rules`.

x: {series: csat, over: 4q, every: quarter, where: {channel: voice}, sample: 30}
x: {series: {each: key_kpis}, over: 4q, every: quarter, good: "met >= 3 || p_better < 0.05"}
x: {series: {each: key_processes}, over: 4q, every: quarter, any_of: metrics, good: "met == 4"}
x: {series: {each: key_kpis}, over: 4q, every: quarter, against: benchmark, good: "rank >= 75.0"}
x: {rules: "D-EMG-*"}
"""

import re
from collections.abc import Mapping

from ccmm_rules.cel import Compiled, Language
from ccmm_rules.model import Read
from ccmm_rules.operators.masking import during_of, feeds_of
from ccmm_rules.operators.metric_load import metric_of, where_of
from ccmm_rules.parsing import GRAINS, ReadContext, check_fits, check_keys, test_of, whole_of, words_of
from ccmm_rules.spec import GRAIN_WINDOWS, RulesSpec, SeriesSpec, parse_window, parse_window_text
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Metric, Vocabulary

BENCHMARK = "benchmark"
# What a test on one metric of a list may use. Changes count toward the metric's better side: above 0 is better.
ROW_NAMES: Mapping[str, str] = {
    "value": "double",
    "n": "int",
    "met": "int",
    "on_target": "bool",
    "change": "double",
    "change_pct": "double",
    "signals": "int",
    "in_control_share": "double",
    "p_better": "double",
    "p_worse": "double",
}
_PATTERN = re.compile(r"\*|[A-Z]{1,3}-(\*|[A-Z]{3}-([0-9]{2}|\*))")


def load_series(node: Node, context: ReadContext) -> Read:
    """One metric by calendar grain, or a row per metric of a profile list."""
    series = node.child("series")
    if isinstance(series.value, Mapping):
        return _load_list(node, series, context)
    check_keys(node, "series", "over", "every", "where", "sample", "during")
    metric = metric_of(series, context)
    where, during = where_of(node, metric, context.vocabulary), during_of(node, context, metric)
    spec = _spec(node, metric=metric.id, where=where, during=during)
    feeds = feeds_of(metric, spec.during)
    return context.read("series", spec, _single_names(metric), _single_units(metric), feeds)


def _single_names(metric: Metric) -> dict[str, str]:
    names = dict.fromkeys(("", "step", "step_pct", "change", "change_pct", "median"), "double")
    names |= {"n": "int", "signals": "int"}
    if metric.better != "band":
        names |= {"p_better": "double", "p_worse": "double"}
    return names


def _single_units(metric: Metric) -> dict[str, str]:
    units = dict.fromkeys(("", "step", "change", "median"), metric.unit)
    return units | {"step_pct": "%", "change_pct": "%", "signals": "count"}


def _load_list(node: Node, series: Node, context: ReadContext) -> Read:
    check_keys(node, "series", "over", "every", "sample", "any_of", "against", "good")
    errors = series.only(frozenset(("each",)))
    if errors:
        series.fail(errors[0].message, "write {each: key_kpis}")
    each = series.child("each")
    question = context.vocabulary.profile.get(each.text())
    if question is None or question.type != "list":
        each.fail(f"'{each.text()}' is no list of the profile", "name a profile list such as key_kpis")
    any_of, against = _word(node, "any_of", "metrics"), _word(node, "against", BENCHMARK)
    node.child("good")
    names = {**ROW_NAMES, **({"rank": "double"} if against else {})}
    spec = _spec(
        node,
        each=each.text(),
        any_of=any_of,
        against=against,
        test=test_of(node, lambda child: _row_test(child, names, context.vocabulary)),
    )
    bound = {"n": "int", "good": "int", "bad": "int", "share": "double"}
    feeds = {*context.vocabulary.measures, *(("attestation",) if against else ())}
    return context.read("series", spec, bound, {"good": "count", "bad": "count", "share": "%"}, tuple(sorted(feeds)))


def _word(node: Node, key: str, only: str) -> str:
    child = node.get(key)
    if child is None:
        return ""
    if child.text() != only:
        child.fail(f"'{child.text()}' is not known here", f"write {key}: {only}")
    return only


def _row_test(node: Node, names: Mapping[str, str], vocabulary: Vocabulary) -> Compiled:
    profile = {f"profile.{name}": question.type for name, question in vocabulary.profile.items()}
    return Language({**profile, **names}).compile_node(node)


def _spec(node: Node, **parts: object) -> SeriesSpec:
    over, every = parse_window(node.child("over")), node.child("every")
    step = GRAIN_WINDOWS.get(every.text()) or parse_window_text(every.text())
    if step is None or step.unit == "h" or (every.text() not in GRAINS and over.unit != step.unit):
        every.fail(f"'{every.text()}' is no grain of a series", "write day, week, month, quarter, or 4q for over: 8q")
    if over.unit == "h" or (over.unit == step.unit and over.count % step.count):
        node.child("over").fail("the window must hold whole points of the series", "write over: 4q, every: quarter")
    check_fits(node.child("over"), over, every)
    whole: dict[str, object] = {"metric": "", "each": "", "any_of": "", "against": "", "where": (), "test": None}
    return SeriesSpec(
        over=over,
        every=every.text(),
        sample=whole_of(node, "sample", 1),
        **{**whole, **parts},  # type: ignore[arg-type]  # parts of the two forms above
    )


def load_rules(node: Node, context: ReadContext) -> Read:
    """`{rules: "D-EMG-*"}` or a list of ids and patterns."""
    check_keys(node, "rules")
    child = node.child("rules")
    patterns = words_of(child) if isinstance(child.value, tuple) else (child.text(),)
    for pattern in patterns:
        if _PATTERN.fullmatch(pattern) is None:
            child.fail(f"'{pattern}' is no rule or pattern of rules", 'write "D-EMG-01" or "D-EMG-*"')
    if not patterns:
        child.fail("no rule", 'write "D-EMG-*"')
    units = {"satisfied": "count", "open": "count"}
    return context.read("rules", RulesSpec(rules=patterns), dict.fromkeys(("n", "satisfied", "open"), "int"), units, ())
