"""Call records of FreeSWITCH read on: late calls, batches, rotation, and files that are gone or were rewritten."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing import read_all
from tests.support.freeswitch import answered_call
from tests.support.freeswitch_calls import CALLS, csv_source, put, read, write, xml_source
from tests.support.queue_logs import ZONE, at, measures, rolls, total


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_a_call_that_ends_late_is_a_revision_and_nothing_is_stated_twice(tmp_path: Path, kind: str) -> None:
    late = answered_call("late", at("09:05"), 10, 7200)
    path = write(tmp_path / "Master.csv", CALLS[:1])
    put(tmp_path / "x", CALLS[0])
    source = csv_source(path) if kind == "csv" else xml_source(tmp_path / "x")
    first, cursor = read(source, at("10:15"))
    assert total(first, "calls_offered", "support") == 1
    cursor = read(source, at("11:00"), cursor)[1]
    write(path, [CALLS[0], late])
    put(tmp_path / "x", late)
    second, cursor = read(source, at("11:45"), cursor)
    offered = measures(second)["calls_offered", "support", at("09:00")]
    assert (offered.count, offered.revision, offered.revision_reason) == (2, 1, "finished_late")
    assert read(source, at("12:45"), cursor)[0] == []


@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_small_batches_and_rotation_give_the_same_calls(tmp_path: Path, kind: str) -> None:
    calls = [answered_call(f"c{n}", at("01:00") + timedelta(seconds=53 * n), 4, 30) for n in range(400)]
    write(tmp_path / "Master.csv.2026-03-02-03-00-00", calls[:201])
    path = write(tmp_path / "Master.csv", calls[201:])
    for call in calls:
        put(tmp_path / "x", call)
    sizes = ("batch_kib", (1024, 8)) if kind == "csv" else ("batch_files", (20_000, 100))
    for size in sizes[1]:
        options = {sizes[0]: size}
        source = csv_source(path, **options) if kind == "csv" else xml_source(tmp_path / "x", **options)
        found, _ = read(source, at("12:00"))
        assert total(found, "calls_offered", "support") == 400
        assert sum(len(roll.clear_key) for roll in rolls(found, "call").values()) == 400


def test_a_record_that_was_read_and_is_gone_is_said_until_a_person_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    paths = [put(folder, call) for call in CALLS]
    _, cursor = read(xml_source(folder), at("10:15"))
    paths[0].unlink()
    with pytest.raises(SourceUnavailable, match="1 files that were read are gone"):
        read(xml_source(folder), at("10:30"), cursor)
    put(folder, answered_call("n", at("11:05"), 5, 30))
    on = replace(xml_source(folder, resume_after="2026-03-02T10:30:00Z"))
    found, done = read_all(on, cursor=cursor, now=at("12:00"), zone=ZONE)
    assert done.covers == (at("11:00"), at("11:30"))
    assert total(found, "calls_offered", "support") == 1


def test_a_rewritten_csv_is_unreadable_and_an_emptied_one_limited(tmp_path: Path) -> None:
    path = write(tmp_path / "Master.csv", CALLS)
    _, cursor = read(csv_source(path), at("14:00"))
    write(path, CALLS[1:])
    with pytest.raises(SourceUnavailable) as rewritten:
        read(csv_source(path), at("14:15"), cursor)
    assert rewritten.value.reason is Reason.UNREADABLE
    path.write_text("")
    with pytest.raises(SourceUnavailable) as emptied:
        read(csv_source(path), at("14:15"), cursor)
    assert emptied.value.reason is Reason.LIMITED


def test_a_young_file_that_is_not_whole_waits_for_the_next_read(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    path = put(folder, CALLS[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    os.utime(path, (at("11:59:30").timestamp(),) * 2)
    source = xml_source(folder)
    found, done = read_all(source, now=at("12:00"), zone=ZONE)
    assert (found, done.detail) == ([], "")
    os.utime(path, (at("11:00").timestamp(),) * 2)
    with pytest.raises(SourceUnavailable, match="no records of mod_xml_cdr"):
        read_all(source, now=at("12:00"), zone=ZONE)
    put(folder, CALLS[1])
    assert read_all(source, now=at("12:00"), zone=ZONE)[1].detail == "1 lines set apart: 1 xml"
