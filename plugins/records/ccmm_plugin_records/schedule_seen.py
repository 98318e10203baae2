"""What the cursor of a schedule remembers: published forecasts, plans of days that are over, days stated. No names."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_records.schedule_days import LATE_DAYS, PersonDay, Plans
from ccmm_plugin_records.schedule_frozen import Frozen, Slot
from ccmm_plugin_records.schedule_spans import Stretch
from ccmm_plugin_records.schedule_tables import STATES, Dimensions
from ccmm_tables.counts import Days

VERSION = 1
MAX_BYTES = 1 << 20
_MAX_UNZIPPED = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`until`: up to where was vouched for."""

    until: datetime | None = None
    days: Days = field(default_factory=dict)
    forecasts: Mapping[Slot, Frozen] = field(default_factory=dict)
    plans: Plans = field(default_factory=dict)

    def to_cursor(self) -> bytes:
        """For `parse_seen`. Raises SourceUnavailable where it would be larger than a cursor may be."""
        until = None if self.until is None else self.until.timestamp()
        forecasts = [
            [measure, start // 1000, list(dimensions), [one.value, one.last, one.revision]]
            for (measure, start, dimensions), one in sorted(self.forecasts.items())
        ]
        days = {str(day): list(stated) for day, stated in self.days.items()}
        told = json.dumps([VERSION, until, days, forecasts, _packed(self.plans)], separators=(",", ":"))
        cursor = zlib.compress(told.encode())
        if len(cursor) > MAX_BYTES:
            raise SourceUnavailable(
                Reason.LIMITED, "more plans and forecasts than a cursor holds: one source for each site or queue group"
            )
        return cursor


def parse_seen(cursor: bytes) -> Seen:
    """From a cursor; from anything else that nothing was seen yet."""
    try:
        reader = zlib.decompressobj()
        version, until, days, forecasts, plans = json.loads(reader.decompress(cursor, _MAX_UNZIPPED))
        if version != VERSION:
            return Seen()
        return Seen(
            until=None if until is None else datetime.fromtimestamp(until, UTC),
            days={int(day): (str(digest), int(revision)) for day, (digest, revision) in days.items()},
            forecasts={
                (str(measure), int(start) * 1000, _dimensions(pairs)): Frozen(*map(int, told))
                for measure, start, pairs, told in forecasts
            },
            plans=_unpacked(plans),
        )
    except (zlib.error, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError, IndexError):
        return Seen()


def newest_plans(plans: Plans, until: datetime) -> Plans:
    """Those whose changes are still looked for."""
    oldest = (until - timedelta(days=LATE_DAYS)).toordinal()
    return {key: stretches for key, stretches in plans.items() if key[1] >= oldest}


def _dimensions(pairs: Iterable[tuple[str, str]]) -> Dimensions:
    return tuple((str(name), str(value)) for name, value in pairs)


def _packed(plans: Plans) -> dict[str, dict[str, list[int]]]:
    """Person -> day -> begin, length, state, begin ...; begins since the end before, so that they zip well."""
    found: dict[str, dict[str, list[int]]] = {}
    for (person, day), stretches in sorted(plans.items()):
        row: list[int] = []
        before = 0
        for one in stretches:
            start, end = round(one.start.timestamp()), round(one.end.timestamp())
            row += [start - before, end - start, STATES.index(one.state)]
            before = end
        found.setdefault(person, {})[str(day)] = row
    return found


def _unpacked(packed: Mapping[str, Mapping[str, list[int]]]) -> dict[PersonDay, tuple[Stretch, ...]]:
    found: dict[PersonDay, tuple[Stretch, ...]] = {}
    for person, by_day in packed.items():
        for day, row in by_day.items():
            stretches, at = [], 0
            for place in range(0, len(row), 3):
                start, length, state = row[place : place + 3]
                stretches.append(Stretch(_moment(at + start), _moment(at + start + length), STATES[state]))
                at += start + length
            found[str(person), int(day)] = tuple(stretches)
    return found


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
