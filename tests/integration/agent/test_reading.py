"""Whatever the reader does wrong becomes one UNAVAILABLE reading, and the agent goes on."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.facts import count
from ccmm_agent.framing import frame
from ccmm_agent.plugin import Manifest, SourceUnavailable
from ccmm_agent.reading import Reading, SourceSpec, check_source_process, describe_source, offered_sources
from ccmm_agent.replies import Expected, Replies
from ccmm_proto.reasons import Reason
from ccmm_proto.v1 import reader_pb2 as rpb
from ccmm_proto.v1.statement_pb2 import EMPTY, ISOLATION_LANDLOCK, OBSERVED, UNAVAILABLE
from tests.support.reading_hostile import NOW, ZONE, hostile, read

STARTED = rpb.ReadReply(started=rpb.Started(isolation=ISOLATION_LANDLOCK)).SerializeToString()
OBSERVED_ONE = rpb.ReadReply(
    observation=count("calls_offered", datetime(1970, 1, 1, tzinfo=UTC), 3, queue="support")
).SerializeToString()
DONE = rpb.ReadReply(done=rpb.Done(cursor=b"next")).SerializeToString()
REPLIES = (STARTED, OBSERVED_ONE, DONE, rpb.ReadReply(check_line=rpb.CheckLine(subject="x")).SerializeToString())


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No descriptor and no process stays behind."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def assert_unavailable(reading: Reading, reason: Reason) -> None:
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, reason), reading.detail
    assert reading.detail
    assert len(reading.detail) <= 500
    assert (reading.covers, reading.cursor, reading.more, reading.observations) == (None, None, False, [])


def test_a_good_source_is_observed_with_its_span_cursor_and_feeds() -> None:
    reading = read(hostile("fine"))
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")
    assert reading.cursor == b"next"
    assert reading.covers is not None
    assert reading.covers[1] == NOW
    assert [one.measure.count for one in reading.observations] == [3]
    assert reading.feeds == ("calls_offered", "account")
    assert reading.plugin_software.name == "tests.support.hostile.plugin"
    assert len(reading.plugin_software.digest) == 32


def test_done_without_observations_is_empty_and_without_a_span_vouches_for_no_time() -> None:
    reading = read(hostile("empty"))
    assert (reading.outcome, reading.covers, reading.cursor) == (EMPTY, None, b"next")


def test_what_could_not_be_taken_stands_in_the_detail_of_a_run_that_looked() -> None:
    reading = read(hostile("detail"))
    assert (reading.outcome, reading.reason) == (EMPTY, "")
    assert reading.detail.startswith("2 lines set apart")
    assert len(reading.detail) == 500


def test_what_a_plugins_error_says_reaches_neither_the_run_nor_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert "13800138000" not in read(hostile("raise")).detail
    (record,) = [record for record in caplog.records if record.name == "ccmm_agent.child"]
    assert "RuntimeError" in vars(record)["printed"]
    assert "in _raise" in vars(record)["printed"]
    assert "13800138000" not in vars(record)["printed"]


def test_reading_stops_at_done_however_long_the_child_stays() -> None:
    begun = time.monotonic()
    assert read(hostile("after_done")).outcome == EMPTY
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("do", ["hang", "close", "spin"])
def test_a_child_that_hangs_is_ended_at_its_deadline(do: str) -> None:
    describe_source(hostile(do))
    begun = time.monotonic()
    reading = read(hostile(do), seconds=1)
    assert time.monotonic() - begun < 5
    assert_unavailable(reading, Reason.CRASHED if do == "close" else Reason.TIMEOUT)


@pytest.mark.parametrize("do", ["exit", "abort", "raise"])
def test_a_child_that_crashes_is_a_crash_even_with_exit_code_0(do: str) -> None:
    reading = read(hostile(do))
    assert_unavailable(reading, Reason.CRASHED)
    assert "13800138000" not in reading.detail


@pytest.mark.parametrize("do", ["flood", "print"])
def test_a_child_that_floods_is_ended_at_its_limit(do: str) -> None:
    assert_unavailable(read(hostile(do), output_bytes=1 << 20), Reason.FLOOD)


def test_a_child_that_takes_four_gigabytes_is_out_of_memory() -> None:
    assert_unavailable(read(hostile("memory")), Reason.MEMORY)


@pytest.mark.parametrize(
    "do",
    [
        *("garbage", "not_protobuf", "started_again", "unknown_reason", "unknown_kind", "unknown_attribute"),
        *("text_for_flag", "other_feed", "no_observation", "future", "reversed", "naive", "for_ever", "big_cursor"),
        "undeclared_feed",
    ],
)
def test_a_child_that_lies_about_its_schema_is_not_believed(do: str) -> None:
    assert_unavailable(read(hostile(do)), Reason.BAD_SCHEMA)


def test_without_process_descriptors_the_end_of_the_pipe_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def pidfd_open(pid: int, flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", pidfd_open)
    assert read(hostile("fine")).outcome == OBSERVED
    assert_unavailable(read(hostile("exit")), Reason.CRASHED)


def test_a_source_that_cannot_look_says_so_with_its_own_reason() -> None:
    reading = read(hostile("unavailable"))
    assert_unavailable(reading, Reason.LIMITED)
    assert reading.detail == "only 500 entries were given"


def test_bytes_in_fields_that_no_schema_knows_do_not_ride_along() -> None:
    reading = read(hostile("stowaway"))
    assert reading.outcome == OBSERVED
    assert all(b"13800138000" not in one.SerializeToString() for one in reading.observations)


def test_a_wrong_option_an_unknown_one_and_an_unknown_plugin_are_named() -> None:
    assert_unavailable(read(hostile("fine", port="no")), Reason.BAD_OPTION)
    unknown = read(hostile("fine", colour="red"))
    assert_unavailable(unknown, Reason.BAD_OPTION)
    assert "colour" in unknown.detail
    assert_unavailable(read(SourceSpec(name="x", plugin="no_such_plugin")), Reason.BAD_OPTION)


def test_a_manifest_that_reaches_the_agents_own_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    for folders in ([str(folder)], [str(tmp_path)], [str(folder / "keys")]):
        reading = read(hostile("fine", protected=(folder,), folders=folders))
        assert_unavailable(reading, Reason.REFUSED)
    assert read(hostile("fine", protected=(folder,), folders=[str(tmp_path / "other")])).outcome == OBSERVED


def test_the_description_comes_without_reading_and_is_remembered() -> None:
    described = describe_source(hostile("hang", files=["/var/log/x"]))
    assert described.manifest == Manifest(files=(Path("/var/log/x"),))
    assert (described.feeds, described.value) == (("calls_offered", "account"), 50)
    assert describe_source(hostile("hang", files=["/var/log/x"])) is described


def test_a_failed_description_raises_and_is_asked_again() -> None:
    for _ in range(2):
        with pytest.raises(SourceUnavailable) as error:
            describe_source(replace(hostile("fine"), module="no_such_module"))
        assert error.value.reason is Reason.CRASHED


def test_check_gives_the_lines_of_the_source_and_refuses_a_flood_of_them() -> None:
    lines = check_source_process(hostile("fine"), now=NOW, zone=ZONE)
    assert [line.detail for line in lines if line.subject == "reachable"] == ["0", "1", "2"]
    assert lines[-1].subject == "isolation"
    (failed,) = check_source_process(hostile("hang"), now=NOW, zone=ZONE)
    assert (failed.verdict, failed.subject) == ("failed", "test")


def test_check_shows_what_the_source_may_open(tmp_path: Path) -> None:
    spec = hostile("fine", files=["/var/log/x"], folders=["/srv/y"], ports=["5038"])
    (*_, last) = check_source_process(spec, now=NOW, zone=ZONE)
    assert "may open: /var/log/x, /srv/y, 127.0.0.1:5038" in last.detail


def test_every_installed_plugin_is_offered_with_its_example() -> None:
    offers = {offered.plugin: offered for offered in offered_sources()}
    assert {"asterisk", "ldap", "table"} <= set(offers)
    assert all(offered.feeds and not offered.broken for offered in offers.values())
    assert (offers["ldap"].feeds, offers["ldap"].feeds_vary) == (("account",), False)
    assert (offers["table"].feeds, offers["table"].feeds_vary) == (("person",), True)


def test_an_account_that_does_not_exist_is_unavailable() -> None:
    reading = read(replace(hostile("fine"), account="no-such-account"))
    assert_unavailable(reading, Reason.CRASHED)


@given(st.binary(max_size=300))
def test_any_bytes_of_a_reader_are_unfinished_or_bad_schema(stream: bytes) -> None:
    replies = Replies(Expected(feeds=("calls_offered",), now_ms=10**12))
    with suppress(SourceUnavailable):
        assert replies.feed(stream) is (replies.done is not None)


@given(st.lists(st.sampled_from(REPLIES), max_size=8), st.integers(1, 50))
def test_any_order_of_replies_is_an_answer_or_bad_schema(replies: list[bytes], piece: int) -> None:
    taken = Replies(Expected(feeds=("calls_offered",), now_ms=10**12))
    stream = b"".join(map(frame, replies))
    with suppress(SourceUnavailable):
        for at in range(0, len(stream), piece):
            if taken.feed(stream[at : at + piece]):
                break
    if taken.done is not None:
        assert replies[0] == STARTED
        assert len(taken.observations) == replies.index(DONE) - 1
