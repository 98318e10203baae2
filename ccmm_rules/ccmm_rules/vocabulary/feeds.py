"""What can feed a kind or measure today: a plugin that reads the system, a table, a document, an attestation, or none.

>>> ways_of("account")
(Way(by='plugin', name='ldap'), Way(by='table', name='table'))
>>> ways_of("alert_rule")
()
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from ccmm_rules.strict_yaml import Node, parse_document
from ccmm_rules.vocabulary.tables import Titles, load_vocabulary, titles_of

ONLY = "only"  # beside the words of a claim: the attributes that it tells


@dataclass(frozen=True, slots=True)
class Way:
    """`by`: plugin, table, document or attestation; `name`: the plugin's word in agent.toml, or the command."""

    by: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """The whole of feeds.yaml."""

    plugins: Mapping[str, frozenset[str]]
    tells: Mapping[str, Mapping[str, Mapping[str, frozenset[str]]]]  # by plugin, feed and attribute: all its words
    documents: frozenset[str]
    attestations: frozenset[str]
    none_yet: Mapping[str, Titles]  # what a plugin still to come must look at


@lru_cache(maxsize=1)
def load_feeds() -> Feeds:
    """Raises PackErrors where the file is broken."""
    root = parse_document((resources.files(__package__) / "feeds.yaml").read_bytes(), "vocabulary/feeds.yaml")

    def names(key: str) -> frozenset[str]:
        return frozenset(node.text() for node in root.child(key).sequence())

    plugins = root.child("plugins").mapping()
    return Feeds(
        plugins={name: frozenset(node.text() for node in listed.sequence()) for name, listed in plugins.items()},
        tells={
            plugin: {feed: _claimed(claimed) for feed, claimed in fed.mapping().items()}
            for plugin, fed in root.child("tells").mapping().items()
        },
        documents=names("documents"),
        attestations=names("attestations"),
        none_yet={name: titles_of(node) for name, node in root.child("none_yet").mapping().items()},
    )


def _claimed(node: Node) -> Mapping[str, frozenset[str]]:
    return {name: frozenset(word.text() for word in words.sequence()) for name, words in node.mapping().items()}


def ways_of(
    feed: str, words: Mapping[str, frozenset[str]] | None = None, attributes: frozenset[str] = frozenset()
) -> tuple[Way, ...]:
    """Every way in which a kind or measure may come, plugins first; none where a plugin is still to come.

    With `words` and `attributes` only what tells rows that have one of these words, and these attributes.
    """
    feeds = load_feeds()
    if feed in feeds.none_yet:
        return ()
    ways = [
        Way("plugin", name)
        for name, given in sorted(feeds.plugins.items())
        if feed in given and _tells(feeds.tells.get(name, {}).get(feed, {}), words or {}, attributes)
    ]
    if feed in feeds.documents:
        return (*ways, Way("document", "documents"))
    if feed in feeds.attestations:
        return (*ways, Way("attestation", "attest"))
    return (*ways, Way("table", "figures" if feed in load_vocabulary().measures else "table"))


def _tells(
    claimed: Mapping[str, frozenset[str]], words: Mapping[str, frozenset[str]], attributes: frozenset[str]
) -> bool:
    only = claimed.get(ONLY)
    return (only is None or attributes <= only) and all(
        words[name] & known for name, known in claimed.items() if name in words
    )
