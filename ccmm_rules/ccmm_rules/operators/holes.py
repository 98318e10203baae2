"""What a hole leaves of a read: a statement is lost, and it may have held anything."""

from collections.abc import Mapping

from ccmm_rules.conclude import Bound
from ccmm_rules.dependence import uses
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Read, Rule

RAISED = frozenset(("good", "n", "groups", "least", "streak", "both"))
LOWERED = frozenset(("absent", "last_days", "gap_days"))


def holed(read: Read, rule: Rule, reason: str, worst: Mapping[str, Scalar]) -> Bound:
    """Under a hole only names that more evidence could but raise (or lower) stay, and in the worst look only."""
    kept = {}
    for short, value in worst.items():
        allowed = {">="} if short in RAISED else {"<="} if short in LOWERED else set()
        if allowed and uses(rule.require.tree, read.full(short)) <= allowed:
            kept[short] = value
    return Bound(state="inconclusive", reason=reason, worst=kept, best={})
