"""Instants that a switch writes and that an option names."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmm_agent.plugin import BadOption
from ccmm_proto.errors import Malformed

EARLIEST_S = 946_684_800  # 2000-01-01: a time before it is no time of a call center
LATEST_S = 4_102_444_800  # 2100-01-01


def parse_epoch(text: str) -> int:
    """Whole seconds of an epoch time; a fraction is cut off. Raises Malformed."""
    whole, _, fraction = text.partition(".")
    if not is_number(whole) or (fraction and not is_number(fraction)):
        raise Malformed("time")
    at_s = int(whole)
    if not EARLIEST_S <= at_s < LATEST_S:
        raise Malformed("time")
    return at_s


def is_number(text: str) -> bool:
    """Whether it is a whole number that is not negative and not absurdly long."""
    return 0 < len(text) <= 12 and text.isascii() and text.isdigit()


def parse_instant(key: str, text: str | None) -> datetime | None:
    """An aware instant of an option. Raises BadOption."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadOption(key, "an instant with its zone, such as 2026-11-22T10:00:00Z")
    return instant


def parse_zone(name: str | None) -> ZoneInfo | None:
    """The zone of an option. Raises BadOption."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadOption("zone", "an IANA time zone, such as Asia/Shanghai") from error
