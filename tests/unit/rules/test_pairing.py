"""Who is whose partner, against the plain reading of it: every row tried with every other."""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ccmm_rules.columns import ENDED, KEY, KEY_ID, Column, Columns, coded
from ccmm_rules.evidence import AttributeValue, Happening
from ccmm_rules.operators.pairing import Pair, pair_up, side_of
from ccmm_rules.operators.rowset import Chosen
from ccmm_rules.operators.table import Table
from ccmm_rules.spec import Joining, RowSource
from ccmm_rules.vocabulary.tables import load_vocabulary

ZONE, NOW = ZoneInfo("UTC"), 50
SAME = (("person", "person"), ("site", "site"))
ROWS = st.tuples(st.integers(1, 40), st.one_of(st.none(), st.integers(0, 12)), st.integers(0, 2), st.sampled_from("xy"))
SOURCE = RowSource(kind="session", form="occurrence", document_class="", of=None)
JOINED = st.sampled_from(
    (
        Joining(source=SOURCE, same=()),
        Joining(source=SOURCE, same=(), time_ms=(-3, 2)),
        Joining(source=SOURCE, same=(), time_ms=(1, 5)),
        Joining(source=SOURCE, same=(), inside_ms=0),
        Joining(source=SOURCE, same=(), inside_ms=2),
        Joining(source=SOURCE, same=(), overlap_ms=0),
        Joining(source=SOURCE, same=(), overlap_ms=3),
    )
)
Told = tuple[int, int | None, int, str]


def table_of(kind: str, told: Sequence[Told], *, packed: bool = False) -> Table:
    rows = sorted((happening(at, *row) for at, row in enumerate(told)), key=lambda row: row.started_ms)
    return Table(load_vocabulary().kinds[kind], ZONE, {}, columns_of(rows) if packed else rows)


def columns_of(rows: Sequence[Happening]) -> Columns:
    """What no row has, has no column."""
    told: dict[str, Column] = {
        name: [row.attributes.get(name) for row in rows] for row in rows for name in row.attributes
    }
    told |= {"site": coded([row.attributes["site"] for row in rows]) or ()} if rows else {}
    told |= {KEY: [row.id for row in rows], ENDED: [row.ended_ms for row in rows], KEY_ID: ["k"] * len(rows)}
    return Columns(agent="a", source="s", starts=[row.started_ms for row in rows], told=told)


def happening(at: int, start: int, lasted: int | None, person: int, site: str) -> Happening:
    end = start + lasted if lasted is not None else None
    attributes: dict[str, AttributeValue] = {"site": site}
    if person:
        attributes["person"] = person
    return Happening(
        agent="a", source="s", id=97 * at % 50, started_ms=start, ended_ms=end, key_id="k", attributes=attributes
    )


def is_pair(a: Happening, b: Happening, joining: Joining) -> bool:
    for mine, theirs in joining.same:
        if mine not in a.attributes or a.attributes[mine] != b.attributes.get(theirs):
            return False
    end_a, end_b = (row.ended_ms if row.ended_ms is not None else max(NOW, row.started_ms) for row in (a, b))
    if joining.time_ms is not None:
        return joining.time_ms[0] <= b.started_ms - a.started_ms <= joining.time_ms[1]
    if joining.inside_ms is not None:
        return b.started_ms - joining.inside_ms <= a.started_ms <= end_b + joining.inside_ms
    if joining.overlap_ms is not None:
        return b.started_ms <= end_a + joining.overlap_ms and a.started_ms <= end_b + joining.overlap_ms
    return True


@given(
    few=st.lists(ROWS, max_size=2),
    many=st.one_of(st.lists(ROWS, max_size=6), st.lists(ROWS, min_size=9, max_size=20)),
    keys=st.sampled_from((SAME, SAME[:1], ())),
    how=JOINED,
    turned=st.booleans(),
    packed=st.booleans(),
)
def test_all_pairs_are_found_and_no_others(
    few: list[Told], many: list[Told], keys: tuple[tuple[str, str], ...], how: Joining, turned: bool, packed: bool
) -> None:
    first, second = table_of("presence", few), table_of("session", many, packed=packed)
    if turned:
        first, second = second, first
    joining = replace(how, same=keys)
    side = side_of(joining, Chosen(table=second, places=range(len(second.rows))), first)
    base = Chosen(table=first, places=range(len(first.rows)))
    found = pair_up(base, [side], "all", NOW, no_preference, hopeful=False)
    assert len(found) == len(set(found))
    assert {(a, b) for a, b, _ in found} == {
        (a, b) for a in base.places for b in side.rows.places if is_pair(first.rows[a], second.rows[b], joining)
    }


@given(told=st.lists(ROWS, max_size=8), how=JOINED, is_same=st.booleans())
def test_no_row_is_its_own_partner(told: list[Told], how: Joining, is_same: bool) -> None:
    """Neither in its own table nor in another of its kind, as one with computed attributes is."""
    first = table_of("session", told)
    second = first if is_same else table_of("session", told)
    side = side_of(how, Chosen(table=second, places=range(len(told))), first)
    base = Chosen(table=first, places=range(len(told)))
    found = pair_up(base, [side], "all", NOW, no_preference, hopeful=False)
    assert {(a, b) for a, b, _ in found} == {
        (a, b)
        for a in base.places
        for b in side.rows.places
        if first.rows[a] != second.rows[b] and is_pair(first.rows[a], second.rows[b], how)
    }


def no_preference(pairs: Sequence[Pair]) -> Sequence[bool]:
    return [True] * len(pairs)


@given(told=st.lists(ROWS, max_size=12), left_out=st.sets(st.integers(0, 11)))
def test_rows_that_began_at_once_are_ordered_by_their_keys(told: list[Told], left_out: set[int]) -> None:
    table = table_of("session", told)
    places = [at for at in range(len(told)) if at not in left_out]
    assert list(table.in_order(places)) == sorted(places, key=table.order)
