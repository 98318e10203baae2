"""What feeds a read, of all that may change it: a list of metrics and rows that name metrics say which at last."""

from collections.abc import Iterable, Iterator

from ccmm_rules.evidence import Span
from ccmm_rules.model import Read
from ccmm_rules.operators.derived_load import feeds_of
from ccmm_rules.operators.derived_rows import feeds_now
from ccmm_rules.operators.gains import SIDES
from ccmm_rules.operators.joining import sources_of
from ccmm_rules.operators.table import TIMED
from ccmm_rules.operators.view import View
from ccmm_rules.spec import MatchSpec, RowSource, RowsSpec, SeriesSpec
from ccmm_rules.vocabulary.tables import Vocabulary


def needed_feeds(read: Read, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Kinds and measures without which the read is missing, whatever the center answers. Silence needs none."""
    spec = read.spec
    if isinstance(spec, SeriesSpec) and spec.each:
        return tuple(feed for feed in read.feeds if feed not in vocabulary.measures)
    if not isinstance(spec, RowsSpec | MatchSpec):
        return read.feeds
    found: set[str] = set()
    for source in _sources(spec):
        if source.derived is None:
            found.add(source.kind)
        elif not source.derived.is_list and source.derived.form != "silence":
            found.update(feeds_of(source.derived, vocabulary))
    return tuple(sorted(found))


def feeds_as_known(read: Read, view: View) -> frozenset[str]:
    """What an arrival must bring to change the read, as long as the center's answers are these.

    Of measures only those of the metrics that its list or its rows name now; the kinds of these rows are all there, so
    whatever names another metric is an arrival that counts.
    """
    spec, measures = read.spec, view.vocabulary.measures
    kinds = frozenset(feed for feed in read.feeds if feed not in measures)
    if isinstance(spec, SeriesSpec) and spec.each:
        return kinds | _measures_of(_listed(spec, view), view)
    if not isinstance(spec, RowsSpec | MatchSpec) or kinds.issuperset(read.feeds):
        return frozenset(read.feeds)
    sources = _sources(spec)
    if any(source.derived is not None and source.derived.form == "silence" for source in sources):
        return frozenset(read.feeds)
    named = {feed for source in sources for feed in _named_by(source, view)}
    return (kinds | named | set(needed_feeds(read, view.vocabulary))) & set(read.feeds)


def _sources(spec: RowsSpec | MatchSpec) -> list[RowSource]:
    if isinstance(spec, MatchSpec):
        return [*sources_of(spec)]
    entries = spec.group.entries if spec.group is not None else None
    return [spec.source] if entries is None else [spec.source, entries]


def _listed(spec: SeriesSpec, view: View) -> Iterator[str]:
    """Names of the metrics of a list, or of its processes."""
    entries = view.answers.get(spec.each)
    for entry in entries if isinstance(entries, list) else ():
        yield from view.metrics_of(entry) if spec.any_of else (entry,)


def _named_by(source: RowSource, view: View) -> frozenset[str]:
    """Measures: of a list of metrics, or of those that the rows name and of what is looked at beside them."""
    if source.derived is not None:
        return frozenset(feeds_now(source, view))
    kind = view.vocabulary.kinds[source.kind]
    if not kind.computed.keys() - TIMED:
        return frozenset()
    rows = view.evidence.happenings(source.kind, Span(0, view.at_ms + 1))
    beside = view.answers.get("key_kpis")
    names = [str(row.attributes.get("metric", "")) for row in rows]
    return _measures_of([*names, *SIDES, *(beside if isinstance(beside, list) else ())], view)


def _measures_of(names: Iterable[str], view: View) -> frozenset[str]:
    known = view.vocabulary.metrics
    return frozenset(measure for name in names if name in known for measure in known[name].measures)
