from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Reason, SourceUnavailable, Window
from ccmm_plugin_access_control.door_cursor import FileMark, Marks, parse_marks
from ccmm_plugin_access_control.passages import Hours, Passage, StatedHour
from tests.support.doors import (
    EXPORTED,
    HEAD,
    MORNING,
    NOW,
    WORDS,
    ZONE,
    hours,
    problem,
    read,
    rows_of,
    source,
    utc,
    write,
)

HOLDERS_HEAD = "卡号,工号,卡类型,状态,注销日期,区域\r\n"
HOLDERS = ["1001,10023,正式,正常,,大厅;机房", "1002,10024,临时,挂失,2026-11-01,大厅"]
HOLDER_OPTIONS: Mapping[str, object] = {
    "holder_columns": {
        "badge": "卡号",
        "person": "工号",
        "class": "卡类型",
        "enabled": "状态",
        "disabled": "注销日期",
        "zones": "区域",
    },
    "enabled_words": ["正常"],
    "disabled_words": ["挂失"],
    "words": {**WORDS, "正式": "personal", "临时": "temporary", "机房": "it_room"},
}


def test_holders_are_a_whole_list_and_name_the_person_of_a_passage(tmp_path: Path) -> None:
    holders = write(tmp_path / "badges.csv", HOLDERS, head=HOLDERS_HEAD)
    one = source(write(tmp_path / "events.csv", MORNING), holders=str(holders), **HOLDER_OPTIONS)
    found, _ = read(one)
    inventory = found[0].inventory
    assert (inventory.kind, inventory.complete) == ("badge", True)
    values = [{a.name: a.value for a in entry.attributes} for entry in inventory.entries]
    assert [entry.key.text for entry in inventory.entries] == ["1001", "1002"]
    assert values[0]["enabled"].flag
    assert list(values[0]["zones"].words.word) == ["大厅", "it_room"]
    assert not values[1]["enabled"].flag
    assert values[1]["disabled"].time_ms == datetime(2026, 10, 31, 16, 0, tzinfo=UTC).timestamp() * 1000
    assert [(row["person"], row["badge_class"]) for _, _, row in rows_of(found)] == [
        ("10023", "personal"),
        ("10024", "temporary"),
        ("10023", "personal"),
    ]


def test_every_run_states_the_whole_list_of_holders_also_where_nothing_changed(tmp_path: Path) -> None:
    holders = write(tmp_path / "badges.csv", HOLDERS, head=HOLDERS_HEAD)
    one = source(write(tmp_path / "events.csv", MORNING), holders=str(holders), **HOLDER_OPTIONS)
    _, done = read(one)
    (again,) = read(one, done.cursor)[0]
    assert [entry.key.text for entry in again.inventory.entries] == ["1001", "1002"]


def test_a_forgotten_list_of_holders_holds_back_what_is_vouched_for(tmp_path: Path) -> None:
    holders = write(tmp_path / "badges.csv", HOLDERS, utc(2), head=HOLDERS_HEAD)
    options = {"holders": str(holders), **HOLDER_OPTIONS}
    _, done = read(source(write(tmp_path / "events.csv", MORNING), **options))
    assert done.covers == (utc(1), utc(2))
    apart = source(tmp_path / "events.csv", state_holders=False, **options)
    assert apart.feeds == ("passage",)
    assert read(apart)[1].covers == (utc(1), utc(5))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("正常", "休息", "badges.csv: row 2, column '状态': neither in"),
        ("\n1002,", "\n1001,", "badges.csv: row 3, column '卡号': row 2 has the same badge"),
        ("2026-11-01", "gone", "badges.csv: row 3, column '注销日期': no time"),
        ("1001,", ",", "badges.csv: row 2, column '卡号': the badge is empty"),
    ],
)
def test_a_holder_that_cannot_be_read_is_named_and_never_dropped(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    holders = write(tmp_path / "badges.csv", "\n".join(HOLDERS).replace(old, new, 1).split("\n"), head=HOLDERS_HEAD)
    one = source(write(tmp_path / "events.csv", MORNING), holders=str(holders), **HOLDER_OPTIONS)
    reason, detail = problem(one)
    assert reason is Reason.UNREADABLE
    assert message in detail


def test_what_cannot_be_read_is_loud(tmp_path: Path) -> None:
    assert problem(source(tmp_path / "absent.csv"))[0] is Reason.NOT_FOUND
    assert problem(source(tmp_path / "absent-*.csv"))[0] is Reason.NOT_FOUND
    assert problem(source(tmp_path))[0] is Reason.REFUSED
    bad_time = write(tmp_path / "e.csv", [MORNING[0], "yesterday,1001,前门,进,正常开门"])
    assert problem(source(bad_time)) == (
        Reason.UNREADABLE,
        "row 3, column '刷卡时间': no time of the declared formats",
    )
    assert "not utf-8" in problem(source(bad_time, encoding="utf-8"))[1]
    empty = write(tmp_path / "e.csv", [], head="")
    assert "no header row" in problem(source(empty))[1]


def test_an_export_without_rows_vouches_for_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    one = source(write(path, []))
    found, done = read(one)
    assert (found, done.covers) == ([], (utc(5), utc(5)))
    write(path, ["2026-11-22 13:05,1002,前门,出,正常开门"], EXPORTED + timedelta(hours=1))
    found, again = read(one, done.cursor, NOW + timedelta(hours=1))
    assert hours(found) == {5: (1, 0)}
    assert again.covers == (utc(5), utc(6))


def test_check_tells_what_can_be_read_and_that_an_export_is_old(tmp_path: Path) -> None:
    one = source(write(tmp_path / "events.csv", MORNING))
    lines = {line.subject: line for line in one.check(Window(cursor=b"", now=NOW, zone=ZONE))}
    assert lines["events"].detail == "1 files; 3 rows of events.csv can be read"
    assert "export" not in lines
    lines = {line.subject: line for line in one.check(Window(cursor=b"", now=NOW + timedelta(days=3), zone=ZONE))}
    assert lines["export"].verdict == "warning"


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"columns": {"badge": "卡号"}}, "columns.time"),
        ({"holders": "/srv/badges.csv"}, "holder_columns"),
        ({"holders": "/srv/badges.csv", "holder_columns": {"person": "工号"}}, "holder_columns.badge"),
        ({"holders": "/srv/b.csv", "holder_columns": {"badge": "卡号", "enabled": "状态"}}, "enabled_words"),
        ({"columns": {"time": "t", "colour": "c"}}, "columns.colour"),
        ({"encoding": "utf-16"}, "encoding"),
    ],
)
def test_wrong_options_are_refused_by_name(changed: dict[str, object], key: str) -> None:
    with pytest.raises(BadOption) as caught:
        source(Path("/srv/events.csv"), **changed)
    assert caught.value.key == key


@settings(deadline=None)
@given(st.text(max_size=150))
def test_of_any_rows_only_the_declared_error_escapes(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((HEAD + text).encode("gb18030", "replace"))
    with suppress(SourceUnavailable):
        read(source(path))


COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=60)


@given(COUNTS, st.integers(1, 20), st.integers(0, 40))
def test_the_earliest_hours_are_kept_whole_and_at_least_one(
    pairs: list[tuple[int, int]], most: int, limit: int
) -> None:
    kept = Hours(most=most, limit=limit)
    for hour, n in pairs:
        kept.add(hour, Passage(str(n), utc(0), {}))
    kept.finish()
    wanted = [hour for hour, _ in pairs if hour < limit]
    assert {hour: len(found) for hour, found in kept.kept.items()} == {
        hour: wanted.count(hour) for hour in set(wanted) if hour < kept.limit
    }
    assert kept.total <= most or len(kept.kept) == 1
    assert bool(kept.kept) == bool(wanted)


MARKS = st.builds(
    Marks,
    until=st.none() | st.integers(),
    vouched_ms=st.none() | st.integers(),
    newest=st.text(),
    files=st.dictionaries(
        st.text(), st.builds(FileMark, offset=st.integers(), edges=st.text(), last_ms=st.none() | st.integers())
    ),
    hours=st.dictionaries(
        st.integers(), st.builds(StatedHour, count=st.integers(), digest=st.text(), revision=st.integers())
    ),
)


@given(MARKS)
def test_the_cursor_is_read_as_it_was_written(marks: Marks) -> None:
    assert parse_marks(marks.to_cursor()) == marks


@given(st.binary(max_size=60) | st.sampled_from([b"[]", b"7", b'[2,1,1,"",[],{}]', b'[2,1,1,"",{"a":1},{}]']))
def test_any_other_cursor_begins_anew(cursor: bytes) -> None:
    assert parse_marks(cursor) == Marks()
