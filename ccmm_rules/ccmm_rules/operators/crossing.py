"""When time alone can change what rows give: the next instant at which an age or an open lag passes a value."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Const, walk
from ccmm_rules.model import Read, Rule
from ccmm_rules.operators.counting import Judged
from ccmm_rules.operators.derived_rows import silence_again
from ccmm_rules.operators.joining import sources_of
from ccmm_rules.operators.rowset import Chosen
from ccmm_rules.operators.table import MINUTE_MS
from ccmm_rules.operators.view import View
from ccmm_rules.spec import DAY_MS, HOUR_MS, MatchSpec, RowSource, RowsSpec

_FLOORED = {"_days": DAY_MS, "_hours": HOUR_MS}
_LAGS = {"minutes": MINUTE_MS, "hours": HOUR_MS, "days": DAY_MS}


def next_crossing(read: Read, rule: Rule, rows: Chosen, judged: Judged, view: View, since_ms: int) -> int | None:
    """The earliest instant after now; None where time alone changes nothing. `since_ms`: where the window begins."""
    spec, now_ms = read.spec, view.at_ms
    assert isinstance(spec, RowsSpec)
    table, places = rows.table, rows.places
    test = spec.test.compiled if spec.test is not None else None
    names = (set(test.names) if test is not None else set()) | ({spec.number} if spec.number else set())
    numbers = [*_literals(test)] if test is not None else []
    if _is_silence(spec.source):  # its rows hang on now: what belongs changes with time, too
        names |= spec.source.of.names if spec.source.of is not None else set()
        numbers += _literals(spec.source.of) if spec.source.of is not None else []
        rows = Chosen(table=table, places=range(len(table.rows)))
        places = rows.places
    instants = [*_ages(names, rows, now_ms), *_so_far(names, numbers, rows, now_ms)]
    instants += silence_again(view) if _is_silence(spec.source) else ()
    if spec.source.form == "attestation":
        untils = table.stamps("until")
        instants += [until + 1 for at in places if (until := untils[at]) is not None and until >= now_ms]
    if spec.lag:
        begins, ends = table.stamps(spec.lag[0]), table.stamps(spec.lag[1])
        instants += open_lags([(begins[at], ends[at]) for at in places], spec.lag_unit, rule, now_ms)
    if {read.full("last_days"), read.full("gap_days")} & rule.require.names:
        instants += [now_ms + DAY_MS - (now_ms - stamp) % DAY_MS for stamp in (since_ms, *_newest(judged))]
    return min((instant for instant in instants if instant > now_ms), default=None)


def _newest(judged: Judged) -> Iterator[int]:
    """Of each group the newest time of a row, of a good one, and of one that is not known to be bad."""
    newest: dict[object, int] = {}
    for good, group, stamp in zip(judged.goods, judged.groups, judged.stamps, strict=True):
        for among in range(1 if good is False else 2 if good is None else 3):
            if stamp is not None and newest.get((group, among), stamp) <= stamp:
                newest[group, among] = stamp
    yield from newest.values()


def _is_silence(source: RowSource) -> bool:
    return source.derived is not None and source.derived.form == "silence"


@lru_cache(maxsize=4096)
def _literals(test: Compiled) -> Sequence[float]:
    return [
        float(part.value) for part in walk(test.tree) if isinstance(part, Const) and type(part.value) in (int, float)
    ]


def _ages(names: set[str], rows: Chosen, now_ms: int) -> Iterator[int]:
    """Floored ages change with each whole day or hour since the stamp."""
    if "late" in names:
        closed = rows.table.stamps("closed")
        yield from (
            due + 1 for at in rows.places if (due := rows.table.stamps("due")[at]) is not None and not closed[at]
        )
    for name in names:
        for suffix, unit in _FLOORED.items():
            stem = name.removesuffix(suffix)
            if stem == name:
                continue
            stamps, ends = rows.table.stamps(stem), rows.table.ends
            if stem == "lasted":
                stamps = [start if end is None else None for start, end in zip(rows.table.starts, ends, strict=True)]
            for stamp in {stamps[at] for at in rows.places} - {None}:
                yield now_ms + unit - (now_ms - (stamp or 0)) % unit


def _so_far(names: set[str], numbers: list[float], rows: Chosen, now_ms: int) -> Iterator[int]:
    """Minutes of an open row pass the numbers of the test; working days and nights change at most hourly."""
    if any(name.endswith("_minutes") for name in names):
        for number in numbers:
            after = int(number * MINUTE_MS) + 1
            yield from (rows.table.starts[at] + after for at in rows.places)
    if rows.places and any(name.endswith("_workdays") or name == "nights" for name in names):
        yield now_ms + HOUR_MS - now_ms % HOUR_MS


def open_lags(ends: Sequence[tuple[int | None, int | None]], unit: str, rule: Rule, now_ms: int) -> list[int]:
    """Lags whose end has not come pass each limit and each number of `require`."""
    values = {value for table in rule.limits for value in table.values.values()} | {*_literals(rule.require)}
    open_begins = {begin for begin, end in ends if begin is not None and end is None}
    if unit == "workdays":
        return [now_ms + HOUR_MS - now_ms % HOUR_MS] if open_begins else []
    lengths = [int(value * _LAGS[unit]) + 1 for value in values]
    return [begin + length for begin in open_begins for length in lengths if begin + length > now_ms]


def pair_crossing(
    spec: MatchSpec, rule: Rule, ends: Sequence[tuple[int | None, int | None]], tests: Sequence[Compiled], view: View
) -> int | None:
    """As `next_crossing`, for pairs: ages in pair tests are looked at again each hour."""
    now_ms = view.at_ms
    instants = open_lags(ends, spec.lag_unit, rule, now_ms) if spec.lag else []
    if any(_is_silence(source) for source in sources_of(spec)):
        instants += [instant for instant in silence_again(view) if instant > now_ms]
    if any(
        name.endswith(("_days", "_hours", "_minutes", "_workdays", "nights")) for test in tests for name in test.names
    ):
        instants.append(now_ms + HOUR_MS - now_ms % HOUR_MS)
    return min(instants, default=None)
