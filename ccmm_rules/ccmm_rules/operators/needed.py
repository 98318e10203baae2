"""What must feed a read, of all that may change it: a list of metrics and rows that name metrics say which at last."""

from ccmm_rules.model import Read
from ccmm_rules.operators.derived_load import feeds_of
from ccmm_rules.operators.joining import sources_of
from ccmm_rules.spec import MatchSpec, RowsSpec, SeriesSpec
from ccmm_rules.vocabulary.tables import Vocabulary


def needed_feeds(read: Read, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Kinds and measures without which the read is missing, whatever the center answers. Silence needs none."""
    spec = read.spec
    if isinstance(spec, SeriesSpec) and spec.each:
        return tuple(feed for feed in read.feeds if feed not in vocabulary.measures)
    if not isinstance(spec, RowsSpec | MatchSpec):
        return read.feeds
    sources = [spec.source] if isinstance(spec, RowsSpec) else [*sources_of(spec)]
    if isinstance(spec, RowsSpec) and spec.group is not None and spec.group.entries is not None:
        sources.append(spec.group.entries)
    found: set[str] = set()
    for source in sources:
        if source.derived is None:
            found.add(source.kind)
        elif not source.derived.is_list and source.derived.form != "silence":
            found.update(feeds_of(source.derived, vocabulary))
    return tuple(sorted(found))
