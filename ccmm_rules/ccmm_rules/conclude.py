"""The outcome of a rule at one level from what its reads bind, see "Outcomes and reasons" of docs/rule-reference.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.dependence import remaining
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome, Read, Rule

PROFILE = "profile."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a read gives at one level. Names are short; a name absent from a look is unbound in it."""

    state: str = ""  # "", missing, inconclusive
    reason: str = ""  # a word: stale, silent, never, hole, uncovered, sample, empty, ...
    worst: Mapping[str, Scalar] = field(default_factory=dict)
    best: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """`blamed` is the read (or `profile.x`) that the reason belongs to; empty where values decided."""

    outcome: Outcome
    reason: str = ""
    blamed: str = ""


_NOT_READ = Bound()
_MET = Conclusion(outcome=Outcome.SATISFIED)
_UNMET = Conclusion(outcome=Outcome.NOT_SATISFIED, reason="values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The names that `require` uses, sorted; of those that reads bind (read, short name, full name)."""

    names: tuple[str, ...]
    bound: tuple[tuple[str, str, str], ...]
    optional: frozenset[str]
    profile: tuple[str, ...]  # as in `names`, with the prefix


@once_by_rule
def asked_of(rule: Rule) -> Asked:
    """What its `require` uses."""
    used = rule.require.names
    reads = [(read, short, read.full(short)) for read in rule.reads for short in read.names]
    return Asked(
        names=tuple(sorted(used)),
        bound=tuple((read.name, short, full) for read, short, full in reads if full in used),
        optional=frozenset(full for read, _, full in reads if read.optional),
        profile=tuple(sorted(name for name in used if name.startswith(PROFILE))),
    )


def reads_needed(rule: Rule, profile: Mapping[str, object]) -> tuple[Read, ...]:
    """The reads that its outcome depends on at any level, once the center's answers are put in; outside its scope none.

    The others are not evaluated: a verdict neither speaks of them nor rests on them.
    """
    if _in_scope(rule, profile) is not None:
        return ()
    asked = asked_of(rule)
    if not asked.profile:
        return _needed_by_all(rule)
    return _needed_at(rule, rule.levels, answered(asked.profile, profile))


@once_by_rule
def _needed_by_all(rule: Rule) -> tuple[Read, ...]:
    """Of a rule whose `require` asks the center nothing."""
    return _needed_at(rule, rule.levels, {})


def _needed_at(rule: Rule, levels: Iterable[int], answers: Mapping[str, object]) -> tuple[Read, ...]:
    asked = asked_of(rule)
    names = frozenset().union(*(_needed(rule, asked, {"level": level, **answers}) for level in levels))
    return tuple(read for read in rule.reads if any(read.full(short) in names for short in read.names))


def conclude(rule: Rule, level: int, bound: Mapping[str, Bound], profile: Mapping[str, object]) -> Conclusion:
    """`bound` by read, of `reads_needed` at least; `profile` holds the answers in force only, without the prefix."""
    scope = _in_scope(rule, profile)
    if scope is not None:
        return scope
    asked = asked_of(rule)
    known: dict[str, object] = {"level": level, **answered(asked.profile, profile)}
    for table in rule.limits:
        limit = table.at(level)
        if limit is not None:
            known[table.name] = limit
    worst, best = known.copy(), known.copy()
    for read, short, full in asked.bound:
        look = bound.get(read, _NOT_READ)
        if short in look.worst:
            worst[full] = look.worst[short]
        if short in look.best:
            best[full] = look.best[short]
    needed = _needed(rule, asked, known)
    if all(name in worst or name in asked.optional for name in needed) and rule.require.evaluate(worst) is True:
        return _MET
    if rule.require.evaluate(best) is False:
        return _UNMET
    return _open(rule, needed, worst, bound)


def answered(names: Iterable[str], profile: Mapping[str, object]) -> dict[str, object]:
    """Of `profile.x` those that the center answers: handing over all of them takes longer than the expression."""
    return {name: profile[name[len(PROFILE) :]] for name in names if name[len(PROFILE) :] in profile}


_NEEDED: dict[tuple[object, ...], list[str]] = {}  # the same for every center that answers alike
_MOST = 20_000


def _needed(rule: Rule, asked: Asked, known: Mapping[str, object]) -> list[str]:
    """The names of reads that `require` still depends on, sorted."""
    used = tuple([(name, repr(known[name])) for name in asked.names if name in known])
    key = (rule.require.source, used)
    if key not in _NEEDED:
        if len(_NEEDED) >= _MOST:
            _NEEDED.clear()
        _NEEDED[key] = sorted(remaining(rule.require.tree, known))
    return _NEEDED[key]


def _in_scope(rule: Rule, profile: Mapping[str, object]) -> Conclusion | None:
    if rule.applies is None:
        return None
    answers = answered(rule.applies.names, profile)
    applies = rule.applies.evaluate(answers)
    if applies is None:
        unanswered = sorted(name for name in rule.applies.names if name not in answers)
        return Conclusion(outcome=Outcome.MISSING, reason="unanswered", blamed=unanswered[0] if unanswered else "")
    return None if applies is True else Conclusion(outcome=Outcome.NOT_APPLICABLE, reason="scope")


def _open(rule: Rule, needed: list[str], worst: Mapping[str, object], bound: Mapping[str, Bound]) -> Conclusion:
    """Missing before inconclusive; the first read in the rule's own order is blamed."""
    unanswered = [name for name in needed if name.startswith(PROFILE)]
    if unanswered:
        return Conclusion(outcome=Outcome.MISSING, reason="unanswered", blamed=unanswered[0])
    wanted = [read for read in rule.reads if any(read.full(short) in needed for short in read.names)]
    for read in wanted:
        if bound[read.name].state == "missing":
            return Conclusion(outcome=Outcome.MISSING, reason=bound[read.name].reason, blamed=read.name)
    for read in wanted:
        unbound = any(read.full(short) in needed and read.full(short) not in worst for short in read.names)
        if bound[read.name].state == "inconclusive" and (unbound or bound[read.name].reason in ("hole", "uncovered")):
            return Conclusion(outcome=Outcome.INCONCLUSIVE, reason=bound[read.name].reason, blamed=read.name)
    for read in wanted:
        look = bound[read.name]
        if look.worst != look.best:
            return Conclusion(outcome=Outcome.INCONCLUSIVE, reason=look.reason or "undecided", blamed=read.name)
    return Conclusion(outcome=Outcome.INCONCLUSIVE, reason="undecided", blamed=wanted[0].name if wanted else "")
