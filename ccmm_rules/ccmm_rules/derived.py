"""Rows that the engine makes: what they are called, and which attributes tests on them may use.

`breach.answer_rate`, by group `breach.answer_rate by queue`, `signal.key_kpis`, `change.setting`, `silence`.
"""

from collections.abc import Mapping
from functools import lru_cache

from ccmm_rules.vocabulary.tables import AttributeType, Kind, Vocabulary, load_vocabulary

FORMS = ("breach", "signal", "change", "silence")
COME, GONE = "entry_added", "entry_removed"  # in place of an attribute's name, where a whole entry came or went
_ALTERED = {"attribute": "text", "before": "text?", "after": "text?", "lowered": "flag", "metric": "text?"}


def is_derived(name: str) -> bool:
    """Whether the engine makes these rows; `change` alone is a kind of its own."""
    form, dot, _ = name.partition(".")
    return form in FORMS and (bool(dot) or form == "silence")


def kind_named(name: str, vocabulary: Vocabulary) -> Kind:
    """A kind of the vocabulary or of derived rows. KeyError where there is none."""
    return _derived(name) if name not in vocabulary.kinds and is_derived(name) else vocabulary.kinds[name]


def words_named(name: str, attribute: str, vocabulary: Vocabulary) -> frozenset[str]:
    """What a text attribute may be compared with."""
    if not is_derived(name):
        return vocabulary.words_of(name, attribute)
    form, of = _parts(name)
    if attribute == "metric":
        return frozenset(vocabulary.metrics)
    if form != "change":
        return frozenset()
    if attribute == "attribute":
        return frozenset((*vocabulary.kinds[of].attributes, COME, GONE))
    if attribute in ("before", "after"):
        return frozenset().union(*(vocabulary.words_of(of, own) for own in vocabulary.kinds[of].attributes))
    return vocabulary.words_of(of, attribute)


def name_of(form: str, of: str, by: str) -> str:
    """The kind's name of these rows."""
    return form if not of else f"{form}.{of} by {by}" if by else f"{form}.{of}"


def _parts(name: str) -> tuple[str, str]:
    form, _, rest = name.partition(".")
    return form, rest.partition(" by ")[0]


@lru_cache(maxsize=256)
def _derived(name: str) -> Kind:
    vocabulary = load_vocabulary()
    form, of = _parts(name)
    if form == "change":
        inventory = vocabulary.kinds[of]
        return _kind(name, inventory.key, _changed(inventory))
    if form == "silence":
        return _kind(name, "text", {"source": "text", "class": "text"})
    words = {"metric": "text"} | ({"worst": "number", "slots": "whole"} if form == "breach" else {"sigma": "number"})
    by = name.partition(" by ")[2]
    if by:
        measures = vocabulary.metrics[of].measures
        words["group"] = vocabulary.measures[measures[0]].dimensions[by]
    return _kind(name, "text", words)


def _changed(inventory: Kind) -> dict[str, str]:
    """The entry's own attributes, as they are after (of an entry that went: before), and what was altered."""
    own = {name: f"{attribute.word}?" for name, attribute in inventory.attributes.items()}
    path = {"path": "text"} if inventory.key == "text" else {}
    return path | own | {name: word for name, word in _ALTERED.items() if name != "metric" or "metric" not in own}


def _kind(name: str, key: str, words: Mapping[str, str]) -> Kind:
    attributes = {
        attribute: AttributeType(word=word.removesuffix("?"), optional=word.endswith("?"))
        for attribute, word in words.items()
    }
    return Kind(name=name, form="occurrence", key=key, attributes=attributes, roll=False)
