"""Files of scans: rewritten, unfinished, too many, of another form; and that nothing breaks their parser."""

import io
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control import scap, scap_results, scap_state
from ccmm_plugin_access_control.scap import Scap
from ccmm_plugin_access_control.scap_results import parse_results
from ccmm_plugin_access_control.scap_state import Host, State, parse_state
from ccmm_proto.errors import Malformed
from tests.support.refusals import refusal
from tests.support.scan_folder import DAY, NOW, SHANGHAI, Folder, folder, scans
from tests.support.scans import scan_result
from tests.support.stated import ms

__all__ = ["folder"]


def test_a_file_that_is_rewritten_is_read_again_and_one_that_is_only_touched_states_nothing(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - 2 * DAY, a="pass"))
    _, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    folder.put("a.xml", scan_result(NOW - 2 * DAY, a="pass"), NOW - timedelta(hours=1))
    touched, _ = read_all(folder.source(), cursor=done.cursor, now=NOW, zone=SHANGHAI)
    assert scans(touched) == []
    folder.put("a.xml", scan_result(NOW - DAY, a="fail"), NOW - timedelta(hours=1))
    rewritten, _ = read_all(folder.source(), cursor=done.cursor, now=NOW, zone=SHANGHAI)
    assert scans(rewritten) == [(True, False)]


def test_a_file_that_is_still_being_written_is_left_for_the_next_run(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="pass")[:100], NOW - timedelta(seconds=10))
    observations, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert scans(observations) == []
    assert done.covers == (NOW - timedelta(minutes=2), NOW - timedelta(minutes=2))


def test_large_folders_come_in_batches_and_say_the_same(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(1, 6):
        folder.put(f"{days}.xml", scan_result(NOW - days * DAY, a="fail"), NOW - days * DAY)
    whole, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    monkeypatch.setattr(scap, "BATCH_BYTES", 1)
    pieces, last = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert (pieces, last) == (whole, done)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no XML"),
        (b"<html></html>", "no TestResult"),
        (scan_result(NOW, a="pass")[:-40].encode(), "no XML"),
        (scan_result("yesterday", a="pass").encode(), "the time of its end"),
        (scan_result(NOW, a="perhaps").encode(), "known result"),
        (scan_result(NOW, target="", a="pass").encode(), "without target"),
        (b'<!DOCTYPE a [<!ENTITY b "x">]>' + scan_result(NOW, a="pass").encode(), "DTDForbidden"),
        (("<a>" * 300 + "</a>" * 300).encode(), "nested deeper"),
    ],
)
def test_a_file_that_is_none_of_results_is_named(folder: Folder, content: bytes, words: str) -> None:
    folder.put("a.xml", content)
    assert_unavailable(folder.source(), Reason.UNREADABLE, f"a.xml: .*{words}")


def test_xml_may_be_of_any_encoding_that_it_names() -> None:
    told = scan_result(NOW, target="客服-01", a="pass")
    for content in (told.encode("utf-16"), b'<?xml version="1.0" encoding="gb2312"?>' + told.encode("gb2312")):
        with suppress(Malformed):  # expat does not know every encoding, and then says so
            assert parse_results(io.BytesIO(content), SHANGHAI)[0].target == "客服-01"


def test_limits_are_kept(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="pass", b="pass"))
    monkeypatch.setattr(scap_results, "MAX_RULES", 1)
    assert_unavailable(folder.source(), Reason.UNREADABLE, "more than 1 rules")
    monkeypatch.setattr(scap, "MAX_FILE_BYTES", 1)
    assert_unavailable(folder.source(), Reason.FLOOD, "more than 1 bytes")
    monkeypatch.setattr(scap, "MAX_FILES", 0)
    assert_unavailable(folder.source(), Reason.FLOOD, "more than 0 files")


def test_a_cursor_that_would_be_too_large_is_said(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="fail"))
    monkeypatch.setattr(scap_state, "MAX_CURSOR", 10)
    assert_unavailable(folder.source(), Reason.LIMITED, "spread them")


def test_without_its_library_the_source_says_how_to_get_it(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="fail"))
    monkeypatch.setattr(scap, "find_spec", lambda _: None)
    assert_unavailable(folder.source(), Reason.NOT_FOUND, "pip install")


def assert_unavailable(source: Scap, reason: Reason, words: str) -> None:
    with refusal(reason, words):
        read_all(source, now=NOW, zone=SHANGHAI)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    with suppress(Malformed):
        parse_results(io.BytesIO(content), SHANGHAI)


@given(st.text(max_size=40), st.sampled_from(["end-time", "idref", "severity", "<result>", "target", "xmlns", ">"]))
def test_no_change_of_a_result_breaks_the_parser(text: str, where: str) -> None:
    with suppress(Malformed):
        parse_results(io.BytesIO(scan_result(NOW, a="fail").replace(where, text).encode("utf-8", "replace")), SHANGHAI)


@given(st.binary(max_size=100))
def test_bytes_that_are_no_cursor_begin_anew(cursor: bytes) -> None:
    assert isinstance(parse_state(cursor), State)


def test_a_cursor_comes_back_as_it_was() -> None:
    state = State(until_ms=5, files={"a.xml": [1, 2]}, stated={"x": ms(NOW)}, hosts={"pbx": Host(ms(NOW), {"ab": 3})})
    assert parse_state(state.to_cursor(NOW)) == state
