"""What each verdict in force rests on: the feeds of which an arrival makes its rule due.

resting = all_resting.of("north", pack)
due = [rule for rule in pack.rules if resting.feeds(rule) & touched]
resting.learn(verdicts, known, at_ms)

Most rules read the same feeds whatever a center answers. Where a list or rows name metrics, it is remembered which they
were when the rule was judged; where that is not remembered, as after a start, they may be any.
"""

from collections.abc import Mapping

from ccmm_rules.evidence import Evidence
from ccmm_rules.model import Pack
from ccmm_rules.operators.needed import feeds_as_known, needed_feeds
from ccmm_rules.operators.view import View
from ccmm_rules.verdict import Verdict

_SILENT = ("never", "stale", "silent")  # then the sentence names whatever is not heard

Feeds = frozenset[str]


class Reads:
    """Of one pack: what its rules may rest on at most, and which of them may rest on less."""

    def __init__(self, pack: Pack) -> None:
        """`open`: the rules of which the center's answers or rows say what they read."""
        self.pack = pack
        self.most = {name: frozenset(f for read in rule.reads for f in read.feeds) for name, rule in pack.rules.items()}
        self.open = {
            name
            for name, rule in pack.rules.items()
            if any(len(needed_feeds(read, pack.vocabulary)) < len(read.feeds) for read in rule.reads)
        }


class Resting:
    """Of one center, by one pack."""

    def __init__(self, reads: Reads, same: dict[Feeds, Feeds]) -> None:
        """Nothing is remembered. `same`: sets that other centers remember too."""
        self.reads = reads
        self._same = same
        self._known: dict[str, Feeds] = {}

    def feeds(self, rule: str) -> Feeds:
        """What an arrival must bring to change the rule's verdict."""
        found = self._known.get(rule)
        return self.reads.most[rule] if found is None else found

    def learn(self, verdicts: Mapping[str, Verdict], evidence: Evidence, at_ms: int) -> None:
        """These were found from the evidence."""
        judged = self.reads.open & verdicts.keys()
        if not judged:
            return
        view = View(evidence, at_ms, self.reads.pack.vocabulary)
        for rule in judged:
            self._known.pop(rule, None)
            if verdicts[rule].reason not in _SILENT:
                reads = self.reads.pack.rules[rule].reads
                found = frozenset(feed for read in reads for feed in feeds_as_known(read, view))
                self._known[rule] = self._same.setdefault(found, found)


class AllResting:
    """Of many centers."""

    def __init__(self) -> None:
        """Nothing is remembered."""
        self._centers: dict[str, Resting] = {}
        self._packs: dict[str, Reads] = {}
        self._same: dict[Feeds, Feeds] = {}

    def of(self, center: str, pack: Pack) -> Resting:
        """What is remembered of a center; nothing where another pack judged it before."""
        resting = self._centers.get(center)
        if resting is None or resting.reads.pack.digest != pack.digest:
            if pack.digest not in self._packs:
                self._packs[pack.digest] = Reads(pack)
            resting = self._centers[center] = Resting(self._packs[pack.digest], self._same)
        return resting
