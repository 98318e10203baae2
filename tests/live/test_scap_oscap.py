"""A real oscap scans a small benchmark of the test, and what it writes is read: XCCDF and ARF."""

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.reading import Reading, SourceSpec, check_source_process, read_source
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE, Value

pytestmark = [pytest.mark.live, pytest.mark.skipif(not shutil.which("oscap"), reason="oscap is not installed")]

ZONE = ZoneInfo("Asia/Shanghai")
PROFILE = "xccdf_test_profile_p"
BENCHMARK = """<?xml version="1.0" encoding="UTF-8"?>
<Benchmark xmlns="http://checklists.nist.gov/xccdf/1.2" id="xccdf_test_benchmark_b">
  <status>accepted</status><version>1</version>
  <Profile id="xccdf_test_profile_p"><title>p</title>
    <select idref="xccdf_test_rule_patched" selected="true"/></Profile>
  <Rule id="xccdf_test_rule_patched" selected="true" severity="high"><title>patched</title>
    <check system="http://oval.mitre.org/XMLSchema/oval-definitions-5">
      <check-content-ref href="oval.xml" name="oval:test:def:1"/></check></Rule>
</Benchmark>
"""
OVAL = """<?xml version="1.0" encoding="UTF-8"?>
<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5"
    xmlns:oval="http://oval.mitre.org/XMLSchema/oval-common-5"
    xmlns:ind="http://oval.mitre.org/XMLSchema/oval-definitions-5#independent">
  <generator><oval:schema_version>5.10</oval:schema_version>
    <oval:timestamp>2026-01-01T00:00:00</oval:timestamp></generator>
  <definitions><definition id="oval:test:def:1" version="1" class="compliance">
    <metadata><title>t</title><description>d</description></metadata>
    <criteria><criterion test_ref="oval:test:tst:1"/></criteria></definition></definitions>
  <tests><ind:textfilecontent54_test id="oval:test:tst:1" version="1" check="all" comment="c">
    <ind:object object_ref="oval:test:obj:1"/></ind:textfilecontent54_test></tests>
  <objects><ind:textfilecontent54_object id="oval:test:obj:1" version="1">
    <ind:filepath>{file}</ind:filepath><ind:pattern operation="pattern match">^patched$</ind:pattern>
    <ind:instance datatype="int">1</ind:instance></ind:textfilecontent54_object></objects>
</oval_definitions>
"""


class Scanned:
    """A machine with one weakness, and the folder of its scans."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.results = folder, folder / "state", folder / "results"
        self.results.mkdir()
        (folder / "benchmark.xml").write_text(BENCHMARK)
        (folder / "oval.xml").write_text(OVAL.format(file=self.state))

    def scan(self, name: str, kind: str = "--results") -> None:
        command = ["oscap", "xccdf", "eval", "--profile", PROFILE, kind, str(self.results / name), "benchmark.xml"]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode in (0, 2), done.stderr  # 2: a rule failed

    def options(self) -> dict[str, object]:
        return {"results": str(self.results / "*.xml"), "profiles": [PROFILE], "settle": "1s"}

    def read(self, cursor: bytes = b"") -> Reading:
        spec = SourceSpec(name="scans", plugin="scap", options=self.options())
        return read_source(spec, cursor=cursor, now=datetime.now(UTC) + timedelta(seconds=5), zone=ZONE)


@pytest.fixture
def scanned(tmp_path: Path) -> Scanned:
    return Scanned(tmp_path)


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def told(reading: Reading) -> tuple[list[tuple[object, object]], list[dict[str, object]]]:
    """Full and passed of each scan, and what is said of each device."""
    assert reading.outcome == OBSERVED, reading.detail
    scans = [one.occurrence for one in reading.observations if one.HasField("occurrence")]
    found = [{a.name: value_of(a.value) for a in one.attributes} for one in scans]
    entries = [entry for one in reading.observations for entry in one.inventory.entries]
    return [(one["full"], one["passed"]) for one in found], [
        {a.name: value_of(a.value) for a in entry.attributes} for entry in entries
    ]


@pytest.mark.parametrize("kind", ["--results", "--results-arf"])
def test_a_weakness_is_found_and_mended(scanned: Scanned, kind: str) -> None:
    scanned.state.write_text("open\n")
    scanned.scan("one.xml", kind)
    first = scanned.read()
    scans, (device,) = told(first)
    assert scans == [(True, False)]
    assert "critical_since" in device
    scanned.state.write_text("patched\n")
    time.sleep(1.1)  # results tell whole seconds
    scanned.scan("two.xml", kind)
    scans, (device,) = told(scanned.read(first.cursor or b""))
    assert scans == [(True, True)]
    assert "critical_since" not in device


def test_a_torn_file_of_a_real_scan_is_unavailable_and_check_names_it(scanned: Scanned) -> None:
    scanned.state.write_text("patched\n")
    scanned.scan("one.xml")
    path = scanned.results / "one.xml"
    path.write_bytes(path.read_bytes()[:-20])
    reading = scanned.read()
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, "unreadable")
    assert reading.detail.startswith("one.xml: ")
    spec = SourceSpec(name="scans", plugin="scap", options=scanned.options())
    lines = check_source_process(spec, now=datetime.now(UTC) + timedelta(seconds=5), zone=ZONE)
    assert [line.subject for line in lines if line.verdict == "failed"] == ["one.xml"]
