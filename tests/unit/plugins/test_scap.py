"""Scans of OpenSCAP: what is full, what is passed, since when a weakness is open; and files that are no results."""

import gzip
import io
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control import scap, scap_results, scap_state
from ccmm_plugin_access_control.scap import Scap
from ccmm_plugin_access_control.scap_results import parse_results
from ccmm_plugin_access_control.scap_state import Host, State, parse_state
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED, Observation, Value
from tests.support.scans import PROFILE, scan_result

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "scap"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captures of OpenSCAP here")


class Folder:
    """A folder of results with files of chosen age."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def put(self, name: str, content: str | bytes, changed: datetime = NOW - DAY) -> None:
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (changed.timestamp(), changed.timestamp()))

    def options(self, **changed: object) -> dict[str, object]:
        return {"results": str(self.path / "*.xml"), "profiles": [PROFILE], **changed}

    def source(self, **changed: object) -> Scap:
        given_options = Options(self.options(**changed))
        built = Scap.from_options(given_options)
        given_options.refuse_unknown()
        return built


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def scans(observations: list[Observation]) -> list[tuple[object, object]]:
    """Full and passed of each scan, in order of time."""
    found = sorted((one.occurrence for one in observations if one.HasField("occurrence")), key=lambda one: one.ended_ms)
    told = [{a.name: value_of(a.value) for a in one.attributes} for one in found]
    return [(one["full"], one["passed"]) for one in told]


def devices(observations: list[Observation]) -> dict[str, dict[str, object]]:
    (listed,) = [one.inventory for one in observations if one.HasField("inventory")]
    return {one.key.text: {a.name: value_of(a.value) for a in one.attributes} for one in listed.entries}


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def test_the_source_keeps_the_contract(folder: Folder, tmp_path: Path) -> None:
    folder.put("a.xml", scan_result(NOW - 2 * DAY, a="fail", b="pass"))
    broken = folder.source(results=str(tmp_path / "none" / "*.xml"))
    check_source(healthy=folder.source(), broken=broken, window=Window(cursor=b"", now=NOW, zone=SHANGHAI))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"a": "pass", "b": "fixed", "c": "notapplicable", "d": "notselected"}, (True, True)),
        ({"a": "pass", "b": "fail medium"}, (True, True)),
        ({"a": "pass", "b": "fail high"}, (True, False)),
        ({"a": "pass", "b": "error"}, (False, False)),
        ({"a": "pass", "b": "unknown"}, (False, False)),
        ({"a": "pass", "b": "notchecked"}, (False, False)),
        ({"a": "notapplicable", "b": "notselected"}, (False, False)),
        ({}, (False, False)),
    ],
)
def test_what_makes_a_scan_full_and_passed(folder: Folder, rules: dict[str, str], expected: tuple[bool, bool]) -> None:
    folder.put("a.xml", scan_result(NOW - 2 * DAY, **rules))
    observations, _ = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert scans(observations) == [expected]


def test_a_weakness_is_open_since_the_first_scan_that_found_it_until_one_passes(folder: Folder) -> None:
    source = folder.source()
    steps = [
        (40, {"a": "fail", "b": "pass"}, NOW - 40 * DAY),
        (30, {"a": "fail", "b": "fail"}, NOW - 40 * DAY),
        (20, {"a": "notselected", "b": "fail"}, NOW - 40 * DAY),  # not looked at: not mended
        (15, {"a": "notapplicable", "b": "fail"}, NOW - 40 * DAY),
        (10, {"a": "pass", "b": "fail"}, NOW - 30 * DAY),
        (5, {"a": "pass", "b": "fixed"}, None),
    ]
    cursor = b""
    for days, rules, since in steps:
        folder.put(f"scan-{days:02}.xml", scan_result(NOW - days * DAY, **rules), NOW - days * DAY)
        observations, done = read_all(source, cursor=cursor, now=NOW - (days - 1) * DAY, zone=SHANGHAI)
        cursor = done.cursor
        assert devices(observations)["pbx-01"].get("critical_since") == (None if since is None else ms(since))


def test_all_at_once_says_the_same_as_one_by_one(folder: Folder) -> None:
    for days, outcome in ((9, "fail"), (6, "notselected"), (3, "fail")):
        folder.put(f"{days}.xml", scan_result(NOW - days * DAY, a=outcome, b="pass"), NOW - days * DAY)
    observations, _ = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert devices(observations)["pbx-01"] == {
        "class": "host", "seen": ms(NOW - 3 * DAY), "critical_since": ms(NOW - 9 * DAY)
    }  # fmt: skip


def test_a_scan_that_comes_late_closes_nothing_and_may_make_a_weakness_older(folder: Folder) -> None:
    folder.put("new.xml", scan_result(NOW - 3 * DAY, a="fail", b="fail"))
    _, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    folder.put("old.xml", scan_result(NOW - 9 * DAY, a="fail", b="pass"))
    observations, _ = read_all(folder.source(), cursor=done.cursor, now=NOW, zone=SHANGHAI)
    assert devices(observations)["pbx-01"]["critical_since"] == ms(NOW - 9 * DAY)
    assert devices(observations)["pbx-01"]["seen"] == ms(NOW - 3 * DAY)


def test_a_host_that_is_not_scanned_any_more_leaves_the_list(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - 40 * DAY, a="pass"))
    folder.put("b.xml", scan_result(NOW - 2 * DAY, target="crm-01", a="pass"))
    folder.put("c.xml", scan_result(NOW - 2 * DAY, target="new-01", a="notapplicable"))
    observations, _ = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert [*devices(observations)] == ["crm-01"]
    wide, _ = read_all(folder.source(fresh="60d", hosts={"crm-01": "asset-7"}), now=NOW, zone=SHANGHAI)
    assert [*devices(wide)] == ["asset-7", "pbx-01"]


def test_a_rule_that_failed_in_one_instance_failed(folder: Folder) -> None:
    twice = scan_result(NOW - DAY, a="fail").replace(
        "</TestResult>", scan_result(NOW, a="pass").split("</target-address>")[1]
    )
    folder.put("a.xml", twice)
    observations, _ = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert scans(observations) == [(True, False)]


def test_other_profiles_and_scans_dated_ahead_are_counted_and_not_believed(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, profile="lenient", a="pass"))
    folder.put("b.xml", scan_result(NOW + DAY, a="pass"))
    observations, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    assert scans(observations) == []
    assert done.detail == "1 scans are dated ahead and not believed; 1 scans are of other profiles"


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


def test_nothing_but_hosts_and_times_leaves(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="fail"))
    observations, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    told = b"".join(one.SerializeToString() for one in observations) + done.cursor
    assert b"192.0.2.7" not in told
    assert b"secret-of" not in told


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
    with pytest.raises(SourceUnavailable, match=words) as raised:
        read_all(source, now=NOW, zone=SHANGHAI)
    assert raised.value.reason is reason


@pytest.mark.parametrize("changed", [{"profiles": []}, {"critical": ["severe"]}, {"results": "a.xml"}, {"hosts": 3}])
def test_wrong_options_are_named(folder: Folder, changed: dict[str, object]) -> None:
    with pytest.raises(BadOption, match=next(iter(changed))):
        folder.source(**changed)


def test_check_tells_of_scans_that_say_nothing_and_of_other_profiles(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="notapplicable"))
    folder.put("b.xml", scan_result(NOW - DAY, target="crm-01", profile="lenient", a="pass", b="error"))
    folder.put("c.xml", "<torn")
    lines = [(line.verdict, line.subject) for line in folder.source().check(Window(cursor=b"", now=NOW, zone=SHANGHAI))]
    assert lines[1:] == [("warning", "pbx-01"), ("warning", "crm-01"), ("failed", "c.xml"), ("warning", "profiles")]


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


@needs_captures
def test_a_real_scan_in_which_nothing_applied_says_nothing(folder: Folder) -> None:
    profile = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_average"
    folder.put("a.xml", gzip.decompress((CAPTURES / "as-shipped-results-xccdf.xml.gz").read_bytes()))
    observations, _ = read_all(folder.source(profiles=[profile]), now=NOW, zone=SHANGHAI)
    assert scans(observations) == [(False, False)]
    assert devices(observations) == {}


@needs_captures
@pytest.mark.parametrize("name", ["patched-standard-xccdf.xml.gz", "patched-standard-arf.xml.gz"])
def test_a_real_scan_with_one_failure_is_read_by_a_real_reader(folder: Folder, name: str) -> None:
    """17 pass, 1 fails, of medium severity."""
    folder.put("a.xml", gzip.decompress((CAPTURES / name).read_bytes()))
    (scan,) = parse_results(io.BytesIO((folder.path / "a.xml").read_bytes()), SHANGHAI)
    assert (len(scan.passed), len(scan.failed), scan.applied, scan.undecided) == (17, 1, 18, 0)
    spec = SourceSpec(name="scans", plugin="scap", options=folder.options(critical=[*{*scan.failed.values()}]))
    reading = read_source(spec, cursor=b"", now=NOW, zone=SHANGHAI)
    assert reading.outcome == OBSERVED, reading.detail
    assert scans(reading.observations) == [(True, False)]
    assert devices(reading.observations)["vm"]["critical_since"] == ms(datetime(2026, 11, 22, 6, 10, 22, tzinfo=UTC))
