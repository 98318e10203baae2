"""Quarter hours, hours and days as milliseconds since the epoch, UTC."""

from datetime import UTC, datetime

QUARTER_MS = 900_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
MAX_MS = 253_402_300_799_999  # the end of the year 9999


def floor_to(instant_ms: int, step_ms: int) -> int:
    """The latest multiple of the step that is not after the instant."""
    return instant_ms - instant_ms % step_ms


def to_ms(instant: datetime) -> int:
    """Milliseconds of an aware datetime; raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("a time without a zone: give an aware datetime")
    return round(instant.timestamp() * 1000)


def from_ms(instant_ms: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC)
