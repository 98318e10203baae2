"""What a read wants of each kind or measure that feeds it: which words, which attributes. Not every plugin tells all.

`{inventory: device, of: "class == 'camera'"}` wants devices whose class is camera.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ccmm_rules.ages import age_of
from ccmm_rules.expression import Call, Const, Items, Name, Tree, names_in, sides_of
from ccmm_rules.model import Read
from ccmm_rules.spec import MatchSpec, MetricSpec, RowSource, RowsSpec, SeriesSpec, SlotSpec
from ccmm_rules.vocabulary.feeds import Way, ways_of
from ccmm_rules.vocabulary.tables import load_vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """Rows of a kind, or a measure, whose attributes or dimensions have one of these words, and that tell these."""

    feed: str
    words: Mapping[str, frozenset[str]] = field(default_factory=dict)
    attributes: frozenset[str] = frozenset()

    @property
    def ways(self) -> tuple[Way, ...]:
        return ways_of(self.feed, self.words, self.attributes)


def wants_of(read: Read) -> list[Want]:
    """One for each thing that it looks for, each feed of the read at least once, in the order of its feeds."""
    found = [*_rows_wanted(read), *_measures_wanted(read)]
    wanted = [[want for want in found if want.feed == feed] or [Want(feed=feed)] for feed in read.feeds]
    return [want for wants in wanted for place, want in enumerate(wants) if want not in wants[:place]]


def _rows_wanted(read: Read) -> Iterator[Want]:
    for source in _sources(read):
        if source.derived is None:
            parts = sides_of(source.of.tree, "_&&_") if source.of is not None else ()
            words = dict(pair for part in parts if (pair := _words(part)))
            asked = [
                names_in(part) for part in parts if not (isinstance(part, Call) and part.function in ("!_", "_||_"))
            ]
            attributes = frozenset(_attribute(name) for names in asked for name in names)
            yield Want(feed=source.kind, words=words, attributes=attributes)


def _sources(read: Read) -> list[RowSource]:
    spec = read.spec
    if isinstance(spec, RowsSpec):
        return [spec.source]
    if not isinstance(spec, MatchSpec):
        return []
    joined = [*spec.partners, *([spec.also] if spec.also else [])]
    return [spec.base, *(joining.source for joining in joined)]


def _words(part: Tree) -> tuple[str, frozenset[str]] | None:
    """Of `class == 'camera'` and of `class in ['a', 'b']`."""
    if not isinstance(part, Call) or part.function not in ("_==_", "@in"):
        return None
    left, right = part.arguments
    told = right.elements if isinstance(right, Items) else (right,)
    words = frozenset(one.value for one in told if isinstance(one, Const) and isinstance(one.value, str))
    return (left.name, words) if isinstance(left, Name) and words and len(words) == len(told) else None


def _attribute(name: str) -> str:
    return (age_of(name)[0] or name).removeprefix("has_")


def _measures_wanted(read: Read) -> Iterator[Want]:
    spec, metrics = read.spec, load_vocabulary().metrics
    named = [spec.metric] if isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) else []
    named += [source.derived.of for source in _sources(read) if source.derived is not None]
    where = spec.where if isinstance(spec, MetricSpec | SlotSpec | SeriesSpec) else ()
    for metric in (metrics[name] for name in named if name in metrics):
        words = {dimension: frozenset((word,)) for dimension, word in (*metric.where, *where)}
        yield from (Want(feed=measure, words=words) for measure in sorted(metric.measures))
