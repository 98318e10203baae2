"""Loader of derived occurrences: `{occurrences: breach.service_level, every: 15m, meets: target, by: queue}`."""

from ccmm_rules.derived import name_of
from ccmm_rules.errors import one_of
from ccmm_rules.parsing import GRAINS, flag_of
from ccmm_rules.spec import DAY_MS, Derived, parse_span_ms
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Metric, Vocabulary

KEYS = {"breach": ("every", "meets", "split", "by"), "signal": ("every", "by"), "change": (), "silence": ()}


def derived_keys(name: str) -> tuple[str, ...]:
    """The keys that belong to derived rows of this name."""
    return KEYS.get(name.partition(".")[0], ())


def load_derived(node: Node, name_node: Node, vocabulary: Vocabulary, *, by: str = "") -> tuple[str, Derived]:
    """(kind, what the rows are made of). `by`: a dimension of the metric, one row set per group of it."""
    form, _, of = name_node.text().partition(".")
    if form == "silence":
        if of:
            name_node.fail(f"'{name_node.text()}' is nothing that can be read", "write silence")
        return form, Derived(form=form, of="")
    if form == "change":
        _check_inventory(name_node, of, vocabulary)
        return name_of(form, of, ""), Derived(form=form, of=of)
    question = vocabulary.profile.get(of)
    is_list = question is not None and question.type == "list" and of not in vocabulary.metrics
    metrics = tuple(vocabulary.metrics.values()) if is_list else (_metric(name_node, of, vocabulary),)
    if not is_list and metrics[0].formula == "chi2_p":
        name_node.fail(f"'{of}' compares groups over a whole window", "read it with metric")
    if by and (is_list or by not in metrics[0].dimensions):
        known = "" if is_list else ", ".join(sorted(metrics[0].dimensions))
        node.child("by").fail(f"'{by}' is no dimension of {of}", f"known here: {known or 'none'}")
    breach = form == "breach"
    derived = Derived(
        form=form,
        of=of,
        is_list=is_list,
        every=_every(node, metrics, vocabulary, is_list=is_list),
        meets=_meets(node, metrics, is_list=is_list) if breach else None,
        split=breach and flag_of(node, "split"),
        by=by,
    )
    return name_of(form, of, by), derived


def feeds_of(derived: Derived, vocabulary: Vocabulary) -> tuple[str, ...]:
    """What an arrival must bring to change these rows; of a list of metrics, whatever the list may name."""
    if derived.form == "silence":
        return tuple(sorted((*vocabulary.measures, *vocabulary.kinds)))
    if derived.form == "change":
        return (derived.of,)
    metrics = vocabulary.metrics.values() if derived.is_list else (vocabulary.metrics[derived.of],)
    return tuple(sorted({measure for metric in metrics for measure in metric.measures}))


def _check_inventory(node: Node, of: str, vocabulary: Vocabulary) -> None:
    known = sorted(kind.name for kind in vocabulary.kinds.values() if kind.form == "inventory")
    if of not in known:
        node.fail(f"'{of}' is no inventory", one_of(of, known))


def _metric(node: Node, of: str, vocabulary: Vocabulary) -> Metric:
    if of not in vocabulary.metrics:
        lists = [question.id for question in vocabulary.profile.values() if question.type == "list"]
        known = ", ".join(sorted((*vocabulary.metrics, *lists)))
        node.fail(f"'{of}' is no metric and no list of the profile", f"known: {known}")
    return vocabulary.metrics[of]


def _every(node: Node, metrics: tuple[Metric, ...], vocabulary: Vocabulary, *, is_list: bool) -> str:
    every = node.child("every")
    if every.text() in GRAINS:
        return every.text()
    if is_list:
        every.fail("metrics of a list have no slot in common", f"write {', '.join(GRAINS)}")
    period = max(vocabulary.measures[measure].period_s * 1000 for measure in metrics[0].measures)
    length = parse_span_ms(every)
    if length < period or length % period or (length > DAY_MS and length % DAY_MS):
        every.fail(
            f"slots of '{metrics[0].id}' are multiples of {period // 60_000} minutes", "write 15m, 1h, 24h or day"
        )
    return every.text()


def _meets(node: Node, metrics: tuple[Metric, ...], *, is_list: bool) -> tuple[float, float] | None:
    """Closed interval that a good slot lies in; None: the center's own target decides."""
    meets = node.child("meets")
    if meets.value == "target":
        return None
    if is_list:
        meets.fail("metrics of a list have no limit in common", "write meets: target")
    if isinstance(meets.value, tuple):
        bounds = [child.number() for child in meets.sequence()]
        if len(bounds) != 2 or bounds[0] > bounds[1]:
            meets.fail("a band has two ends", "write meets: [70, 85]")
        return bounds[0], bounds[1]
    if meets.value == "limit":
        meets.fail("rows do not depend on the level", "write a number, [low, high] or target")
    if metrics[0].better == "band":
        meets.fail(f"'{metrics[0].id}' has no better side", "write meets: [low, high]")
    bound = meets.number()
    if metrics[0].is_share and not 0 <= bound <= 100:
        meets.fail(f"'{metrics[0].id}' is 0 to 100 %", "write a bound that it can reach")
    return (bound, float("inf")) if metrics[0].better == "up" else (float("-inf"), bound)
