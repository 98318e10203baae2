"""From results of XCCDF, alone or inside ARF, to scans: pure. XCCDF 1.2 is NIST IR 7275r4, ARF 1.1 is NIST IR 7694.

Only the results are kept; benchmarks, OVAL and addresses in the same file are passed over. A document type is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, ParseError
from zoneinfo import ZoneInfo

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ccmm_plugin_access_control.scap_scan import Scan
from ccmm_proto.errors import Malformed

MAX_RULES: Final = 50_000
MAX_SCANS: Final = 200
MAX_DEPTH: Final = 200
_XCCDF: Final = ("{http://checklists.nist.gov/xccdf/1.2}", "{http://checklists.nist.gov/xccdf/1.1}")
_APPLIED: Final = frozenset({"pass", "fixed", "fail"})
_UNDECIDED: Final = frozenset({"error", "unknown", "notchecked"})
_OTHER: Final = frozenset({"notapplicable", "notselected", "informational"})


def parse_results(file: BinaryIO, zone: ZoneInfo) -> list[Scan]:
    """Every TestResult in a file; times without an offset are of the zone. Raises Malformed."""
    try:
        found = list(_scans(file, zone))
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        # the message of a parser may quote the file
        raise Malformed(f"no XML that is believed ({type(error).__name__})") from error
    if not found:
        raise Malformed("no TestResult of XCCDF in it")
    return found


@dataclass(slots=True)
class _Reading:
    """The TestResult that is being read."""

    profile: str = ""
    target: str = ""
    result: str = ""
    results: dict[str, tuple[str, str]] = field(default_factory=dict)  # rule -> result and severity


def _scans(file: BinaryIO, zone: ZoneInfo) -> Iterator[Scan]:
    stack: list[Element] = []
    reading: _Reading | None = None
    number = 0
    for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        word = _word(element)
        if event == "start":
            stack.append(element)
            if len(stack) > MAX_DEPTH:
                raise Malformed(f"nested deeper than {MAX_DEPTH}")
            if word == "TestResult":
                reading = _Reading()
            continue
        stack.pop()
        if reading is not None:
            _take(reading, word, element, _word(stack[-1]) if stack else "")
            if word == "TestResult":
                number += 1
                if number > MAX_SCANS:
                    raise Malformed(f"more than {MAX_SCANS} results")
                yield _scan(reading, element, zone)
                reading = None
        if stack:
            stack[-1].remove(element)  # what was read is let go: a file of ARF is large


def _take(reading: _Reading, word: str, element: Element, parent: str) -> None:
    if parent == "TestResult" and word == "target":
        reading.target = reading.target or (element.text or "").strip()
    elif parent == "TestResult" and word == "profile":
        reading.profile = element.get("idref", "")
    elif parent == "rule-result" and word == "result":
        reading.result = (element.text or "").strip()
    elif parent == "TestResult" and word == "rule-result":
        rule = element.get("idref", "")
        if not rule or reading.result not in _APPLIED | _UNDECIDED | _OTHER:
            raise Malformed("a rule-result without a known result")
        if len(reading.results) >= MAX_RULES:
            raise Malformed(f"more than {MAX_RULES} rules")
        worse = _worse(reading.results.get(rule), (reading.result, element.get("severity", "unknown")))
        reading.results[rule] = worse
        reading.result = ""


def _worse(before: tuple[str, str] | None, now: tuple[str, str]) -> tuple[str, str]:
    """A rule may stand several times, once for each instance: one that failed makes it failed."""
    order = ("fail", *sorted(_UNDECIDED), "pass", "fixed")
    rank = {result: at for at, result in enumerate(order)}
    return now if before is None or rank.get(now[0], 9) < rank.get(before[0], 9) else before


def _scan(reading: _Reading, element: Element, zone: ZoneInfo) -> Scan:
    if not reading.target:
        raise Malformed("a TestResult without target")
    ended = _instant(element.get("end-time"), zone)
    started = _instant(element.get("start-time", element.get("end-time")), zone)
    results = reading.results
    return Scan(
        profile=reading.profile,
        target=reading.target,
        started=min(started, ended),
        ended=ended,
        failed={rule: severity for rule, (result, severity) in results.items() if result == "fail"},
        passed=frozenset(rule for rule, (result, _) in results.items() if result in ("pass", "fixed")),
        undecided=sum(result in _UNDECIDED for result, _ in results.values()),
        applied=sum(result in _APPLIED for result, _ in results.values()),
    )


def _instant(text: str | None, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
        found = (found if found.utcoffset() is not None else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed("a TestResult without the time of its end") from error
    if not datetime(1990, 1, 1, tzinfo=UTC) <= found < datetime(2100, 1, 1, tzinfo=UTC):
        raise Malformed("a time that cannot be")
    return found.replace(microsecond=0)


def _word(element: Element) -> str:
    """The name of an element of XCCDF; empty for any other."""
    tag = element.tag
    return next((tag.removeprefix(space) for space in _XCCDF if isinstance(tag, str) and tag.startswith(space)), "")
