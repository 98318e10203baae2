"""Loader of the reads over rows: `inventory`, `occurrences`, `documents`, `attestations`."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from ccmm_rules.derived import is_derived, kind_named
from ccmm_rules.errors import PackErrors, one_of
from ccmm_rules.model import Read
from ccmm_rules.operators.computed import computed_feeds
from ccmm_rules.operators.derived_load import derived_keys, feeds_of, load_derived
from ccmm_rules.parsing import (
    LAG_UNITS,
    ReadContext,
    check_keys,
    empty_of,
    flag_of,
    grouping_of,
    lag_unit_of,
    test_of,
    whole_of,
    words_of,
)
from ccmm_rules.rowlanguage import attribute_types, compile_row_test, row_names
from ccmm_rules.spec import Derived, Grouping, RowSource, RowsSpec, parse_window
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Vocabulary

FORMS = {"inventory": "inventory", "occurrences": "occurrence", "documents": "document", "attestations": "attestation"}
_COMMON = ("of", "good", "bad", "number", "by", "expect", "sample", "empty")
_KEYS = {
    "inventory": (*_COMMON, "weight"),
    "occurrences": (*_COMMON, "over", "newest", "lag", "in", "abs"),
    "documents": (*_COMMON, "newest"),
    "attestations": (*_COMMON, "newest"),
}
_ATTRIBUTE_UNITS = {"_days": "days", "_hours": "hours", "_minutes": "min"}


def row_source(node: Node, operator: str, vocabulary: Vocabulary, *, first_by: bool = False, by: str = "") -> RowSource:
    """The part `{inventory: account, of: "enabled"}` of a read; `by` splits derived rows by a dimension."""
    kind_name, document_class, derived = _kind_of(node, operator, vocabulary, by)
    of = node.get("of")
    first = node.get("first_by") if first_by else None
    known = attribute_types(kind_named(kind_name, vocabulary))
    if first is not None and first.text() not in known:
        first.fail(f"'{first.text()}' is no attribute of {kind_name}", one_of(first.text(), known))
    return RowSource(
        kind=kind_name,
        form=FORMS[operator],
        document_class=document_class,
        of=compile_row_test(of, kind_name) if of is not None else None,
        first_by=first.text() if first is not None else "",
        derived=derived,
    )


def source_feeds(source: RowSource, vocabulary: Vocabulary, asked: Collection[str]) -> tuple[str, ...]:
    """What an arrival must bring to change these rows; `asked` are the names that tests use of them."""
    if source.derived is not None:
        return feeds_of(source.derived, vocabulary)
    names = {*asked, *(source.of.names if source.of is not None else ())}
    return (source.kind, *computed_feeds(vocabulary.kinds[source.kind], names, vocabulary))


def _kind_of(node: Node, operator: str, vocabulary: Vocabulary, by: str) -> tuple[str, str, Derived | None]:
    """(kind, class, derived): documents and attestations name a class, or `any`."""
    name_node = node.child(operator)
    name = name_node.text()
    if operator in ("documents", "attestations"):
        kind = FORMS[operator]
        words = vocabulary.words_of(kind, "class")
        if name != "any" and name not in words:
            name_node.fail(f"'{name}' is no class of {kind}", one_of(name, ("any", *words)))
        return kind, "" if name == "any" else name, None
    if operator == "occurrences" and is_derived(name):
        kind, derived = load_derived(node, name_node, vocabulary, by=by)
        return kind, "", derived
    kinds = sorted(kind.name for kind in vocabulary.kinds.values() if kind.form == FORMS[operator])
    if name not in kinds:
        name_node.fail(f"'{name}' is no kind of {operator}", one_of(name, kinds))
    return name, "", None


def load_rows(node: Node, context: ReadContext, operator: str) -> Read:
    """A read of rows."""
    name = node.child(operator).value
    keys = derived_keys(name) if operator == "occurrences" and isinstance(name, str) and is_derived(name) else ()
    check_keys(node, operator, *_KEYS[operator], *keys)
    vocabulary = context.vocabulary
    by = _dimension(node, str(name), vocabulary) if "by" in keys else ""
    source = row_source(node, operator, vocabulary, by=by)
    types = dict(attribute_types(kind_named(source.kind, vocabulary)))
    group = grouping_of(node, types | ({by: "text"} if by else {}), vocabulary, grains=operator == "occurrences")
    if group is not None and by:
        group = replace(group, by="group")
    group = _with_entries(node, group, types, source, vocabulary)
    over = node.get("over")
    if over is None and source.derived is not None:
        node.fail("'over' is not there", "derived rows need a window: add over: 90d")
    if over is None and group is not None and group.unit:
        node.fail("'by' a calendar grain needs 'over'", "add over: 52w")
    newest = node.get("newest")
    number, number_type = _number(node, source.kind, vocabulary)
    lag = _lag(node, source.kind, vocabulary)
    spec = RowsSpec(
        source=source,
        test=test_of(node, lambda test: compile_row_test(test, source.kind)),
        over=parse_window(over) if over is not None else None,
        newest=max(newest.whole(), 1) if newest is not None else None,
        number=number,
        number_type=number_type,
        lag=lag,
        lag_unit=lag_unit_of(node) if lag else "",
        absolute=flag_of(node, "abs"),
        group=group,
        sample=whole_of(node, "sample", 0),
        empty=empty_of(node),
        weight=_weight(node, source.kind, vocabulary),
    )
    names, units = _names(spec, operator)
    return context.read(operator, spec, names, units, _feeds(spec, vocabulary))


def _feeds(spec: RowsSpec, vocabulary: Vocabulary) -> tuple[str, ...]:
    asked = {spec.number, *(spec.test.compiled.names if spec.test is not None else ())}
    feeds = set(source_feeds(spec.source, vocabulary, asked))
    if spec.group is not None and spec.group.entries is not None:
        feeds.add(spec.group.entries.kind)
    return tuple(sorted(feeds))


def _with_entries(
    node: Node, group: Grouping | None, types: Mapping[str, str], source: RowSource, vocabulary: Vocabulary
) -> Grouping | None:
    """`expect: {inventory: person, of: "active", key: key}`: the entries that must have a row."""
    expect = node.get("expect")
    if group is None or expect is None:
        return group
    word = types[group.by] if not group.grain else ""
    if not isinstance(expect.value, Mapping):
        if word not in ("text", "string"):
            expect.fail(f"{group.by} is {word}, a list holds text", "expect a filtered inventory")
        return group
    if source.derived is not None:
        expect.fail("derived rows are expected of no list", "leave 'expect' out")
    errors = expect.only(frozenset(("inventory", "of", "key")))
    if errors:
        raise PackErrors(errors)
    entries, key = row_source(expect, "inventory", vocabulary), expect.child("key")
    found = attribute_types(kind_named(entries.kind, vocabulary)).get(key.text())
    if found is None:
        key.fail(f"'{key.text()}' is no attribute of {entries.kind}", "write key: key")
    if found != word:
        key.fail(f"{entries.kind}.{key.text()} is {found}, {group.by} is {word}", "name one of the same type")
    return replace(group, entries=entries, entry_key=key.text())


def _dimension(node: Node, name: str, vocabulary: Vocabulary) -> str:
    """`by: queue` of a breach: its rows are made by queue, and grouped so."""
    by, metric = node.get("by"), vocabulary.metrics.get(name.partition(".")[2])
    return by.text() if by is not None and metric is not None and by.value in metric.dimensions else ""


def _number(node: Node, kind: str, vocabulary: Vocabulary) -> tuple[str, str]:
    number = node.get("number")
    if number is None:
        return "", ""
    word = row_names(kind_named(kind, vocabulary)).get(number.text())
    if word not in ("int", "double"):
        number.fail(f"'{number.text()}' is no number of {kind}", "name an attribute of type int or double")
    return number.text(), word


def _weight(node: Node, kind: str, vocabulary: Vocabulary) -> str:
    weight = node.get("weight")
    if weight is None:
        return ""
    if attribute_types(kind_named(kind, vocabulary)).get(weight.text()) not in ("int", "double"):
        weight.fail(f"'{weight.text()}' is no number of {kind}", "name an attribute of type int or double")
    if "good" not in node.mapping() and "bad" not in node.mapping():
        weight.fail("'weight' without a test", "say what is good or bad: a share is weighted")
    if "by" in node.mapping():
        weight.fail("'weight' and 'by' exclude each other", "one weighted share is of all entries")
    return weight.text()


def stamps_of(kind: str, vocabulary: Vocabulary) -> frozenset[str]:
    return frozenset(name for name, word in attribute_types(kind_named(kind, vocabulary)).items() if word == "time")


def _lag(node: Node, kind: str, vocabulary: Vocabulary) -> tuple[str, str] | None:
    lag = node.get("lag")
    if lag is None:
        if "in" in node.mapping() or "abs" in node.mapping():
            node.fail("'in' and 'abs' belong to 'lag'", "add lag: [started, acked]")
        return None
    stamps = stamps_of(kind, vocabulary)
    ends = words_of(lag)
    if len(ends) != 2 or not stamps.issuperset(ends):
        lag.fail("a lag goes between two times", f"write two of {', '.join(sorted(stamps))}")
    return ends[0], ends[1]


def _names(spec: RowsSpec, operator: str) -> tuple[dict[str, str], dict[str, str]]:
    names = {"n": "int"}
    units = {"share": "%", "covered": "%", "worst": "%", "spread": "%", "last_days": "days", "gap_days": "days"}
    units |= dict.fromkeys(("good", "bad", "groups", "absent", "least", "most"), "count")
    if spec.test is not None:
        names |= {spec.test.side: "int", "share": "double"}
    elif operator in ("documents", "attestations"):
        names |= {"good": "int"}
    if spec.number:
        names |= dict.fromkeys(("min", "max", "sum", "p50", "p90", "p95"), spec.number_type)
        unit = next((unit for end, unit in _ATTRIBUTE_UNITS.items() if spec.number.endswith(end)), "")
        units |= dict.fromkeys(("min", "max", "sum", "p50", "p90", "p95"), unit)
    if spec.lag:
        names |= dict.fromkeys(("p50", "p90", "p95", "max"), "double")
        units |= dict.fromkeys(("p50", "p90", "p95", "max"), LAG_UNITS[spec.lag_unit])
    if spec.group is not None:
        names |= _group_names(spec.group, tested=spec.test is not None)
    if operator != "inventory":
        names |= {"last_days": "int"}
    if operator == "occurrences":
        names |= {"gap_days": "int"}
    return names, units


def _group_names(group: Grouping, *, tested: bool) -> dict[str, str]:
    names = {"groups": "int", "least": "int", "most": "int"}
    if group.expects:
        names |= {"absent": "int", "covered": "double"}
    if tested:
        names |= {"worst": "double", "spread": "double"}
    return names
