"""`during`: the time that counts, of a read over measures."""

from ccmm_rules.parsing import ReadContext, check_keys
from ccmm_rules.rowlanguage import compile_row_test
from ccmm_rules.spec import During
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Metric


def during_of(node: Node, context: ReadContext) -> During | None:
    """`during: open_hours`, or `during: {occurrences: exercise, of: "class == 'failover'"}`."""
    during = node.get("during")
    if during is None:
        return None
    if isinstance(during.value, str):
        if during.text() != "open_hours":
            during.fail(f"'{during.text()}' is no time", 'write open_hours or {occurrences: exercise, of: "..."}')
        return During(open_hours=True)
    check_keys(during, "occurrences", "of")
    kind, of = during.child("occurrences"), during.get("of")
    found = context.vocabulary.kinds.get(kind.text())
    if found is None or found.form != "occurrence":
        kind.fail(f"'{kind.text()}' is no kind of occurrences", "write {occurrences: exercise}")
    return During(kind=found.name, of=compile_row_test(of, found.name) if of is not None else None)


def feeds_of(metric: Metric, during: During | None) -> tuple[str, ...]:
    """Its measures, and the kind whose occurrences say which time counts."""
    return (*metric.measures, *((during.kind,) if during is not None and during.kind else ()))
