"""When a rule is in force: from the day `since` to the day `until`, both included, in the center's zone."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from ccmm_rules.model import Rule
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import local_date, midnight_ms

_UTC = ZoneInfo("UTC")


def in_force(rule: Rule, view: View) -> tuple[bool, int | None]:
    """(whether it is, the instant at which that changes)."""
    zone = view.zone or _UTC
    day = local_date(view.at_ms, zone)
    if rule.since and day < date.fromisoformat(rule.since):
        return False, midnight_ms(date.fromisoformat(rule.since), zone)
    if not rule.until:
        return True, None
    ends = date.fromisoformat(rule.until) + timedelta(days=1)
    return day < ends, midnight_ms(ends, zone) if day < ends else None
