"""What kinds, attributes and words are called in sentences, from titles.yaml: one name per language.

>>> attribute_title("last_login", "en"), attribute_title("last_login", "zh")
('last login', '最近登录')
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ccmm_rules.derived import is_derived
from ccmm_rules.strict_yaml import Node, parse_document
from ccmm_rules.vocabulary.tables import load_vocabulary

_Titles = Mapping[str, Mapping[str, str]]  # by name, then language


@lru_cache(maxsize=1)
def load_titles() -> Mapping[str, _Titles]:
    """By section: kinds, derived, attributes, words, dimensions, parts. Raises PackErrors where the file is broken."""
    data = (resources.files("ccmm_rules.vocabulary") / "titles.yaml").read_bytes()
    root = parse_document(data, "vocabulary/titles.yaml")
    return {
        section: {name: _titles(name, child) for name, child in node.mapping().items()}
        for section, node in root.mapping().items()
    }


def _titles(name: str, node: Node) -> Mapping[str, str]:
    """Chinese alone where English is the name itself."""
    if isinstance(node.value, str):
        name = name.rpartition(".")[2]
        return {"en": name.replace("_", " "), "zh": node.value}
    return {"en": node.child("en").text(), "zh": node.child("zh").text()}


@dataclass(frozen=True, slots=True)
class Names:
    """What the names in an expression are called in one language, and of which kind each is: its words may differ."""

    called: Callable[[str], str]
    kind_of: Callable[[str], str] = lambda _: ""

    def __call__(self, name: str) -> str:
        return self.called(name)


def attribute_title(name: str, language: str, kind: str = "") -> str:
    """Of an attribute of rows or a column of a list of metrics; a kind may have a name of its own for it."""
    return _title("attributes", name, language, kind)


def dimension_title(name: str, language: str) -> str:
    """Of a dimension of measures."""
    found = load_titles()["dimensions"].get(name)
    return found[language] if found is not None else attribute_title(name, language)


def part_title(dimension: str, word: str, language: str) -> str:
    """Of the part of the measures where a dimension has this value: `drawn at random`."""
    found = load_titles()["parts"].get(f"{dimension}.{word}")
    return (
        found[language] if found is not None else f"{dimension_title(dimension, language)} {word_title(word, language)}"
    )


def word_title(word: str, language: str, attribute: str = "") -> str:
    """Of a word that an attribute may have; `attribute` as `passage.direction`, where the kind is known."""
    return _title("words", word, language, attribute)


def _title(section: str, name: str, language: str, within: str = "") -> str:
    titles = load_titles()[section]
    found = titles.get(f"{within}.{name}") or titles.get(name)
    return found[language] if found is not None else name.replace("_", " ")


def kind_title(kind: str, document_class: str, language: str) -> str:
    """`people`, `emergency plan`, `times beyond the limit of Staffed answer rate`."""
    if kind in load_vocabulary().kinds:
        return _paper(kind, document_class, language) if document_class else _title("kinds", kind, language)
    if not is_derived(kind):
        return feed_title(kind, language)
    form, _, of = kind.partition(".")
    made = load_titles()["derived"][form][language]
    if not of:
        return made
    return f"{made}{' ' if language == 'en' else ''}{_made_of(of.partition(' by ')[0], language)}"


def _paper(kind: str, paper: str, language: str) -> str:
    word = word_title(paper, language)
    if language == "zh":
        return word
    return f"{word} {'documents' if kind == 'document' else 'statements'}"


def _made_of(name: str, language: str) -> str:
    vocabulary = load_vocabulary()
    if name in vocabulary.metrics:
        return vocabulary.metrics[name].titles[language]
    if name in vocabulary.profile:
        return vocabulary.profile[name].titles[language]
    return _title("kinds", name, language)


def feed_title(feed: str, language: str) -> str:
    """Of a kind or measure that sources deliver."""
    measure = load_vocabulary().measures.get(feed)
    return measure.titles[language] if measure is not None else _title("kinds", feed, language)
