"""The same history at another time, and the same history in other statements."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ccmm_rules.evidence import AttributeValue, Entry, Happening, Listing, Span
from ccmm_rules.memory import Fact
from ccmm_rules.spec import HOUR_MS
from tests.unit.rules.history import START_MS

Move = Callable[[int], int]
TIMES = range(START_MS // 2, START_MS * 2)  # no count is so large, and no pseudonym so small


def moved(fact: Fact, move: Move) -> Fact:
    """Every time in it, whatever names it, moved."""
    covers = fact.covers
    return replace(
        fact,
        recorded_ms=move(fact.recorded_ms),
        covers=Span(move(covers.from_ms), move(covers.to_ms)) if covers is not None else None,
        listings={kind: _listing(listing, move) for kind, listing in fact.listings.items()},
        happenings={kind: [_happening(one, move) for one in rows] for kind, rows in fact.happenings.items()},
        rows={
            measure: [row._replace(start_ms=move(row.start_ms)) for row in rows] for measure, rows in fact.rows.items()
        },
    )


def _listing(listing: Listing, move: Move) -> Listing:
    entries = tuple(Entry(key=entry.key, attributes=_attributes(entry.attributes, move)) for entry in listing.entries)
    return replace(listing, as_of_ms=move(listing.as_of_ms), entries=entries)


def _happening(one: Happening, move: Move) -> Happening:
    ended = move(one.ended_ms) if one.ended_ms is not None else None
    return replace(one, started_ms=move(one.started_ms), ended_ms=ended, attributes=_attributes(one.attributes, move))


def _attributes(attributes: Mapping[str, AttributeValue], move: Move) -> dict[str, AttributeValue]:
    return {
        name: move(value) if isinstance(value, int) and value in TIMES else value for name, value in attributes.items()
    }


def cut(facts: Sequence[Fact], rng: random.Random) -> list[Fact]:
    """Some statements in two; the numbers of each agent follow one another, as before."""
    found: list[Fact] = []
    for fact in facts:
        found += _halves(fact, rng) if rng.random() < 0.3 else [fact]
    return list(numbered(found))


def _halves(fact: Fact, rng: random.Random) -> list[Fact]:
    if fact.covers is None or fact.listings:
        return [fact]
    hours = (fact.covers.to_ms - fact.covers.from_ms) // HOUR_MS
    if hours < 2:
        return [fact]
    middle = fact.covers.from_ms + rng.randrange(1, hours) * HOUR_MS
    return [
        replace(
            fact,
            covers=span,
            happenings={
                kind: [one for one in rows if _is_in(span, one.started_ms, middle)]
                for kind, rows in fact.happenings.items()
            },
            rows={
                measure: [row for row in rows if _is_in(span, row.start_ms, middle)]
                for measure, rows in fact.rows.items()
            },
        )
        for span in (Span(fact.covers.from_ms, middle), Span(middle, fact.covers.to_ms))
    ]


def _is_in(span: Span, at_ms: int, middle: int) -> bool:
    """What was told late belongs to the first piece, whatever comes after the cut to the second."""
    return (at_ms < middle) == (span.to_ms <= middle)


def numbered(facts: Iterable[Fact]) -> Iterable[Fact]:
    """As if nothing else had ever been said: the numbers of each agent follow one another."""
    numbers: dict[str, int] = {}
    for fact in facts:
        numbers[fact.agent] = numbers.get(fact.agent, -1) + 1
        yield replace(fact, sequence=numbers[fact.agent])
