"""From the variables of one UPS to what one look at it tells. Pure.

>>> look_of({"ups.status": "OL CHRG", "battery.runtime": "1800", "battery.charge": "97"}).values
{'ups_runtime': 30.0, 'ups_charge': 97.0}

Variables: https://networkupstools.org/docs/developer-guide.chunked/apas02.html. Status first, then values: what a probe
that is lost reads (-1) is no value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from ccmm_proto.errors import Malformed

ALARMS: Final = MappingProxyType(  # word of ups.status → class of the alert
    {
        "LB": "low_battery",
        "RB": "replace_battery",
        "OVER": "overload",
        "BYPASS": "bypass",
        "OFF": "off",
        "ALARM": "alarm",
        "FSD": "forced_shutdown",
    }
)
ON_BATTERY: Final = "on_battery"
_POWERED: Final = frozenset({"OL", "OB", "BYPASS", "OFF", "CAL", "TEST"})  # one of them stands in every honest status
_VALUES: Final = (  # variable, quantity, how many of its units are one of ours, the most that is believed
    ("battery.runtime", "ups_runtime", 60.0, 7 * 24 * 60.0),
    ("battery.charge", "ups_charge", 1.0, 100.0),
    ("ups.load", "ups_load", 1.0, 300.0),
)
_DATES: Final = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_PASSED: Final = frozenset({"done and passed", "test passed", "passed", "ok"})
_FAILED: Final = frozenset({"done and warning", "done and error", "test failed", "failed", "aborted"})
_RUNNING: Final = frozenset({"in progress", "test in progress", "in progress (deep)", "running"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look tells of one UPS."""

    values: Mapping[str, float]  # quantity → reading: minutes, %
    on_battery: bool
    calibrating: bool
    alarms: frozenset[str]  # classes of alerts that stand now
    result: str  # of the last battery test: passed, failed, running; empty where it says none of them
    tested: str  # when that was, as the UPS writes it
    absurd: tuple[str, ...] = ()  # variables whose value is none


def look_of(variables: Mapping[str, str]) -> Look:
    """Raises Malformed where there is no status, or it does not say how the UPS is fed."""
    words = frozenset(variables.get("ups.status", "").upper().split())
    if not words & _POWERED:
        raise Malformed("no status that says whether it is on line or on battery")
    values: dict[str, float] = {}
    absurd: list[str] = []
    for variable, quantity, divisor, most in _VALUES:
        if variable not in variables:
            continue
        value = _number(variables[variable]) / divisor
        if 0 <= value <= most:
            values[quantity] = value
        else:
            absurd.append(variable)
    alarms = {ALARMS[word] for word in words & ALARMS.keys()}
    if variables.get("ups.alarm", "").strip():
        alarms.add(ALARMS["ALARM"])
    return Look(
        values=values,
        on_battery="OB" in words,
        calibrating=bool(words & {"CAL", "TEST"}),
        alarms=frozenset(alarms),
        result=_result(variables.get("ups.test.result", "")),
        tested=variables.get("ups.test.date", "").strip(),
        absurd=tuple(absurd),
    )


def parse_tested(text: str, zone: ZoneInfo, format: str | None = None) -> datetime | None:
    """When a battery test was, in UTC; None where the date cannot be understood. 11/12/26 is two days to two people."""
    for known in (format,) if format else _DATES:
        try:
            return datetime.strptime(text, known).replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return math.nan
    return found


def _result(text: str) -> str:
    words = " ".join(text.lower().split())
    if words in _PASSED:
        return "passed"
    if words in _FAILED:
        return "failed"
    return "running" if words in _RUNNING else ""
