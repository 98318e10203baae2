"""The log of a Hikvision device between two hours: window by window, while time and room are left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ccmm_agent.delimited import LocalTimes
from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_access_control.hik_device import Device
from ccmm_plugin_access_control.hik_events import Event, parse_event
from ccmm_proto.errors import Malformed
from ccmm_proto.period import HOUR_MS, from_ms

WINDOW_HOURS = 6
MOST = 20_000  # events of one run; the rest follows at once
_SPARE_S = 40.0  # for users and cards
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """Events of whole hours up to `until`, in no order, perhaps twice; and some of beyond."""

    events: Sequence[Event]
    until: int


def search(device: Device, times: LocalTimes, *, since: int, first: int, closing: int) -> Searched:
    """From the hour `since` up to `closing`, or less where they are too many; at least one hour from `first` on.

    Some firmware passes over the offset of a time that it is asked for: so it is asked in its own, and an hour more at
    both ends, for the night in which its offset was another.
    """
    offset = _offset(device.local_time(), times)
    events: list[Event] = []
    begin, end, until = since - 1, closing + 1, first
    while begin < end:
        stop = min(begin + WINDOW_HOURS, end)
        asked = (_moment(begin, offset), _moment(stop, offset) - _SECOND)
        before: datetime | None = None
        for row in device.events(*asked):
            event = parse_event(row, times, before)
            before = event.at
            if not asked[0] - _HOUR <= event.at <= asked[1] + _HOUR:
                raise Malformed("events of another time than was asked for")
            events.append(event)
        begin = stop
        until = max(first, min(closing, begin - 1))
        if len(events) > MOST or device.left_s < _SPARE_S:
            break
    if until == first and first < closing:
        raise SourceUnavailable(Reason.TIMEOUT, "the device is too slow to tell one hour: raise call_timeout, ask less")
    return Searched(events=events, until=until)


def _offset(local_time: str, times: LocalTimes) -> timezone:
    """That the device's clock is written with; where it has none, that of its zone."""
    written = datetime.fromisoformat(local_time)  # it was read before
    there = written.replace(tzinfo=times.zone) if written.tzinfo is None else written
    return timezone(there.utcoffset() or timedelta())


def _moment(hour: int, offset: timezone) -> datetime:
    return from_ms(hour * HOUR_MS).astimezone(offset)
