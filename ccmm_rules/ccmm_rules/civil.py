"""Civil days of a zone, found again quickly: sums of measures are kept by them.

>>> days = civil_days("Asia/Shanghai")
>>> days.start_of(1_767_225_600_000), days.end_of(1_767_225_600_000)  # 2026-01-01T00:00Z is 08:00 there
(1767196800000, 1767283200000)
"""

from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_MS = 86_400_000
KEPT_DAYS = 20_000  # 54 years


def zone_named(value: object) -> ZoneInfo | None:
    """The zone that a scope answer names; None where it names none."""
    if not isinstance(value, str):
        return None
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class CivilDays:
    """Local midnights, each computed once."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Nothing is computed yet."""
        self._zone = zone
        self._cuts: dict[int, tuple[int, ...]] = {}  # by UTC day: the midnights from before it to after it

    def start_of(self, at_ms: int) -> int:
        """The midnight with which the local day of an instant begins."""
        cuts = self._cuts.get(at_ms // DAY_MS) or self._make(at_ms // DAY_MS)
        return cuts[bisect_right(cuts, at_ms) - 1]

    def end_of(self, at_ms: int) -> int:
        """The midnight with which it ends."""
        cuts = self._cuts.get(at_ms // DAY_MS) or self._make(at_ms // DAY_MS)
        return cuts[bisect_right(cuts, at_ms)]

    def _make(self, day: int) -> tuple[int, ...]:
        if len(self._cuts) >= KEPT_DAYS:
            self._cuts.clear()
        first = datetime.fromtimestamp(day * DAY_MS // 1000, UTC).date() - timedelta(days=1)
        midnights = (
            datetime.combine(first + timedelta(days=later), time.min, tzinfo=self._zone).astimezone(UTC)
            for later in range(4)
        )
        cuts = self._cuts[day] = tuple(int(midnight.timestamp() * 1000) for midnight in midnights)
        return cuts


@lru_cache(maxsize=100)
def civil_days(zone: str) -> CivilDays:
    """The days of a zone, shared; of UTC where the name is that of no zone."""
    return CivilDays(zone_named(zone) or ZoneInfo("UTC"))
