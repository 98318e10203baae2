"""When time alone can change what rows give: the next instant at which an age or an open lag passes a value."""

from collections.abc import Iterator, Sequence

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Const, walk
from ccmm_rules.model import DAY_MS, HOUR_MS, MatchSpec, Read, RowsSpec, Rule
from ccmm_rules.operators.rowset import MINUTE_MS, Reader, Row

_FLOORED = {"_days": DAY_MS, "_hours": HOUR_MS}
_LAGS = {"minutes": MINUTE_MS, "hours": HOUR_MS, "days": DAY_MS}


def next_crossing(read: Read, rule: Rule, reader: Reader, rows: Sequence[Row], now_ms: int) -> int | None:
    """The earliest instant after now; None where time alone changes nothing."""
    spec = read.spec
    assert isinstance(spec, RowsSpec)
    instants: list[int] = []
    tests = [spec.test.compiled] if spec.test is not None else []
    names = {name for test in tests for name in test.names} | ({spec.number} if spec.number else set())
    numbers = [number for test in tests for number in _literals(test)]
    for row in rows:
        instants += _ages(names, reader, row, now_ms)
        instants += _so_far(names, numbers, row, now_ms)
        until = row.attributes.get("until") if spec.source.form == "attestation" else None
        instants += [until + 1] if isinstance(until, int) and until >= now_ms else []
    if spec.lag:
        ends = [(reader.stamp(spec.lag[0], row), reader.stamp(spec.lag[1], row)) for row in rows]
        instants += open_lags(ends, _LAGS[spec.lag_unit], rule, now_ms)
    if {read.full("last_days"), read.full("gap_days")} & rule.require.names:
        stamps = [row.started_ms or reader.stamp("approved", row) or 0 for row in rows] or [0]
        instants.append(now_ms + DAY_MS - (now_ms - max(stamps)) % DAY_MS)
    return min((instant for instant in instants if instant > now_ms), default=None)


def _literals(test: Compiled) -> list[float]:
    return [
        float(part.value) for part in walk(test.tree) if isinstance(part, Const) and type(part.value) in (int, float)
    ]


def _ages(names: set[str], reader: Reader, row: Row, now_ms: int) -> Iterator[int]:
    """Floored ages change with each whole day or hour since the stamp."""
    for name in names:
        for suffix, unit in _FLOORED.items():
            stem = name.removesuffix(suffix)
            if stem == name:
                continue
            stamp = row.started_ms if stem == "lasted" else reader.stamp(stem, row)
            if stamp is not None and not (stem == "lasted" and row.ended_ms is not None):
                yield now_ms + unit - (now_ms - stamp) % unit


def _so_far(names: set[str], numbers: list[float], row: Row, now_ms: int) -> Iterator[int]:
    """Minutes of an open row pass the numbers of the test; working days and nights change at most hourly."""
    if any(name.endswith(("_minutes",)) for name in names):
        for number in numbers:
            yield row.started_ms + int(number * MINUTE_MS) + 1
    if any(name.endswith("_workdays") or name == "nights" for name in names):
        yield now_ms + HOUR_MS - now_ms % HOUR_MS


def open_lags(ends: Sequence[tuple[int | None, int | None]], unit_ms: int, rule: Rule, now_ms: int) -> list[int]:
    """Lags whose end has not come pass each limit and each number of `require`."""
    values = [value for table in rule.limits for value in table.values.values()] + _literals(rule.require)
    return [
        begin + int(value * unit_ms) + 1
        for begin, end in ends
        if begin is not None and end is None
        for value in sorted(set(values))
        if begin + int(value * unit_ms) + 1 > now_ms
    ]


def pair_crossing(
    spec: MatchSpec, rule: Rule, ends: Sequence[tuple[int | None, int | None]], tests: Sequence[Compiled], now_ms: int
) -> int | None:
    """As `next_crossing`, for pairs: ages in pair tests are looked at again each hour."""
    instants = open_lags(ends, _LAGS[spec.lag_unit], rule, now_ms) if spec.lag else []
    if any(
        name.endswith(("_days", "_hours", "_minutes", "_workdays", "nights")) for test in tests for name in test.names
    ):
        instants.append(now_ms + HOUR_MS - now_ms % HOUR_MS)
    return min(instants, default=None)
