"""What sensors, clocks and probes read: the equipment room, the floor, standby power, services."""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from demo.book.rows import Figures, Row, sheet
from demo.calls import CLOSES_H, OPENS_H
from demo.characters import Character
from demo.people import drills_of, hours, local

READING_DAYS = 32
PROBED_DAYS = 100
SENSORS = ("rack-1", "rack-2")
SERVICES = ("voice", "crm")
EVIDENCE = ("pbx", "crm", "doors")


def _climate(character: Character, now: datetime) -> Iterator[Row]:
    """Of the racks day and night, of the floor while somebody works there."""
    chance = random.Random(character.seed)
    for hour in hours(now, READING_DAYS):
        for quarter in range(4):
            at = hour + timedelta(minutes=15 * quarter)
            if at > now:
                return
            for sensor in SENSORS:
                yield _read(at, "rack_temperature", chance.uniform(21, 25), sensor=sensor, place="it_room")
                yield _read(at, "rack_humidity", chance.uniform(44, 54), sensor=sensor, place="it_room")
            if OPENS_H <= hour.hour < CLOSES_H:
                yield _read(at, "floor_temperature", chance.uniform(22, 26), place="floor-1")
                yield _read(at, "floor_humidity", chance.uniform(38, 55), place="floor-1")
                yield _read(at, "floor_co2", chance.uniform(500, 800), place="floor-1")


def _read(at: datetime, quantity: str, value: float, **dimensions: str) -> Row:
    return {"started": at, "quantity": quantity, "reading": round(value, 1), **dimensions}


def _hourly(character: Character, now: datetime) -> Iterator[Row]:
    chance = random.Random(character.seed + 1)
    for at in hours(now, READING_DAYS):
        yield _read(at, "security_on_call", 2)
        for source in EVIDENCE:
            yield _read(at, "clock_offset", chance.uniform(2, 90), source=source)
        if OPENS_H <= at.hour < CLOSES_H:
            yield {"started": at, "place": "floor-1", "noise": 54}


def _power(character: Character, now: datetime) -> Iterator[Row]:
    for at in hours(now, 50):
        yield _read(at, "ups_runtime", 32, ups="ups-1")
        yield _read(at, "fuel", 11)


def _exits(character: Character, now: datetime) -> Iterator[Row]:
    """Everybody at a drill, a few at the end of a day."""
    for at in drills_of(character, now):
        yield {"started": at, "place": "floor-1", "floor_exits": 24}
    for days in range(1, 60):
        yield {"started": local(now, days, 18), "place": "floor-1", "floor_exits": 9}


def _probes(character: Character, now: datetime) -> Iterator[Row]:
    """Five minutes of looking every third hour."""
    for at in hours(now, PROBED_DAYS, every=3):
        for service in SERVICES:
            row: Row = {"started": at, "service": service, "observer": "independent", "planned": "no"}
            yield row | {"probe_watched": 300, "probe_down": 0}


FIGURES: Mapping[str, Figures] = {
    "readings": sheet("reading noise floor_exits", _climate, _hourly, _power, _exits),
    "probes": sheet("probe_watched probe_down", _probes),
}
