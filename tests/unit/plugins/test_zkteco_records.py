"""Bytes of ZKTeco terminals, whatever they are: records and users whole, or Malformed."""

from contextlib import suppress
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_access_control.zk_records import User, parse_log, parse_time, parse_users
from ccmm_proto.errors import Malformed
from tests.support.zk_terminals import Record, Terminal, packed


@given(st.integers(0, 2**32 - 1))
def test_a_time_is_a_date_or_none(number: int) -> None:
    at = parse_time(number)
    if at is not None and at.year < 2100:
        assert packed(at) == number


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_parsing_undoes_packing(at: datetime) -> None:
    assert parse_time(packed(at)) == at.replace(microsecond=0)


@given(st.binary(max_size=300), st.integers(0, 10), st.integers(0, 10))
def test_only_the_declared_error_escapes(data: bytes, least: int, most: int) -> None:
    with suppress(Malformed):
        assert least <= len(parse_users(data, least, most)) <= most
    with suppress(Malformed):
        assert least <= len(list(parse_log(data, least, most, {}))) <= most


@given(st.lists(st.tuples(st.integers(1, 60000), st.integers(0, 2**32 - 1), st.integers(0, 255)), max_size=30))
def test_records_of_each_length_come_back(rows: list[tuple[int, int, int]]) -> None:
    users = {place: User(place, f"u{place}", 0, "1", True, False) for place, _, _ in rows}
    for size in (8, 16, 40):
        box = Terminal(records=[Record(str(place), at, state, place=place) for place, at, state in rows])
        box.record_size = size
        punches = list(parse_log(box.table(13), len(rows), len(rows), users))
        assert [(one.at, one.state) for one in punches] == [(parse_time(at), state) for _, at, state in rows]
        assert [one.id for one in punches] == [f"u{place}" if size == 8 else str(place) for place, _, _ in rows]
