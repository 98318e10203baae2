"""Which object of an agent is which reading or alert: from the options of the `snmp` source, and applied. Pure.

A reading is either one object, or the column of a table with its rows by index. Status first, then value: what a sensor
tells while it says of itself that it is not well is no reading.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_facilities.look_state import NOISE, AlertWords
from ccmm_plugin_facilities.snmp_value import Oid, Value, figure_of, parse_oid
from ccmm_proto.errors import Malformed

MOST: Final = 500  # readings and alerts of one agent
_DIMENSIONS: Final = ("sensor", "place", "resource", "source", "trunk", "ups")
_NEEDED: Final = MappingProxyType(  # quantity → the dimension that its rule tells readings apart by
    {"rack_temperature": "sensor", "rack_humidity": "sensor", NOISE: "place", "ups_runtime": "ups"}
)
_BELIEVED: Final = MappingProxyType(  # quantity → lowest and highest that can be
    {
        "rack_temperature": (-40, 90),
        "floor_temperature": (-40, 60),
        "rack_humidity": (0, 100),
        "floor_humidity": (0, 100),
        "floor_co2": (200, 20000),
        NOISE: (10, 150),
        "ups_runtime": (0, 10080),
        "fuel": (0, 1000),
        "genset_start": (0, 3600),
    }
)
_ANYTHING: Final = (-(10**12), 10**12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One object that is a reading, and how its figure becomes one of ours."""

    oid: Oid
    dimensions: Mapping[str, str]
    divisor: int
    unit: str  # celsius, fahrenheit, kelvin; of other quantities: as_it_is
    least: int
    most: int
    signed: bool
    none: frozenset[int]  # figures that stand for "no value"
    status: Oid | None
    ok: frozenset[int]

    @property
    def name(self) -> str:
        """For people: quantity and what tells it from others."""
        return " ".join(
            [self.dimensions["quantity"], *(self.dimensions[key] for key in _DIMENSIONS if key in self.dimensions)]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One object that tells whether an alert stands."""

    oid: Oid
    words: AlertWords
    raised: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """All that is asked of one agent. `columns`: each with the rows of it that are mapped."""

    readings: tuple[Reading, ...]
    alerts: tuple[Alert, ...]
    columns: Mapping[Oid, frozenset[Oid]]

    def objects(self) -> list[Oid]:
        """What is asked for by name, each once; the rows of columns come by walking."""
        rows: set[Oid] = set().union(*self.columns.values())
        found = {reading.oid for reading in self.readings} - rows
        found |= {reading.status for reading in self.readings if reading.status is not None}
        return sorted(found | {alert.oid for alert in self.alerts})

    def unmapped(self, values: Mapping[Oid, Value]) -> list[Oid]:
        """Rows of the columns that nobody named: a sensor too many."""
        found = {oid for oid in values for column in self.columns if oid[: len(column)] == column}
        return sorted(found - set().union(*self.columns.values()))


def parse_map(options: Options) -> Map:
    """Raises BadOption."""
    columns: dict[Oid, frozenset[Oid]] = {}
    readings: list[Reading] = []
    for inner in options.tables("readings"):
        made = list(_readings(inner))
        if "rows" in inner.keys():  # noqa: SIM118 - no mapping
            column = _oid(inner, "oid")
            columns[column] = columns.get(column, frozenset()) | {reading.oid for reading in made}
        readings += made
    alerts = [_alert(inner) for inner in options.tables("alerts")]
    if not 0 < len(readings) + len(alerts) <= MOST:
        raise BadOption("readings", f"1 to {MOST} readings and alerts")
    if len({tuple(sorted(reading.dimensions.items())) for reading in readings}) < len(readings):
        raise BadOption("readings", "another sensor, place, ... for each reading of a quantity")
    if len({alert.words.name for alert in alerts}) < len(alerts):
        raise BadOption("alerts", "another name for each alert")
    return Map(readings=tuple(readings), alerts=tuple(alerts), columns=MappingProxyType(columns))


def reading_of(reading: Reading, values: Mapping[Oid, Value]) -> float | None:
    """The reading in our unit; None where the sensor is not well, or tells what cannot be. Raises Malformed."""
    if reading.status is not None and figure_of(values[reading.status]) not in reading.ok:
        return None
    figure = figure_of(values[reading.oid])
    if reading.signed and 2**31 <= figure < 2**32:
        figure -= 2**32
    if figure in reading.none:
        return None
    value = figure / reading.divisor
    if reading.unit == "fahrenheit":
        value = (value - 32) * 5 / 9
    elif reading.unit == "kelvin":
        value -= 273.15
    return round(value, 6) if reading.least <= value <= reading.most else None


def is_raised(alert: Alert, values: Mapping[Oid, Value]) -> bool:
    """Raises Malformed."""
    return figure_of(values[alert.oid]) in alert.raised


def _readings(options: Options) -> Iterator[Reading]:
    quantity = options.text("quantity")
    dimensions = {key: text for key in _DIMENSIONS if (text := options.text(key, None)) is not None}
    least, most = _BELIEVED.get(quantity, _ANYTHING)
    # What the rules judge may be believed of more, never of less: a hot rack is no sensor that lies.
    lower, upper = (least, most) if quantity in _BELIEVED else (_ANYTHING[1], _ANYTHING[0])
    oid, status = _oid(options, "oid"), _oid(options, "status") if "status" in options.keys() else None  # noqa: SIM118
    ok = _wholes(options, "ok") if status is not None else frozenset()
    rows = _rows(options)
    for index, sensor in rows.items() if rows else [((), None)]:
        named = {**dimensions, "quantity": quantity, **({"sensor": sensor} if sensor is not None else {})}
        if (needed := _NEEDED.get(quantity)) is not None and needed not in named:
            raise BadOption(f"readings.{needed}", f"a name: its rule tells {quantity} apart by {needed}")
        yield Reading(
            oid=oid + index,
            dimensions=MappingProxyType(named),
            divisor=options.whole("divisor", 1, least=1, most=10**9),
            unit=_unit(options, quantity),
            least=options.whole("least", least, least=_ANYTHING[0], most=lower),
            most=options.whole("most", most, least=upper, most=_ANYTHING[1]),
            signed=options.flag("signed", False),
            none=_wholes(options, "none") if "none" in options.keys() else frozenset(),  # noqa: SIM118
            status=None if status is None else status + index,
            ok=ok,
        )


def _rows(options: Options) -> dict[Oid, str]:
    table = options.table("rows", None)
    if table is None:
        return {}
    if options.text("sensor", None) is not None:
        raise BadOption("readings.sensor", "either rows, which name sensors, or one sensor")
    found = {}
    for index in table.keys():  # noqa: SIM118 - no mapping
        try:
            found[parse_oid(f"1.3.{index}")[2:]] = table.text(index)
        except Malformed as error:
            raise BadOption(f"readings.rows.{index[:100]}", "an index such as 101 or 1.1") from error
    if not found:
        raise BadOption("readings.rows", 'at least one line such as "101" = "rack_a"')
    return found


def _alert(options: Options) -> Alert:
    words = AlertWords(
        name=options.text("name"),
        signal=options.text("signal", None),
        system=options.text("system", None),
        class_=options.text("class", None),
    )
    if words.signal is None and words.system is None:
        raise BadOption("alerts.signal", "signal or system: rules read alerts by them")
    return Alert(oid=_oid(options, "oid"), words=words, raised=_wholes(options, "raised"))


def _unit(options: Options, quantity: str) -> str:
    if not quantity.endswith("temperature"):
        return "as_it_is"
    unit = options.text("unit", "celsius")
    if unit not in ("celsius", "fahrenheit", "kelvin"):
        raise BadOption("readings.unit", "celsius, fahrenheit or kelvin")
    return unit


def _wholes(options: Options, key: str) -> frozenset[int]:
    """Whole numbers, written as texts: options have no lists of numbers."""
    try:
        found = frozenset(int(text) for text in options.texts(key))
    except ValueError as error:
        raise BadOption(key, 'whole numbers as a list of texts, such as ["1", "2"]') from error
    if not found:
        raise BadOption(key, "at least one whole number")
    return found


def _oid(options: Options, key: str) -> Oid:
    text = options.text(key)
    try:
        return parse_oid(text)
    except Malformed as error:
        raise BadOption(key, f"{error}, not {text[:100]!r}") from error
