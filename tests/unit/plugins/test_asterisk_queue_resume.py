"""Reading the queue log again and again: batches, rotation, breaks, hostile lines."""

import gzip
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from tests.support.queue_logs import (
    ZONE,
    Reader,
    abandoned,
    answered,
    append,
    at,
    in_order,
    line,
    measures,
    rolls,
    total,
    write,
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "queue_log"


def reader(log: Path, **options: object) -> Reader:
    return Reader(replace(QueueLog(queue_log=log), **options))  # type: ignore[arg-type]


def refusal(source: QueueLog, cursor: bytes, now: datetime) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as refused:
        list(source.read(Window(cursor=cursor, now=now, zone=ZONE)))
    return refused.value


def test_reading_often_states_each_quarter_hour_once_and_leaves_no_gap(log: Path) -> None:
    calls = [answered(at("09:00") + timedelta(minutes=m), f"c{m}", m % 40, 30 + m) for m in range(180)]
    lines = in_order(text for call in calls for text in call)
    logs = reader(log)
    log.touch()
    for minute in range(0, 300, 7):
        now = at("09:00") + timedelta(minutes=minute)
        write(log, [text for text in lines if int(text.split("|")[0]) <= now.timestamp()])
        logs.read(now)
    assert total(logs.stated, "calls_offered") == 180
    assert {m.revision for m in measures(logs.stated).values()} == {0}
    assert all(earlier[1] == later[0] for earlier, later in zip(logs.covered, logs.covered[1:], strict=False))
    assert sum(len(roll.start_s) for roll in rolls(logs.stated, "call").values()) == 180


def test_an_hour_that_grew_is_a_revision_and_the_whole_hour_says_so(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    (early,) = rolls(logs.read(at("09:50")), "call").values()
    append(log, answered(at("09:40"), "c2", 3, 60))
    (late,) = rolls(logs.read(at("10:40")), "call").values()
    assert (early.complete, early.revision, list(early.clear_key)) == (False, 0, ["c1"])
    assert (late.complete, late.revision, late.revision_reason) == (True, 1, "hour_grew")
    assert list(late.clear_key) == ["c1", "c2"]


def test_history_in_rotated_files_arrives_in_batches_equal_to_one_reading(log: Path) -> None:
    lines = in_order(
        text
        for n in range(2000)
        for text in answered(at("00:00") + timedelta(seconds=97 * n), f"c{n}", n % 50, n % 900)
    )
    third = len(lines) // 3
    oldest = write(log.with_name("queue_log.2"), lines[:third])
    log.with_name("queue_log.2.gz").write_bytes(gzip.compress(oldest.read_bytes()))
    oldest.unlink()
    write(log.with_name("queue_log-20260303"), lines[third : 2 * third])
    write(log, lines[2 * third :])
    now = at("12:00", day=6)
    whole, batched = reader(log), reader(log, batch_bytes=20_000)
    whole.read(now)
    batched.read(now)
    assert total(whole.stated, "calls_offered") == total(batched.stated, "calls_offered") == 2000

    def values(logs: Reader) -> dict[object, bytes]:
        return {
            key: (m.count, m.sum.total, tuple(m.histogram.buckets)).__repr__().encode()
            for key, m in measures(logs.stated).items()
        }

    assert values(whole) == values(batched)
    assert {at: list(roll.clear_key) for at, roll in rolls(whole.stated, "call").items()} == {
        at: list(roll.clear_key) for at, roll in rolls(batched.stated, "call").items()
    }


def test_rotation_between_two_readings_loses_and_doubles_nothing(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    logs.read(at("09:50"))
    append(log, answered(at("09:40"), "c2", 3, 60))
    log.rename(log.with_name("queue_log.1"))
    write(log, answered(at("09:45"), "c3", 3, 60))
    logs.read(at("10:30"))
    rotated = log.with_name("queue_log.1")
    rotated.with_name("queue_log.1.gz").write_bytes(gzip.compress(rotated.read_bytes()))
    rotated.unlink()
    append(log, answered(at("10:40"), "c4", 3, 60))
    logs.read(at("12:00"))
    assert total(logs.stated, "calls_offered") == 4


def test_a_log_that_is_copied_and_truncated_loses_and_doubles_nothing(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    logs.read(at("09:50"))
    append(log, answered(at("09:40"), "c2", 3, 60))
    log.with_name("queue_log.1").write_bytes(log.read_bytes())
    logs.read(at("10:10"))  # both files hold the same
    assert total(logs.stated, "calls_offered") == 1
    log.write_bytes(b"")
    logs.read(at("10:20"))  # the live one is empty, its content is in the copy
    append(log, answered(at("10:25"), "c3", 3, 60))
    logs.read(at("12:00"))
    assert total(logs.stated, "calls_offered") == 3
    assert all(earlier[1] == later[0] for earlier, later in zip(logs.covered, logs.covered[1:], strict=False))


def test_a_line_without_newline_is_still_being_written(log: Path) -> None:
    first, connect, end = answered(at("09:05"), "c1", 3, 60)
    log.write_text(f"{first}\n{connect}\n{end[:-3]}")
    logs = reader(log)
    assert measures(logs.read(at("10:00")))["talk_time", "q", at("09:00")].unfinished == 1
    write(log, [first, connect, end])
    assert measures(logs.read(at("10:15")))["talk_time", "q", at("09:00")].sum.total == 60


def test_a_quiet_night_is_covered_and_states_nothing(log: Path) -> None:
    logs = reader(write(log, answered(at("20:00"), "c1", 3, 60)))
    logs.read(at("22:00"))
    assert logs.read(at("23:30")) == []
    assert logs.covered[-1] == (at("21:30"), at("23:00"))


def test_an_empty_log_vouches_only_for_what_comes_after_it_was_first_seen(log: Path) -> None:
    logs = reader(write(log, []))
    assert logs.read(at("09:00")) == []
    assert logs.covered == []
    logs.read(at("10:00"))
    assert logs.covered == [(at("08:30"), at("09:30"))]


def test_hostile_lines_are_set_apart_and_the_rest_counts(log: Path) -> None:
    calls = [text for n in range(40) for text in answered(at("09:00") + timedelta(seconds=n), f"c{n}", 3, 60)]
    noise = [
        b"\0" * 50,
        b"|||",
        b"x" * 200_000,
        b"1772442000|c|q",
        b"\xff\xfe\xfd|a|b|c|d",
        b"2999999999|c|q|a|ENTERQUEUE||1|1",
    ]
    good = [text.encode() for text in in_order(calls)]
    log.write_bytes(b"".join(part + b"\n" for part in [*good[:60], *noise, *good[60:]]))
    source = QueueLog(queue_log=log)
    assert total(reader(log).read(at("12:00")), "calls_offered") == 40
    lines = [
        told.detail
        for told in source.check(Window(cursor=b"", now=at("12:00"), zone=ZONE))
        if told.verdict == "warning"
    ]
    assert "1 long" in lines[0]
    assert "1 ahead" in lines[0]


def test_one_wrong_time_does_not_carry_the_reading_away(log: Path) -> None:
    calls = [text for n in range(200) for text in answered(at("09:00") + timedelta(seconds=20 * n), f"c{n}", 3, 60)]
    lines = in_order(calls)
    lines.insert(100, line(at("09:00", day=20), "bad", "q", "NONE", "ENTERQUEUE", "", "1", 1))
    lines.insert(300, line(at("09:00", day=1), "old", "q", "NONE", "ENTERQUEUE", "", "1", 1))
    logs = reader(write(log, lines), batch_bytes=4000)
    logs.read(at("12:00", day=25))
    assert total(logs.stated, "calls_offered") == 200


def test_a_file_that_is_no_queue_log_is_unreadable(log: Path) -> None:
    log.write_bytes(b"".join(b"Mar  2 09:00:%02d host sshd[1]: hello\n" % n for n in range(50)))
    assert refusal(QueueLog(queue_log=log), b"", at("12:00")).reason is Reason.UNREADABLE


def test_a_log_that_vanished_is_not_an_empty_one(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    logs.read(at("10:00"))
    log.unlink()
    assert refusal(logs.source, logs.cursor, at("11:00")).reason is Reason.NOT_FOUND


def test_a_log_that_was_rewritten_is_refused_until_a_person_says_from_when_on(log: Path) -> None:
    lines = [text for n in range(60) for text in abandoned(at("09:00") + timedelta(seconds=30 * n), f"c{n}", 20)]
    logs = reader(write(log, in_order(lines)))
    logs.read(at("10:30"))
    kept = [text for text in in_order(lines) if "|c7|" not in text]  # an abandoned call was taken out
    write(log, [*kept, *answered(at("10:50"), "new", 3, 60)])
    refused = refusal(logs.source, logs.cursor, at("11:30"))
    assert refused.reason is Reason.UNREADABLE
    assert "resume_after" in refused.detail
    logs.source = replace(logs.source, resume_after=at("10:40"))
    logs.read(at("12:30"))
    assert logs.covered[-1] == (at("11:00"), at("12:00"))  # the time between is vouched for by nobody


def test_a_log_that_went_back_in_time_is_refused(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    logs.read(at("10:00"))
    write(log, answered(at("08:00"), "c0", 3, 60))
    assert refusal(logs.source, logs.cursor, at("11:00")).reason is Reason.UNREADABLE


def test_a_log_that_was_emptied_leaves_a_hole_and_goes_on(log: Path) -> None:
    logs = reader(write(log, answered(at("09:05"), "c1", 3, 60)))
    logs.read(at("10:00"))
    log.write_bytes(b"")
    assert refusal(logs.source, logs.cursor, at("10:30")).reason is Reason.LIMITED
    write(log, answered(at("10:40"), "c2", 3, 60) + answered(at("11:05"), "c3", 3, 60))
    logs.read(at("12:00"))
    assert logs.covered[-1] == (at("11:00"), at("11:30"))
    assert total(logs.stated, "calls_offered") == 2  # c2 lies in the hole


def test_a_damaged_cursor_is_refused(log: Path) -> None:
    write(log, answered(at("09:05"), "c1", 3, 60))
    assert refusal(QueueLog(queue_log=log), b"nonsense", at("11:00")).reason is Reason.UNREADABLE
