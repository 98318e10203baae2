from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_tables.columns import Row
from ccmm_tables.sql_cells import cell_of, digest_of, row_of
from ccmm_tables.sql_query import Growing, refuse_other
from ccmm_tables.sql_seen import Fresh, Seen, parse_seen
from tests.support.tables import TIMES

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=60) | st.just("x" * 5000),
    st.binary(max_size=40),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.timedeltas(),
    st.uuids(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.text()),
)


@given(VALUES)
def test_any_value_becomes_a_cell_or_names_its_place_and_never_its_content(value: object) -> None:
    row, error = _read(value)
    if row is None:
        assert (error.row, error.column) == (7, "a")
        assert not (isinstance(value, str) and len(value) > 20 and value in str(error))
    else:
        assert ("a" in row.cells) == (value is not None and not _is_blank(value))
        assert digest_of(row) == digest_of(Row(8, {"b": 1, "a": row.cells["a"]} if "a" in row.cells else {"b": 1}))


def _read(value: object) -> tuple[Row | None, BadTable]:
    """The row, or why there is none."""
    try:
        return row_of(7, ("a", "b"), (value, 1)), BadTable("none")
    except BadTable as error:
        return None, error


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_a_decimal_keeps_its_value_and_a_whole_one_is_a_whole_number(value: Decimal) -> None:
    cell = cell_of(value)
    assert Decimal(str(cell)) == value
    assert isinstance(cell, int) == (value == value.to_integral_value())


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Decimal("1001.00"), 1001),
        (Decimal("12.50"), "12.5"),
        (Decimal("-0.10"), "-0.1"),
        (b"\1", True),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("  a ", "a"),
        ("   ", None),
        (date(2026, 1, 2), date(2026, 1, 2)),
        (time(9, 30), time(9, 30)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_values_of_drivers_as_cells(value: object, cell: object) -> None:
    assert cell_of(value) == cell
    assert type(cell_of(value)) is type(cell)


@pytest.mark.parametrize("value", [b"text", float("nan"), Decimal("inf"), Decimal("1e40"), ["a"], {"a": 1}, "a\0b"])
def test_what_is_no_cell_is_refused(value: object) -> None:
    with pytest.raises(BadTable):
        cell_of(value)


def test_casts_and_clock_times_are_no_bound_names() -> None:
    query = "SELECT a::text, '10:30:x', [b:c] FROM x WHERE y >= :since AND y < :until /* :other */ -- :more"
    assert refuse_other(query) == {"since", "until"}


def row(number: int, changed: object) -> Row:
    return Row(number, {"id": number, "changed": changed})  # type: ignore[dict-item]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1, max_size=60),
    st.integers(1, 7),
    st.integers(0, 20),
)
def test_whatever_the_batches_each_row_is_fresh_once(rows: list[tuple[int, int]], limit: int, overlap: int) -> None:
    """A table that is read to its end in batches, and then again: nothing is left out, nothing is stated twice."""
    growing = Growing(column="changed", begin=0, overlap=overlap)
    there = [row(number, mark) for number, (mark, _) in enumerate(sorted(rows))]
    seen, stated = Seen(), list[int]()
    for _ in range(2 * len(there) + 3):
        low = seen.low(growing)
        asked = [one for one in there if int(str(one.cells["changed"])) >= int(str(low))]
        fresh = Fresh(asked[: limit + len(seen.known()) + 1], seen, growing, TIMES, limit)
        stated += [one.number for one in fresh if not fresh.is_known]
        assert fresh.high is not None
        after = Seen(
            high=fresh.high, is_partial=fresh.is_full, digests=fresh.digests(seen.digests, growing.before(fresh.high))
        )
        seen = parse_seen(after.to_cursor())
        assert seen == after
    assert stated == [one.number for one in there]


def test_a_cursor_that_is_not_understood_forgets_and_one_that_is_too_large_is_limited() -> None:
    for cursor in (b"", b"[]", b"[2, 0, 0, 0, 0, 0, {}]", b'[1, null, null, 1, null, false, {"": "?"}]', b"\xff"):
        assert parse_seen(cursor) == Seen()
    many = frozenset(number.to_bytes(6) for number in range(150_000))
    with pytest.raises(SourceUnavailable) as caught:
        Seen(as_of=datetime.now(UTC), digests={"": many}).to_cursor()
    assert caught.value.reason is Reason.LIMITED
    kept = Seen(digests={"": frozenset(sorted(many)[:100_000])})
    assert parse_seen(kept.to_cursor()) == kept


def test_a_time_of_the_database_is_compared_as_it_writes_it() -> None:
    growing = Growing(column="changed", begin=datetime(2026, 1, 1), overlap=timedelta(hours=2))  # noqa: DTZ001
    for cell in (datetime(2026, 11, 20, 9), datetime(2026, 11, 20, 1, tzinfo=UTC), "2026-11-20 09:00"):  # noqa: DTZ001
        assert growing.mark_of(row(1, cell), TIMES) == datetime(2026, 11, 20, 9)  # noqa: DTZ001
    assert growing.before(datetime(2026, 1, 1, 1)) == growing.begin  # noqa: DTZ001
    with pytest.raises(BadTable, match="no time"):
        growing.mark_of(row(1, 17), TIMES)
