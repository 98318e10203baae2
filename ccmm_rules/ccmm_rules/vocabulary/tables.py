"""The vocabulary: kinds, measures, metrics, words and profile, loaded once from the files beside this module."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

from ccmm_rules.strict_yaml import Node, parse_document

Titles = Mapping[str, str]
_NO_DEFINITION = ("title", "settle_minutes", "above_100")  # what of a metric changes no value of it
GAUGES = ("min", "max", "last", "range")
FORMULAS = ("ratio", "mean", "percentile", "count", "gap", "chi2_p", *GAUGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeType:
    """flag whole number text time words, or a pseudonym `@sort`."""

    word: str
    optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fact; `key` is `text` or a pseudonym's `@sort`. `computed` attributes never travel."""

    name: str
    form: str
    key: str
    attributes: Mapping[str, AttributeType]
    roll: bool
    computed: Mapping[str, AttributeType] = field(default_factory=dict)

    @property
    def known(self) -> Mapping[str, AttributeType]:
        """All that a test may use: what travels, and what the engine adds."""
        return {**self.attributes, **self.computed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A counted or timed quantity."""

    id: str
    titles: Titles
    shape: str
    period_s: int
    unit: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """`sign` x a part of a measure: `count`, `total`, its `buckets`, `within` a bound in seconds, or its `gauge`."""

    part: str
    measure: str
    bound_s: float = 0.0
    sign: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A KPI: `formula` is one of FORMULAS; `scale` multiplies what is divided, or counted.

    gap is |over - under| / under, summed up by `grain` where it has one. chi2_p compares counts per cell. min, max,
    last and range read gauges; of a range only a band can judge both ends.
    """

    id: str
    titles: Titles
    unit: str
    better: str  # up, down, band
    formula: str
    over: tuple[Term, ...]
    under: tuple[Term, ...]
    percentile: float
    scale: float
    settle_ms: int
    hash: str
    where: tuple[tuple[str, str], ...] = ()  # dimensions that its definition fixes
    grain: str = ""  # day: a gap is taken day by day
    flat_ms: int = 0  # a gauge that stays the same for longer was not read; 0: it may
    above_100: bool = False  # a percentage that may go beyond 100

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(sorted({term.measure for term in (*self.over, *self.under)}))

    @property
    def is_share(self) -> bool:
        """0 to 100 percent."""
        return self.unit == "%" and self.formula == "ratio" and not self.above_100

    @property
    def is_gauge(self) -> bool:
        return self.formula in GAUGES

    @property
    def period_ms(self) -> int:
        """Of its coarsest measure."""
        vocabulary = load_vocabulary()
        return max(vocabulary.measures[measure].period_s for measure in self.measures) * 1000

    @property
    def dimensions(self) -> frozenset[str]:
        """Dimensions that all its measures have."""
        vocabulary = load_vocabulary()
        return frozenset.intersection(*(frozenset(vocabulary.measures[m].dimensions) for m in self.measures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One scope answer: type bool, int, double, string or list."""

    id: str
    type: str
    titles: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All of it. `words` is by `kind.attribute`; a dimension that is not in `dimensions` takes any word."""

    kinds: Mapping[str, Kind]
    measures: Mapping[str, Measure]
    metrics: Mapping[str, Metric]
    words: Mapping[str, frozenset[str]]
    profile: Mapping[str, Question]
    seconds: frozenset[str]  # `kind.attribute`: whole on the wire, decimal in rules
    wait_bounds_s: tuple[float, ...]
    dimensions: Mapping[str, frozenset[str]]

    def words_of(self, kind: str, attribute: str) -> frozenset[str]:
        return self.words.get(f"{kind}.{attribute}", frozenset())


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """Raises PackErrors where a file of this package is broken."""
    shapes = _read("kinds.yaml")
    meanings = _read("measures.yaml").child("measures")
    metrics, words = _read("metrics.yaml"), _read("words.yaml")
    return Vocabulary(
        kinds={name: _kind(name, node) for name, node in shapes.child("kinds").mapping().items()},
        measures={
            name: _measure(name, node, meanings.child(name))
            for name, node in shapes.child("measures").mapping().items()
        },
        metrics={name: _metric(name, node) for name, node in metrics.child("metrics").mapping().items()},
        words=_words(words),
        profile={
            name: _question(name, node) for name, node in _read("profile.yaml").child("profile").mapping().items()
        },
        seconds=frozenset(node.text() for node in shapes.child("seconds").sequence()),
        wait_bounds_s=tuple(node.number() for node in metrics.child("wait_bounds_s").sequence()),
        dimensions={name: _word_list(node) for name, node in words.child("dimensions").mapping().items()},
    )


def _read(name: str) -> Node:
    return parse_document((resources.files(__package__) / name).read_bytes(), f"vocabulary/{name}")


def _attributes(node: Node | None) -> Mapping[str, AttributeType]:
    return {
        attribute: AttributeType(word=word.text().removesuffix("?"), optional=word.text().endswith("?"))
        for attribute, word in (node.mapping() if node is not None else {}).items()
    }


def _kind(name: str, node: Node) -> Kind:
    roll = node.get("roll")
    return Kind(
        name=name,
        form=node.child("form").text(),
        key=node.child("key").text(),
        attributes=_attributes(node.child("attributes")),
        roll=roll.flag() if roll else False,
        computed=_attributes(node.get("computed")),
    )


def _measure(name: str, node: Node, meaning: Node) -> Measure:
    return Measure(
        id=name,
        titles=titles_of(meaning),
        shape=node.child("shape").text(),
        period_s=node.child("period_s").whole(),
        unit=node.child("unit").text(),
        dimensions={key: word.text() for key, word in node.child("dimensions").mapping().items()},
    )


def titles_of(node: Node) -> Titles:
    """{en, zh}: both, and not empty."""
    for key in ("en", "zh"):
        if not node.child(key).text().strip():
            node.fail(f"'{key}' is empty", "every text stands in English and Chinese")
    errors = node.only(frozenset(("en", "zh")))
    if errors:
        node.fail(errors[0].message, "write {en: ..., zh: ...}")
    return {"en": node.child("en").text(), "zh": node.child("zh").text()}


def _terms(node: Node | None) -> tuple[Term, ...]:
    return tuple(_term(part) for part in node.sequence()) if node else ()


def _term(node: Node) -> Term:
    minus, bound = node.get("minus"), node.get("bound")
    part = next(word for word in ("count", "total", "within", "buckets", "gauge") if word in node.mapping())
    return Term(
        part=part,
        measure=node.child(part).text(),
        bound_s=bound.number() if bound else 0.0,
        sign=-1 if minus and minus.flag() else 1,
    )


def _metric(name: str, node: Node) -> Metric:
    definition = {key: value for key, value in node.mapping().items() if key not in _NO_DEFINITION}
    plain = json.dumps({key: value.plain() for key, value in definition.items()}, sort_keys=True)
    percentile, settle, scale = node.get("percentile"), node.get("settle_minutes"), node.get("scale")
    where, grain, flat, above = (node.get(key) for key in ("where", "grain", "flat_hours", "above_100"))
    return Metric(
        id=name,
        titles=titles_of(node.child("title")),
        unit=node.child("unit").text(),
        better=node.child("better").text(),
        formula=node.child("formula").text(),
        over=_terms(node.child("over")),
        under=_terms(node.get("under")),
        percentile=percentile.number() if percentile else 0.0,
        scale=scale.number() if scale else 1.0,
        settle_ms=(settle.whole() if settle else 120) * 60_000,
        hash=hashlib.sha256(f"{name} {plain}".encode()).hexdigest()[:16],
        where=tuple(sorted((key, word.text()) for key, word in where.mapping().items())) if where else (),
        grain=grain.text() if grain else "",
        flat_ms=(flat.whole() if flat else 0) * 3_600_000,
        above_100=above is not None and above.flag(),
    )


def _question(name: str, node: Node) -> Question:
    return Question(id=name, type=node.child("type").text(), titles=titles_of(node.child("title")))


def _words(root: Node) -> Mapping[str, frozenset[str]]:
    return {
        f"{kind}.{attribute}": _word_list(words)
        for kind, attributes in root.child("words").mapping().items()
        for attribute, words in attributes.mapping().items()
    }


def _word_list(node: Node) -> frozenset[str]:
    return frozenset(word.text() for word in node.sequence())
