"""What a center never lets leave, whatever its sources find: kinds, attributes of kinds, measures; pure.

>>> veto = parse_veto(["person.team", "talk_time"])
>>> veto.withheld(["person", "account", "talk_time"])
('person', 'talk_time')

Nothing of a vetoed kind or measure leaves. Of a kind with a vetoed attribute lists leave without it and are marked as
not complete, and nothing else of that kind leaves: what lacks an attribute could look better than it is. For none of
them does the run vouch; a second one says SKIPPED for them, so that nobody takes a veto for "nothing there".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ccmm_agent.facts import word_of
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_proto.v1.statement_pb2 import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Veto:
    """Words as they stand in agent.toml: whole kinds and measures, and `kind.attribute`."""

    whole: frozenset[str] = frozenset()
    attributes: frozenset[tuple[str, str]] = frozenset()

    def withheld(self, feeds: Iterable[str]) -> tuple[str, ...]:
        """Which of these a run may not vouch for, in their order."""
        touched = self.whole | {kind for kind, _ in self.attributes}
        return tuple(feed for feed in feeds if feed in touched)

    def words(self, feeds: Iterable[str]) -> str:
        """What of these is vetoed, for people."""
        named = set(feeds)
        words = [*(self.whole & named), *(f"{kind}.{name}" for kind, name in self.attributes if kind in named)]
        return ", ".join(sorted(words))

    def passed(self, observations: Sequence[Observation]) -> list[Observation]:
        """What may leave of facts that are redacted already: clear keys repeat attributes. The given ones stay."""
        return [kept for one in observations if (kept := self._kept(one)) is not None]

    def _kept(self, observation: Observation) -> Observation | None:
        word = word_of(observation)
        if word in self.whole:
            return None
        names = {name for kind, name in self.attributes if kind == word}
        if not names:
            return observation
        if observation.WhichOneof("fact") != "inventory":
            return None
        stripped = Observation()
        stripped.CopyFrom(observation)
        stripped.inventory.complete = False
        for entry in stripped.inventory.entries:
            kept = [attribute for attribute in entry.attributes if attribute.name not in names]
            del entry.attributes[:]
            entry.attributes.extend(kept)
        return stripped


def parse_veto(words: Iterable[str]) -> Veto:
    """Of the list in agent.toml. Raises ValueError naming the word and what was expected."""
    whole, attributes = set(), set()
    for word in words:
        kind, dot, name = word.partition(".")
        if word in KINDS or word in MEASURES:
            whole.add(word)
        elif not dot or kind not in KINDS:
            raise ValueError(f"{word!r}: a kind, a measure, or kind.attribute of docs/vocabulary.md")
        elif name not in KINDS[kind].attributes:
            raise ValueError(f"{word!r}: {kind} has {', '.join(sorted(KINDS[kind].attributes))}")
        elif not KINDS[kind].attributes[name].optional:
            raise ValueError(f"{word!r}: no {kind} is without it: veto {kind!r}")
        else:
            attributes.add((kind, name))
    return Veto(whole=frozenset(whole), attributes=frozenset(attributes))


def vouched(veto: Veto, feeds: Sequence[str], *, empty: bool) -> list[str]:
    """What a run still names as fed.

    An EMPTY run that names one list alone says that the list is empty: where the veto left one feed, it names none.
    """
    withheld = set(veto.withheld(feeds))
    left = [feed for feed in feeds if feed not in withheld]
    return [] if withheld and empty and len(left) == 1 else left
