"""What a read needs of the world, in words: metrics, or kinds with every attribute that must be filled, and the test.

`review(class, subject) 365d where class == 'access'`
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isinf

from ccmm_rules.cel import Compiled
from ccmm_rules.derived import kind_named
from ccmm_rules.model import Read
from ccmm_rules.spec import (
    CoverageSpec,
    Joining,
    MatchSpec,
    MetricSpec,
    RowSource,
    RowsSpec,
    SeriesSpec,
    SlotSpec,
    Window,
)
from ccmm_rules.vocabulary.tables import load_vocabulary

_AGES = ("days", "hours", "minutes", "workdays")
_ENGLISH = {
    "every": "every",
    "where": "where",
    "good": "good if",
    "bad": "bad if",
    "with": "with",
    "also": "that also have",
    "if": "if",
    "runs": "runs that feed",
    "verdicts": "verdicts of",
}
_CHINESE = {
    "every": "每",
    "where": "其中",
    "good": "合格条件",
    "bad": "不合格条件",
    "with": "匹配",
    "also": "且同时存在",
    "if": "条件",
    "runs": "采集运行",
    "verdicts": "其他规则的裁定",
}
_WORDS: Mapping[str, Mapping[str, str]] = {"en": _ENGLISH, "zh": _CHINESE}


def needs_of(read: Read, language: str = "en") -> list[str]:
    """One text for each thing that is read; expressions and names of the vocabulary stand as they are."""
    spec, words = read.spec, _WORDS[language]
    if isinstance(spec, MetricSpec | SlotSpec):
        every = f" {words['every']} {spec.every}{_meets(spec)}" if isinstance(spec, SlotSpec) else ""
        where = "".join(f" {key} {value}" for key, value in spec.where)
        return [f"{spec.metric} {_window(spec.over)}{every}{where}"]
    if isinstance(spec, SeriesSpec):
        tested = _tested(read, words)
        return [f"{spec.metric or spec.each} {_window(spec.over)} {words['every']} {spec.every}{tested}"]
    if isinstance(spec, CoverageSpec):
        return [f"{words['runs']} {', '.join(spec.feeds)} {_window(spec.over)}"]
    if isinstance(spec, RowsSpec):
        rows = _rows(spec.source, _of_rows(spec))
        return [f"{rows}{_window(spec.over, ' ')}{_where(spec.source, words)}{_tested(read, words)}"]
    if isinstance(spec, MatchSpec):
        return list(_match(spec, read, words))
    return [f"{words['verdicts']} {', '.join(spec.rules)}"]


def _meets(spec: SlotSpec) -> str:
    if spec.meets is None:
        return " target" if spec.target else " limit"
    low, high = spec.meets
    if isinf(high):
        return f" >= {low:g}"
    return f" <= {high:g}" if isinf(low) else f" {low:g}..{high:g}"


def _window(window: Window | None, before: str = "") -> str:
    return f"{before}{window.count}{window.unit}" if window is not None else ""


def _where(source: RowSource, words: Mapping[str, str]) -> str:
    return f" {words['where']} {_code(source.of)}" if source.of is not None else ""


def _tested(read: Read, words: Mapping[str, str]) -> str:
    test = getattr(read.spec, "test", None)
    return f", {words[test.side]} {_code(test.compiled)}" if test is not None else ""


def _code(compiled: Compiled) -> str:
    return " ".join(compiled.source.split())


def _of_rows(spec: RowsSpec) -> Iterator[str]:
    yield from spec.test.compiled.names if spec.test is not None else ()
    yield from (spec.number, spec.weight, *(spec.lag or ()), spec.group.by if spec.group is not None else "")


def _match(spec: MatchSpec, read: Read, words: Mapping[str, str]) -> Iterator[str]:
    pair = [*(spec.test.compiled.names if spec.test is not None else ()), *(spec.lag or ())]
    joinings = [*spec.partners, *((spec.also,) if spec.also is not None else ())]
    conditions = [name for joining in joinings if joining.condition for name in joining.condition.names]
    first = [name.removeprefix("a.") for name in (*pair, *conditions) if name.startswith("a.")]
    first += [own for joining in joinings for own, _ in joining.same]
    base = _rows(spec.base, (*first, spec.by, spec.base.first_by))
    yield f"{base}{_window(spec.over, ' ')}{_where(spec.base, words)}"
    for joining in spec.partners:
        yield f"{words['with']} {_partner(joining, pair, words)}"
    if spec.also is not None:
        yield f"{words['also']} {_partner(spec.also, (), words)}"
    if spec.test is not None:
        yield _tested(read, words).removeprefix(", ")


def _partner(joining: Joining, pair: Iterable[str], words: Mapping[str, str]) -> str:
    conditions = joining.condition.names if joining.condition is not None else ()
    names = [name.removeprefix("b.") for name in (*pair, *conditions) if name.startswith("b.")]
    names += [theirs for _, theirs in joining.same]
    told = f" {words['if']} {_code(joining.condition)}" if joining.condition is not None else ""
    return f"{_rows(joining.source, names)}{_where(joining.source, words)}{told}"


def _rows(source: RowSource, names: Iterable[str]) -> str:
    """`kind(attributes)`; of rows that the engine makes itself what they are made of."""
    derived = source.derived
    if derived is not None:
        return f"{derived.form}.{derived.of}" if derived.of else derived.form
    used = [*names, *(source.of.names if source.of is not None else ())]
    delivered = kind_named(source.kind, load_vocabulary()).attributes
    attributes = sorted({found for name in used if (found := _attribute(name, delivered))})
    named = f"{source.kind} {source.document_class}" if source.document_class else source.kind
    return f"{named}({', '.join(attributes)})" if attributes else named


def _attribute(name: str, delivered: Iterable[str]) -> str:
    """The attribute that a name in a test comes from; empty for what is no attribute."""
    stem, _, age = name.rpartition("_")
    if name in delivered:
        return name
    if name.removeprefix("has_") in delivered:
        return name.removeprefix("has_")
    return stem if age in _AGES and stem in delivered else ""
