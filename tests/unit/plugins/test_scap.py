"""Scans of OpenSCAP: what is full, what is passed, since when a weakness is open; by hand and from real scans."""

import gzip
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control.scap_results import parse_results
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.scan_folder import DAY, NOW, SHANGHAI, Folder, devices, folder, scans
from tests.support.scans import scan_result
from tests.support.stated import ms

__all__ = ["folder"]

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "scap"
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captures of OpenSCAP here")


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


def test_nothing_but_hosts_and_times_leaves(folder: Folder) -> None:
    folder.put("a.xml", scan_result(NOW - DAY, a="fail"))
    observations, done = read_all(folder.source(), now=NOW, zone=SHANGHAI)
    told = b"".join(one.SerializeToString() for one in observations) + done.cursor
    assert b"192.0.2.7" not in told
    assert b"secret-of" not in told


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
    spec = SourceSpec(name="scans", plugin="scap", options=folder.options(critical=[*{"high", *scan.failed.values()}]))
    reading = read_source(spec, cursor=b"", now=NOW, zone=SHANGHAI)
    assert reading.outcome == OBSERVED, reading.detail
    assert scans(reading.observations) == [(True, False)]
    assert devices(reading.observations)["vm"]["critical_since"] == ms(datetime(2026, 11, 22, 6, 10, 22, tzinfo=UTC))
