"""Backups: holdings, restore tests and what `check` says; by hand and from a real list."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Window
from ccmm_agent.testing import check_source, options_of_example, read_all
from ccmm_plugin_facilities.backup import Backup
from tests.support.backup_lists import HOUR, NOON, SHANGHAI, Store, attributes, line, snapshot, store

__all__ = ["store"]

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "restic"


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
