"""`change.INVENTORY`: one row per attribute that differs between two complete lists, or per entry that came or went."""

from collections.abc import Iterator, Mapping, Sequence

from ccmm_rules.derived import COME, GONE
from ccmm_rules.evidence import Alteration, AttributeValue, Happening
from ccmm_rules.vocabulary.tables import Vocabulary

Attributes = Mapping[str, AttributeValue]


def changes(alterations: Sequence[Alteration], vocabulary: Vocabulary) -> Iterator[Happening]:
    """In the order of the alterations; attributes by name."""
    for alteration in alterations:
        before, after = alteration.before, alteration.after
        if before is None or after is None:
            yield _row(alteration, GONE if after is None else COME, vocabulary)
            continue
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield _row(alteration, name, vocabulary)


def _row(alteration: Alteration, name: str, vocabulary: Vocabulary) -> Happening:
    before, after = alteration.before or {}, alteration.after or {}
    entry = after if alteration.after is not None else before
    metric = _metric(entry, vocabulary)
    shown: dict[str, AttributeValue] = {
        "attribute": name,
        "lowered": _is_lowered(before, after, name, metric, vocabulary),
    }
    shown |= {side: _text(held[name]) for side, held in (("before", before), ("after", after)) if name in held}
    if metric and "metric" not in entry:
        shown["metric"] = metric
    if isinstance(alteration.key, str):
        shown["path"] = alteration.key
    return Happening(
        agent=alteration.agent,
        source=alteration.source,
        id=alteration.key,
        started_ms=alteration.at_ms,
        ended_ms=alteration.at_ms,
        key_id=alteration.key_id,
        attributes={**entry, **shown},
    )


def _metric(entry: Attributes, vocabulary: Vocabulary) -> str:
    """The metric that the entry speaks of: its only one, or the one that `ref` or `metric` names."""
    metrics = entry.get("metrics")
    named = [
        entry.get("metric"),
        *(metrics if isinstance(metrics, tuple) and len(metrics) == 1 else ()),
        entry.get("ref"),
    ]
    return next((name for name in named if isinstance(name, str) and name in vocabulary.metrics), "")


def _is_lowered(before: Attributes, after: Attributes, name: str, metric: str, vocabulary: Vocabulary) -> bool:
    """Whether what is asked became easier to reach. An entry that went, or lost its number, asks nothing any more."""
    if name in (COME, GONE):
        return name == GONE
    old, new = _number(before.get(name)), _number(after.get(name))
    if old is None or new is None:
        return old is not None and name not in after
    is_down = metric != "" and vocabulary.metrics[metric].better == "down"
    return new > old if is_down else new < old


def _number(value: AttributeValue | None) -> float | None:
    """Registers hold numbers as text, too."""
    if isinstance(value, str):
        try:
            return float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: AttributeValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
