"""What feeds the rules of a pack today, read by read: `rules feeds`.

document = feeds_of(pack)
"""

from collections import Counter
from typing import Any

from ccmm_rules.model import Pack, Read, Rule
from ccmm_rules.spec import MatchSpec, RowsSpec, SeriesSpec
from ccmm_rules.vocabulary.feeds import load_feeds
from ccmm_rules.wanted import Want, wants_of

NONE_YET = "none yet"
_ORDER = ("plugin", "table", "document", "attestation")  # the best way first


def feeds_of(pack: Pack) -> dict[str, Any]:
    """Every rule with its reads and what may feed each, and `by`: the best way of each thing that it reads."""
    rules = [_rule(rule) for rule in pack.rules.values()]
    counts = Counter(way for rule in rules for way in rule["by"])
    waiting = [rule["rule"] for rule in rules if NONE_YET in rule["by"]]
    return {
        "id": pack.id,
        "version": pack.version,
        "digest": pack.digest,
        "counts": {way: counts[way] for way in (*_ORDER, NONE_YET)},
        "none_yet": waiting,
        "rules": rules,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    reads = [_read(read) for read in rule.reads]
    best = {way for read in reads for way in read["by"]}
    by = [way for way in (*_ORDER, NONE_YET) if way in best]
    return {"rule": rule.id, "title": dict(rule.titles), "by": by, "reads": reads}


def _read(read: Read) -> dict[str, Any]:
    """Of a read over a list of the center's own metrics no single measure is needed: which ones, the center says."""
    listed = _reads_a_list(read)
    feeds = [_feed(want) for want in wants_of(read) if not (listed and want.feed in load_feeds().none_yet)]
    best = {feed["best"] for feed in feeds}
    return {"read": read.name, "operator": read.operator, "by": sorted(best), "feeds": feeds}


def _reads_a_list(read: Read) -> bool:
    spec = read.spec
    if isinstance(spec, SeriesSpec):
        return bool(spec.each)
    sources = [spec.source] if isinstance(spec, RowsSpec) else []
    if isinstance(spec, MatchSpec):
        joined = [*spec.partners, *([spec.also] if spec.also else [])]
        sources = [spec.base, *(joining.source for joining in joined)]
    return any(source.derived is not None and source.derived.is_list for source in sources)


def _feed(want: Want) -> dict[str, Any]:
    """`of`: the words that make the difference to which plugin tells it."""
    feed, ways = want.feed, want.ways
    best = min((way.by for way in ways), key=_ORDER.index, default=NONE_YET)
    missing = load_feeds().none_yet.get(feed)
    return {
        "feed": feed,
        "of": {name: sorted(words) for name, words in sorted(want.words.items())},
        "ways": [{"by": way.by, "name": way.name} for way in ways],
        "best": best,
        "hand_kept": best == "table",  # no plugin reads it from a system: people or their systems keep it
        "needs": None if missing is None else dict(missing),
    }
