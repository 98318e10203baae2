"""Rows from evidence: which belong, and how a test falls on each, as of the watermark and as of now."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from ccmm_rules.evidence import Happening, Span
from ccmm_rules.operators.remembered import FALSE, TRUE, UNDECIDED, results_of
from ccmm_rules.operators.stamps import believed
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import started_in
from ccmm_rules.spec import Joining, RowSource, Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Rows of a table by their places. `maybe`: those whose filter could not be decided."""

    table: Table
    places: Sequence[int]
    maybe: frozenset[int] = frozenset()


def source_key(source: RowSource) -> tuple[object, ...]:
    """Equal for sources that name the same rows."""
    of = source.of.source if source.of is not None else None
    return source.kind, source.document_class, of, source.first_by, source.derived


def joining_key(joining: Joining | None) -> tuple[object, ...]:
    """Equal for alternatives that join alike."""
    if joining is None:
        return ()
    condition = joining.condition.source if joining.condition is not None else None
    times = (joining.time_ms, joining.inside_ms, joining.overlap_ms)
    return source_key(joining.source), joining.same, times, condition


def rows_of(source: RowSource, view: View, span: Span | None, watermark_ms: int) -> Chosen:
    """Rows that belong, oldest first; `span` bounds the starts of occurrences (what began before is left out)."""
    window = span if span is not None else Span(0, watermark_ms)
    return view.once(
        ("rows", source_key(source), window, watermark_ms), lambda: _chosen(source, view, window, watermark_ms)
    )


def _chosen(source: RowSource, view: View, window: Span, watermark_ms: int) -> Chosen:
    table = view.made_table(source, window, watermark_ms) or table_of(source, view)
    places: Sequence[int] = range(len(table.rows))
    if source.form == "occurrence":  # derived rows are those of the window, whenever they began
        places = started_in(table.starts, Span(0, window.to_ms) if source.derived is not None else window)
    if source.document_class:
        classes = table.pick("class", places)
        places = [at for at, found in zip(places, classes, strict=True) if found == source.document_class]
    maybe: frozenset[int] = frozenset()
    if source.of is not None:
        marks = table.marks(source.of, places, watermark_ms)
        if UNDECIDED in marks:
            maybe = frozenset(at for at, mark in zip(places, marks, strict=True) if mark == UNDECIDED)
        if FALSE in marks:
            places = list(compress(places, marks))
    if source.first_by:
        places = _first_by(table, places, source.first_by)
        maybe = maybe.intersection(places)
    return Chosen(table=table, places=places, maybe=maybe)


def table_of(source: RowSource, view: View) -> Table:
    """All rows of the kind that this judgement reads."""
    return view.once(("table", source.kind), lambda: _table(source, view))


def _table(source: RowSource, view: View) -> Table:
    kind = view.vocabulary.kinds[source.kind]
    assert view.zone is not None
    if source.form == "occurrence":
        return Table(kind, view.zone, view.answers, view.happenings(source.kind))
    rows, expired = _entries(source, view)
    return Table(kind, view.zone, view.answers, rows, expired)


def _entries(source: RowSource, view: View) -> tuple[list[Happening], frozenset[int]]:
    """The entries of each source's list, and which of them have expired."""
    found: list[tuple[Happening, bool]] = []
    for facts in view.feeding(source.kind):
        listing = view.listing_of(source.kind, facts)
        for entry in listing.entries if listing is not None else ():
            until = entry.attributes.get("until") if source.form == "attestation" else None
            ends = until if isinstance(until, int) and not isinstance(until, bool) else None
            if ends is not None and listing is not None and ends < listing.as_of_ms:
                continue
            row = Happening(
                agent=facts.agent,
                source=facts.source,
                id=entry.key,
                started_ms=0,
                ended_ms=None,
                key_id=listing.key_id if listing else "",
                attributes=believed(entry.attributes, listing.as_of_ms) if listing else entry.attributes,
            )
            found.append((row, ends is not None and ends < view.at_ms))
    found.sort(key=lambda pair: (pair[0].agent, pair[0].source, str(pair[0].id)))
    return [row for row, _ in found], frozenset(at for at, (_, expired) in enumerate(found) if expired)


def _first_by(table: Table, places: Sequence[int], attribute: str) -> list[int]:
    ordered = table.in_order(places, lambda at: table.order(at)[1])
    values = table.pick(attribute, ordered)
    first = dict(zip(reversed(values), range(len(ordered) - 1, -1, -1), strict=True))  # of each value the first stays
    return [ordered[number] for number in sorted(first.values())]


def goods_of(chosen: Chosen, test: Test, watermark_ms: int, now_ms: int) -> list[bool | None]:
    """Which rows are good: only those that are so as of the watermark and as of now; None: undecidable."""
    table = chosen.table
    against, in_favour = (TRUE, FALSE) if test.side == "bad" else (FALSE, TRUE)
    marks = table.marks(test.compiled, chosen.places, watermark_ms)
    if now_ms != watermark_ms and not all(table.is_timeless(name) for name in test.compiled.names):
        later = table.marks(test.compiled, chosen.places, now_ms)
        marks = bytes(
            against if against in both else UNDECIDED if UNDECIDED in both else in_favour
            for both in zip(marks, later, strict=True)
        )
    goods = results_of(marks.translate(bytes((TRUE, FALSE)).ljust(256, bytes((UNDECIDED,)))) if against else marks)
    if table.expired:
        goods = [False if at in table.expired else good for at, good in zip(chosen.places, goods, strict=True)]
    return goods
