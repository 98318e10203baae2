"""Loader of `match`: two row sets joined."""

from ccmm_rules.cel import Compiled
from ccmm_rules.derived import kind_named
from ccmm_rules.errors import PackErrors, one_of
from ccmm_rules.model import Read
from ccmm_rules.operators.derived_load import derived_keys
from ccmm_rules.operators.rows import FORMS, row_source, source_feeds, stamps_of
from ccmm_rules.parsing import (
    LAG_UNITS,
    ReadContext,
    check_keys,
    empty_of,
    flag_of,
    lag_unit_of,
    test_of,
    whole_of,
    words_of,
)
from ccmm_rules.rowlanguage import attribute_types, compile_pair_test
from ccmm_rules.spec import Joining, MatchSpec, RowSource, Test, parse_offset_ms, parse_span_ms, parse_window
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Vocabulary

PICKS = ("nearest", "first", "best", "all")
_JOIN_KEYS = ("of", "same", "time", "inside", "overlap", "if")


def load_match(node: Node, context: ReadContext) -> Read:
    """`{match: {...}, with: {...} or [...], pick: nearest, bad: "...", lag: [a.x, b.y], in: hours, by: agent, ...}`."""
    check_keys(node, "match", "with", "pick", "good", "bad", "lag", "in", "abs", "by", "sample", "over", "empty")
    vocabulary = context.vocabulary
    base_node = node.child("match")
    operator = _operator(base_node, ("also", "first_by", "of"))
    base = row_source(base_node, operator, vocabulary, first_by=True, by=_set_by(base_node))
    with_node = node.child("with")
    partner_nodes = with_node.sequence() if isinstance(with_node.value, tuple) else (with_node,)
    if not partner_nodes:
        with_node.fail("no partner", "name at least one row set")
    partners = tuple(_joining(base, partner, vocabulary) for partner in partner_nodes)
    if len({partner.source.form for partner in partners}) > 1 and ("lag" in node.mapping()):
        with_node.fail("partners of one form only, with a lag", "split the read")
    over = node.get("over")
    also = base_node.get("also")
    if any("occurrence" in (base.form, partner.source.form) for partner in partners) and over is None:
        node.fail("'over' is not there", "occurrences need a window: add over: 30d")
    lag = _lag(node, base, partners, vocabulary)
    spec = MatchSpec(
        base=base,
        also=_joining(base, also, vocabulary) if also is not None else None,
        partners=partners,
        over=parse_window(over) if over is not None else None,
        pick=_pick(node, partners),
        test=test_of(node, lambda test: _pair_test(test, base, partners)),
        lag=lag,
        lag_unit=lag_unit_of(node) if lag else "",
        absolute=flag_of(node, "abs"),
        by=_by(node, base, vocabulary),
        sample=whole_of(node, "sample", 0),
        empty=empty_of(node),
    )
    names, units = _names(spec)
    joined = [*partners, *([spec.also] if spec.also else [])]
    sources = (base, *(joining.source for joining in joined))
    tests = [spec.test.compiled if spec.test is not None else None, *(joining.condition for joining in joined)]
    asked = {name[2:] for test in tests if test is not None for name in test.names}
    feeds = tuple(sorted({feed for source in sources for feed in source_feeds(source, vocabulary, asked)}))
    return context.read("match", spec, names, units, feeds)


def _operator(node: Node, beside: tuple[str, ...]) -> str:
    found = [key for key in node.mapping() if key in FORMS]
    if len(found) != 1:
        node.fail("one row set is expected here", f"write one of {', '.join(FORMS)}")
    named = node.child(found[0]).value
    errors = node.only(frozenset((found[0], *beside, *(derived_keys(named) if isinstance(named, str) else ()))))
    if errors:
        raise PackErrors(errors)
    return found[0]


def _set_by(node: Node) -> str:
    by = node.get("by")
    return by.text() if by is not None else ""


def _joining(base: RowSource, node: Node, vocabulary: Vocabulary) -> Joining:
    source = row_source(node, _operator(node, _JOIN_KEYS), vocabulary, by=_set_by(node))
    same, pseudonymous = _same(node.get("same"), base, source, vocabulary)
    time, inside, overlap, condition = (node.get(key) for key in ("time", "inside", "overlap", "if"))
    timed = [part for part in (time, inside, overlap) if part is not None]
    if timed and (base.form != "occurrence" or source.form != "occurrence"):
        timed[0].fail("only occurrences have a start to compare", "join by 'same'")
    if len(timed) > 1:
        timed[1].fail("one of time, inside, overlap", "keep one")
    if not same and not timed:
        node.fail("nothing to join by", "add same: {attribute of a: attribute of b} or time: [-5m, 5m]")
    return Joining(
        source=source,
        same=same,
        time_ms=_interval(time) if time is not None else None,
        inside_ms=parse_span_ms(inside) if inside is not None else None,
        overlap_ms=parse_span_ms(overlap) if overlap is not None else None,
        condition=compile_pair_test(condition, base.kind, source.kind) if condition is not None else None,
        pseudonymous=pseudonymous,
    )


def _interval(node: Node) -> tuple[int, int]:
    ends = [parse_offset_ms(child) for child in node.sequence()]
    if len(ends) != 2 or ends[0] > ends[1]:
        node.fail("an interval has two ends, the lower first", "write time: [-3s, 3s]")
    return ends[0], ends[1]


def _same(
    node: Node | None, base: RowSource, source: RowSource, vocabulary: Vocabulary
) -> tuple[tuple[tuple[str, str], ...], bool]:
    if node is None:
        return (), False
    left, right = (
        attribute_types(kind_named(base.kind, vocabulary)),
        attribute_types(kind_named(source.kind, vocabulary)),
    )
    pseudonymous = False
    for key, child in node.mapping().items():
        if key not in left:
            node.keys[key].fail(f"'{key}' is no attribute of {base.kind}", one_of(key, left))
        if child.text() not in right:
            child.fail(f"'{child.text()}' is no attribute of {source.kind}", one_of(child.text(), right))
        if left[key] != right[child.text()]:
            child.fail(
                f"{base.kind}.{key} is {left[key]}, {source.kind}.{child.text()} is {right[child.text()]}",
                "join two of one sort",
            )
        if left[key] in ("list", "time", "double"):
            child.fail(f"a {left[key]} is no key", "join by text or pseudonym")
        pseudonymous = pseudonymous or left[key].startswith("@")
    return tuple((key, child.text()) for key, child in node.mapping().items()), pseudonymous


def _pick(node: Node, partners: tuple[Joining, ...]) -> str:
    """Said, or: an occurrence serves one `a`; an entry is a state and serves every `a` that names it."""
    pick = node.get("pick")
    if pick is None:
        return "nearest" if any(partner.source.form == "occurrence" for partner in partners) else "first"
    if pick.text() not in PICKS:
        pick.fail(f"'{pick.text()}' is no way to pick", f"write one of {', '.join(PICKS)}")
    return pick.text()


def _pair_test(node: Node, base: RowSource, partners: tuple[Joining, ...]) -> Compiled:
    kinds = {partner.source.kind for partner in partners}
    if len(kinds) > 1:
        node.fail("a test of pairs needs partners of one kind", "split the read")
    return compile_pair_test(node, base.kind, partners[0].source.kind)


def _lag(node: Node, base: RowSource, partners: tuple[Joining, ...], vocabulary: Vocabulary) -> tuple[str, str] | None:
    lag = node.get("lag")
    if lag is None:
        return None
    known = {f"a.{stamp}" for stamp in stamps_of(base.kind, vocabulary)}
    shared = frozenset.intersection(*(stamps_of(partner.source.kind, vocabulary) for partner in partners))
    known |= {f"b.{stamp}" for stamp in shared}
    ends = words_of(lag)
    if len(ends) != 2 or not known.issuperset(ends):
        lag.fail("a lag goes between two times of the pair", f"write two of {', '.join(sorted(known))}")
    return ends[0], ends[1]


def _by(node: Node, base: RowSource, vocabulary: Vocabulary) -> str:
    by = node.get("by")
    if by is None:
        return ""
    known = set(attribute_types(kind_named(base.kind, vocabulary)))
    known |= {"local_hour"} if base.form == "occurrence" else set()
    if by.text() not in known:
        by.fail(f"'{by.text()}' is nothing to group by", one_of(by.text(), known))
    return by.text()


def _names(spec: MatchSpec) -> tuple[dict[str, str], dict[str, str]]:
    names = dict.fromkeys(("a", "b", "both", "only_a", "only_b"), "int")
    names |= dict.fromkeys(("share", "only_a_share", "only_b_share"), "double")
    units = {name: "count" if word == "int" else "%" for name, word in names.items()}
    test: Test | None = spec.test
    if test is not None:
        names |= {test.side: "int", f"{test.side}_share": "double"}
        units |= {test.side: "count", f"{test.side}_share": "%"}
    if spec.lag:
        names |= dict.fromkeys(("p50", "p90", "p95", "max"), "double")
        units |= dict.fromkeys(("p50", "p90", "p95", "max"), LAG_UNITS[spec.lag_unit])
    if spec.by:
        names |= {"worst": "double", "mean": "double", "spread": "double", "groups": "int"}
        units |= {"worst": "%", "mean": "%", "spread": "%", "groups": "count"}
    return names, units
