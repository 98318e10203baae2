"""Backups: which job is which copy, verified or not, what is stated once; by hand and from a real list."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, options_of_example, read_all
from ccmm_plugin_facilities.backup import Backup
from ccmm_plugin_facilities.backup_due import Copy, decided, dues
from ccmm_plugin_facilities.backup_list import Noted, Snapshot, parse_borg, parse_journal, parse_restic
from ccmm_plugin_facilities.backup_state import State, parse_state
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import Observation

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "restic"
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def snapshot(at: datetime, **changed: object) -> dict[str, object]:
    return {
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.11334879Z",
        "paths": ["/srv/crm"],
        "hostname": "crm-01",
        "username": "zhang",
        "tags": ["crm"],
        "id": "1eda94357a69",
        **changed,
    }


def line(action: str, started: datetime, minutes: int = 10, code: int = 0, **more: object) -> dict[str, object]:
    ended = started + timedelta(minutes=minutes)
    return {"action": action, "started": started.isoformat(), "ended": ended.isoformat(), "code": code, **more}


class Store:
    """A list and a journal, as a timer writes them."""

    def __init__(self, folder: Path) -> None:
        self.list, self.journal = folder / "list.json", folder / "journal.jsonl"
        self.tell([], as_of=NOON)
        self.note()

    def tell(self, snapshots: list[dict[str, object]], as_of: datetime) -> None:
        self.list.write_text(json.dumps(snapshots))
        os.utime(self.list, (as_of.timestamp(), as_of.timestamp()))

    def note(self, *lines: Mapping[str, object]) -> None:
        self.journal.write_text("".join(f"{json.dumps(one)}\n" for one in lines))

    def source(self, **changed: object) -> Backup:
        table = {
            "tool": "restic",
            "snapshots": str(self.list),
            "journal": str(self.journal),
            "zone": "UTC",
            "copies": [{"copy": "crm", "due": "01:30", "tags": ["crm"], "rto": "4h"}],
            "look_back": "4d",
            **changed,
        }
        options = Options({key: value for key, value in table.items() if value is not None})
        built = Backup.from_options(options)
        options.refuse_unknown()
        return built


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def attributes(one: Observation) -> dict[str, object]:
    body = one.occurrence if one.HasField("occurrence") else one.inventory.entries[0]
    return {found.name: getattr(found.value, found.value.WhichOneof("value") or "") for found in body.attributes}


def jobs(observations: list[Observation]) -> dict[str, bool]:
    """Day of the due time -> verified."""
    found = [one for one in observations if one.occurrence.kind == "job"]
    return {one.occurrence.id.text.rpartition(" ")[2][:10]: bool(attributes(one)["verified"]) for one in found}


def test_the_source_keeps_the_contract(store: Store, tmp_path: Path) -> None:
    store.tell([snapshot(NOON - 10 * HOUR)], as_of=NOON)
    store.note(line("check", NOON - 9 * HOUR), line("restore", NOON - 5 * HOUR, copy="crm", full=True))
    window = Window(cursor=b"", now=NOON, zone=SHANGHAI)
    healthy = store.source(restore_tests=True)
    check_source(healthy=healthy, broken=store.source(snapshots=str(tmp_path / "none")), window=window)


def test_the_example_is_whole_and_names_what_it_runs() -> None:
    source = Backup.from_options(options_of_example(Backup))
    assert source.manifest().programs == (Path("/usr/bin/restic"),)
    assert source.manifest().endpoints == ()


def test_a_job_is_verified_by_a_check_that_began_after_its_copy_and_passed(store: Store) -> None:
    """Due at 01:30 on the 17th to 20th: checked, check failed, no copy, checked too late."""
    day = datetime(2026, 11, 17, 1, 31, tzinfo=UTC)
    store.tell([snapshot(day), snapshot(day + 24 * HOUR), snapshot(day + 72 * HOUR)], as_of=NOON + 24 * HOUR)
    store.note(
        line("check", day - HOUR),
        line("check", day + HOUR),
        line("check", day + 25 * HOUR, code=1),
    )
    observations, done = read_all(store.source(), now=NOON + 24 * HOUR, zone=SHANGHAI)
    stated = {"2026-11-18": False, "2026-11-19": False, "2026-11-20": False, "2026-11-21": False}
    assert jobs(observations) == stated  # the 17th lies before the four days that the first run looks back
    assert done.covers == (NOON - 72 * HOUR, NOON + 24 * HOUR)
    earlier, _ = read_all(store.source(look_back="5d"), now=NOON + 24 * HOUR, zone=SHANGHAI)
    assert jobs(earlier) == {"2026-11-17": True, **stated}


def test_what_is_not_yet_known_is_not_vouched_for(store: Store) -> None:
    due = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    store.tell([snapshot(due)], as_of=NOON)
    observations, done = read_all(store.source(look_back="2d"), now=NOON, zone=SHANGHAI)
    assert jobs(observations) == {"2026-11-19": False}
    assert done.covers == (NOON - 48 * HOUR, due)
    store.note(line("check", NOON))
    store.tell([snapshot(due)], as_of=NOON + HOUR)
    later, after = read_all(store.source(look_back="2d"), cursor=done.cursor, now=NOON + HOUR, zone=SHANGHAI)
    assert jobs(later) == {"2026-11-20": True}
    assert after.covers == (due, NOON + HOUR)


def test_a_copy_without_a_check_in_time_is_a_failed_job(store: Store) -> None:
    due = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    store.tell([snapshot(due)], as_of=due + 24 * HOUR)
    observations, _ = read_all(store.source(look_back="2d"), now=due + 24 * HOUR, zone=SHANGHAI)
    assert jobs(observations)["2026-11-20"] is False


def test_jobs_are_counted_by_day_once_the_day_is_over(store: Store) -> None:
    day = datetime(2026, 11, 18, tzinfo=UTC)
    store.tell([snapshot(day + 2 * HOUR)], as_of=NOON)
    store.note(line("check", day + 3 * HOUR))
    source = store.source(look_back="3d")
    observations, done = read_all(source, now=NOON, zone=SHANGHAI)
    counted = {
        (one.measure.id, one.measure.start_ms): one.measure.count for one in observations if one.HasField("measure")
    }
    at = round(day.timestamp() * 1000)
    assert counted == {
        ("backup_jobs", at): 1,
        ("backup_jobs_verified", at): 1,
        ("backup_jobs", at + 86_400_000): 1,
        ("backup_jobs_verified", at + 86_400_000): 0,
    }
    again, _ = read_all(source, cursor=done.cursor, now=NOON, zone=SHANGHAI)
    assert [one for one in again if one.HasField("measure")] == []


def test_after_a_long_absence_it_begins_anew_and_vouches_for_no_hole(store: Store) -> None:
    _, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    store.tell([], as_of=NOON + 480 * HOUR)
    _, after = read_all(store.source(), cursor=done.cursor, now=NOON + 480 * HOUR, zone=SHANGHAI)
    assert after.covers == (NOON + 384 * HOUR, NOON + 480 * HOUR)


def test_a_holding_has_its_oldest_and_newest_copy_and_none_where_nothing_is(store: Store) -> None:
    summary = {"backup_end": "2026-11-20T02:40:00Z", "total_bytes_processed": 4096}
    store.tell([snapshot(NOON - 40 * HOUR), snapshot(NOON - 10 * HOUR, summary=summary)], as_of=NOON)
    copies = [{"copy": "crm", "due": "01:30", "tags": ["crm"]}, {"copy": "pbx", "due": "02:00", "host": "pbx-01"}]
    observations, _ = read_all(store.source(copies=copies), now=NOON, zone=SHANGHAI)
    holdings = {one.key.text: one for one in observations[0].inventory.entries}
    told = {found.name: found.value for found in holdings["backup crm"].attributes}
    assert (told["files"].whole, told["size_bytes"].whole, told["copy"].text) == (2, 4096, "crm")
    assert told["newest"].time_ms == round((NOON - 10 * HOUR).timestamp() * 1000)
    assert {found.name for found in holdings["backup pbx"].attributes} == {"class", "source", "files", "encrypted"}


def test_hosts_paths_and_users_never_leave(store: Store) -> None:
    store.tell([snapshot(NOON - 10 * HOUR)], as_of=NOON)
    observations, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    for word in (b"crm-01", b"zhang", b"/srv/crm", b"1eda"):
        assert word not in b"".join(one.SerializeToString() for one in observations) + done.cursor


def test_a_restore_test_is_stated_once_with_its_time_and_limit(store: Store) -> None:
    store.note(line("restore", NOON - 30 * HOUR, minutes=90, copy="crm", full=True), line("check", NOON - 9 * HOUR))
    source = store.source(restore_tests=True)
    observations, done = read_all(source, now=NOON, zone=SHANGHAI)
    (test,) = [one for one in observations if one.occurrence.kind == "exercise"]
    assert attributes(test) == {
        "class": "restore", "ref": "crm", "passed": True, "full": True, "minutes": 90.0, "rto_minutes": 240.0
    }  # fmt: skip
    store.note(
        line("restore", NOON - 30 * HOUR, minutes=90, copy="crm", full=True),
        line("restore", NOON - 50 * HOUR, copy="crm", code=1),
    )
    later, _ = read_all(source, cursor=done.cursor, now=NOON, zone=SHANGHAI)
    (late,) = [one for one in later if one.occurrence.kind == "exercise"]
    assert (attributes(late)["passed"], attributes(late)["full"]) == (False, False)


@pytest.mark.parametrize(
    ("copies", "code", "lost"),
    [
        ([NOON - 34 * HOUR, NOON - 58 * HOUR], 0, 240.0),  # the newest before the restore at 30 hours: 4 hours
        ([NOON - 29 * HOUR, NOON - 58 * HOUR], 0, 28 * 60.0),  # one of later could not come back
        ([NOON - 29 * HOUR], 0, None),  # none of that time is listed any more
        ([NOON - 34 * HOUR], 1, None),  # nothing came back
    ],
)
def test_what_a_restore_would_have_lost_is_the_time_since_its_newest_copy(
    store: Store, copies: list[datetime], code: int, lost: float | None
) -> None:
    store.tell([snapshot(at) for at in copies] + [snapshot(NOON - 31 * HOUR, tags=["other"])], as_of=NOON)
    store.note(line("restore", NOON - 30 * HOUR, copy="crm", code=code, full=True))
    named = {"copy": "crm", "due": "01:30", "tags": ["crm"], "rto": "4h", "rpo": "26h"}
    observations, _ = read_all(store.source(restore_tests=True, copies=[named]), now=NOON, zone=SHANGHAI)
    (test,) = [one for one in observations if one.occurrence.kind == "exercise"]
    told = attributes(test)
    assert told["rpo_minutes"] == 26 * 60.0
    assert told.get("lost_minutes") == (None if lost is None else pytest.approx(lost, abs=0.01))


def test_a_copy_dated_ahead_does_not_look_fresh(store: Store) -> None:
    store.tell([snapshot(NOON - 90 * HOUR), snapshot(NOON + 90 * HOUR)], as_of=NOON)
    store.note(line("check", NOON + HOUR))
    observations, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    told = {found.name: found.value for found in observations[0].inventory.entries[0].attributes}
    assert told["newest"].time_ms == round((NOON - 90 * HOUR).timestamp() * 1000)
    assert (
        done.detail
        == "not believed: 1 copies dated ahead of the list, 1 lines of the journal with times that cannot be"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"time": "2026-11-20T01:30:00Z"', "only a part of it"),
        ('{"archives": []}', "a list of"),
        ('[{"time": "yesterday", "hostname": "a", "id": "1"}]', "no time"),
        ('[{"time": "2026-11-20T01:30:00", "hostname": "a", "id": "1"}]', "without offset"),
        ("", "no JSON"),
    ],
)
def test_a_list_that_is_none_makes_the_source_unavailable(store: Store, content: str, words: str) -> None:
    store.list.write_text(content)
    os.utime(store.list, (NOON.timestamp(), NOON.timestamp()))
    assert_unavailable(store.source(), Reason.UNREADABLE, words)


def test_a_list_older_than_what_is_stated_is_refused(store: Store) -> None:
    _, done = read_all(store.source(), now=NOON, zone=SHANGHAI)
    store.tell([], as_of=NOON - HOUR)
    assert_unavailable(store.source(), Reason.UNREADABLE, "an old list came back", cursor=done.cursor)


def test_a_journal_with_a_strange_line_names_it(store: Store) -> None:
    store.note(line("check", NOON - HOUR), {"action": "prune"})
    assert_unavailable(store.source(), Reason.UNREADABLE, "line 2: action is backup, check or restore")
    store.note(line("restore", NOON - HOUR, copy="crmm"))
    assert_unavailable(store.source(restore_tests=True), Reason.UNREADABLE, "a restore names no copy")


def test_a_missing_or_huge_list_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_facilities.backup_store.MAX_FILE_BYTES", 1)
    assert_unavailable(store.source(), Reason.FLOOD, "more than 1 bytes")
    store.list.unlink()
    assert_unavailable(store.source(), Reason.NOT_FOUND, "does its timer run")


def assert_unavailable(source: Backup, reason: Reason, words: str, cursor: bytes = b"") -> None:
    with pytest.raises(SourceUnavailable, match=words) as raised:
        read_all(source, cursor=cursor, now=NOON, zone=SHANGHAI)
    assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tool": "tar"}, "restic or borg"),
        ({"repository": "/srv/r", "password_file": "/p"}, "repository"),
        ({"snapshots": None}, "repository"),
        ({"snapshots": None, "tool": "borg", "repository": "/srv/b", "password_file": "/p"}, "without writing"),
        ({"snapshots": None, "repository": "/srv/r"}, "password_file"),
        ({"journal": None}, "nothing is ever verified"),
        ({"run_check": "structure"}, "where restic is run"),
        ({"copies": []}, "at least one"),
        ({"copies": [{"copy": "a", "due": "01:30"}] * 2}, "another name"),
        ({"copies": [{"copy": "a", "due": "1 o'clock"}]}, "a time of day"),
        ({"copies": [{"copy": "a", "due": "01:30", "within": "21h"}]}, "at most 20h"),
        ({"copies": [{"copy": "a", "due": "01:30", "weekdays": ["monday"]}]}, "some of"),
        ({"copies": [{"copy": "a", "due": "01:30", "prefix": "a-"}]}, "with borg"),
        ({"look_back": "1d"}, "more than within"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_options_are_named(store: Store, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        store.source(**changed)


def test_check_names_old_missing_and_stray_copies(store: Store) -> None:
    store.tell([snapshot(NOON - 90 * HOUR), snapshot(NOON - HOUR, tags=None)], as_of=NOON - 60 * HOUR + 62 * HOUR)
    copies = [{"copy": "crm", "due": "01:30", "tags": ["crm"]}, {"copy": "pbx", "due": "02:00", "host": "pbx-01"}]
    lines = {
        line.subject: line
        for line in store.source(copies=copies).check(Window(cursor=b"", now=NOON + 3 * HOUR, zone=SHANGHAI))
    }
    assert (lines["crm"].verdict, lines["pbx"].verdict, lines["copies"].verdict) == ("warning", "failed", "warning")
    assert lines["crm"].detail == "1 copies, the newest 92 h old"
    assert lines[str(store.journal)].verdict == "warning"


def test_check_tells_of_restore_tests_without_a_limit(store: Store) -> None:
    copies = [{"copy": "crm", "due": "01:30", "rpo": "26h"}, {"copy": "pbx", "due": "02:00", "rto": "2h"}]
    window = Window(cursor=b"", now=NOON, zone=SHANGHAI)
    told = ["without it no restore is in time: crm", "without it no restore brings enough back: pbx"]
    for restore_tests, expected in ((True, told), (False, [])):
        lines = store.source(copies=copies, restore_tests=restore_tests).check(window)
        assert [line.detail for line in lines if line.subject in ("rto", "rpo")] == expected


def test_due_times_follow_the_clock_of_the_center_over_its_changes() -> None:
    """Berlin: 02:30 is not there on 2026-03-29, and twice on 2026-10-25."""
    copy = Copy(name="a", due=time(2, 30), weekdays=frozenset(range(7)), within=timedelta(hours=6))
    for day, hours in ((datetime(2026, 3, 28, tzinfo=UTC), [1, 1, 0]), (datetime(2026, 10, 24, tzinfo=UTC), [0, 0, 1])):
        found = [at for at, _ in dues([copy], BERLIN, day, day + timedelta(days=3))]
        assert [(at.day - day.day, at.hour, at.minute) for at in found] == [(n, h, 30) for n, h in enumerate(hours)]


def test_only_the_weekdays_named_are_due() -> None:
    copy = Copy(name="a", due=time(2, 30), weekdays=frozenset({6}), within=timedelta(hours=6))
    found = list(dues([copy], ZoneInfo("UTC"), NOON, NOON + timedelta(days=21)))
    assert [at.weekday() for at, _ in found] == [6, 6, 6]


def test_a_check_that_began_while_the_copy_was_made_verifies_nothing() -> None:
    copy = Copy(name="a", due=time(12), weekdays=frozenset(range(7)), within=timedelta(hours=6))
    made = Snapshot(at=NOON, ended=NOON + 2 * HOUR)
    during = Noted(action="check", started=NOON + HOUR, ended=NOON + 3 * HOUR, passed=True)
    after = Noted(action="check", started=NOON + 2 * HOUR, ended=NOON + 3 * HOUR, passed=True)
    day = timedelta(days=1)
    assert decided(NOON, copy, [made], [during], NOON + 4 * HOUR, day) is None
    job = decided(NOON, copy, [made], [during, after], NOON + 4 * HOUR, day)
    assert job is not None
    assert job.verified


def test_borg_lists_are_local_time_and_checkpoints_are_no_copies() -> None:
    table = {
        "archives": [
            {"name": "crm-1", "start": "2026-11-20T01:30:00.000000", "end": "2026-11-20T01:40:00.000000",
             "hostname": "crm-01", "stats": {"original_size": 77}},
            {"name": "crm-2.checkpoint", "start": "2026-11-21T01:30:00.000000"},
            {"name": "crm-3.checkpoint.1", "start": "2026-11-21T01:30:00.000000"},
        ],
        "encryption": {"mode": "repokey-blake2"},
    }  # fmt: skip
    listing = parse_borg(json.dumps(table).encode(), SHANGHAI)
    (one,) = listing.snapshots
    assert one.at == datetime(2026, 11, 19, 17, 30, tzinfo=UTC)
    assert (one.ended - one.at, one.size_bytes, listing.encrypted) == (timedelta(minutes=10), 77, True)
    for mode in ("none", "authenticated", "authenticated-blake2"):
        assert (
            parse_borg(json.dumps({"archives": [], "encryption": {"mode": mode}}).encode(), SHANGHAI).encrypted is False
        )


def test_a_torn_last_line_of_the_journal_is_read_next_time() -> None:
    whole = json.dumps(line("check", NOON)).encode()
    assert len(parse_journal(whole + b"\n" + whole)) == 1


@given(JSON)
def test_no_list_breaks_a_parser(value: object) -> None:
    content = json.dumps(value).encode()
    for parse in (parse_restic, lambda found: parse_borg(found, SHANGHAI), lambda found: parse_journal(found + b"\n")):
        with suppress(Malformed):
            parse(content)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_cursor_begin_anew(cursor: bytes) -> None:
    assert isinstance(parse_state(cursor), State)


def test_a_cursor_comes_back_as_it_was() -> None:
    state = State(since_ms=1, until_ms=2, counted_ms=3, days={0: [2, 1]}, restores={"restore crm": 9})
    assert parse_state(state.to_cursor()) == state


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captures of restic here")
def test_a_real_list_tells_that_recordings_were_not_copied_for_19_days(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.list.write_bytes((CAPTURES / "snapshots.json").read_bytes())
    now = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    os.utime(store.list, (now.timestamp(), now.timestamp()))
    store.note(*(line("check", now.replace(day=day, hour=3)) for day in range(17, 23)))
    copies = [
        {"copy": "crm", "due": "01:30", "host": "crm-01"},
        {"copy": "recordings", "due": "02:10", "tags": ["recordings"]},
    ]
    observations, _ = read_all(store.source(copies=copies, look_back="6d"), now=now, zone=SHANGHAI)
    holdings = {one.key.text: {a.name: a.value for a in one.attributes} for one in observations[0].inventory.entries}
    age_ms = now.timestamp() * 1000 - holdings["backup recordings"]["newest"].time_ms
    assert (age_ms // 86_400_000, holdings["backup recordings"]["files"].whole) == (19, 4)
    assert (holdings["backup crm"]["files"].whole, holdings["backup crm"]["encrypted"].flag) == (12, True)
    found = [attributes(one) for one in observations if one.occurrence.kind == "job"]
    assert [one["verified"] for one in found if one["copy"] == "crm"] == [True] * 6
    assert [one["verified"] for one in found if one["copy"] == "recordings"] == [False] * 5
