"""Rows from evidence: which belong, and how a test falls on each, as of the watermark and as of now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from zoneinfo import ZoneInfo

from ccmm_rules.cel import Compiled
from ccmm_rules.evidence import AttributeValue, Span
from ccmm_rules.expression import Scalar
from ccmm_rules.model import DAY_MS, HOUR_MS, RowSource
from ccmm_rules.operators.view import View
from ccmm_rules.operators.windows import local_hour, nights_between, workdays_between
from ccmm_rules.rowlanguage import attribute_types
from ccmm_rules.vocabulary.tables import Kind

MINUTE_MS = 60_000
_SUFFIXES = ("_days", "_hours", "_minutes", "_workdays")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An entry or an occurrence. `started_ms` is 0 for entries. `maybe`: its filter could not be decided."""

    number: int  # the same row has the same number wherever it is read
    key: str | int
    started_ms: int
    ended_ms: int | None
    key_id: str
    agent: str
    source: str
    attributes: Mapping[str, AttributeValue]
    expired: bool = False  # an attestation whose date has passed since the watermark
    maybe: bool = False


Getter = Callable[[Row, int], Scalar | list[str] | None]


class Reader:
    """Reads the names of one kind off its rows; `evaluate` remembers results by the values used."""

    def __init__(self, kind: Kind, zone: ZoneInfo, answers: Mapping[str, object]) -> None:
        self.kind, self.zone = kind, zone
        self.types = attribute_types(kind)
        self.profile = {f"profile.{name}": value for name, value in answers.items()}
        self._getters: dict[str, Getter] = {}
        self._plans: dict[int, list[tuple[str, Getter]]] = {}
        self._memory: dict[tuple[object, ...], Scalar | None] = {}

    def getter(self, name: str) -> Getter:
        if name not in self._getters:
            self._getters[name] = self._make(name)
        return self._getters[name]

    def evaluate(self, compiled: Compiled, row: Row, now_ms: int) -> Scalar | None:
        """None where it cannot be decided."""
        plan = self._plans.get(id(compiled))
        if plan is None:
            plan = [(name, self.getter(name)) for name in sorted(compiled.names) if not name.startswith("profile.")]
            self._plans[id(compiled)] = plan
        values = [get(row, now_ms) for _, get in plan]
        key = (id(compiled), *(tuple(value) if isinstance(value, list) else value for value in values))
        if key not in self._memory:
            bound = {name: value for (name, _), value in zip(plan, values, strict=True) if value is not None}
            self._memory[key] = compiled.evaluate(bound | self.profile)
        return self._memory[key]

    def stamp(self, name: str, row: Row) -> int | None:
        """A time of the row, ms."""
        if self.kind.form == "occurrence" and name in ("started", "ended"):
            return row.started_ms if name == "started" else row.ended_ms
        value = row.attributes.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _make(self, name: str) -> Getter:
        word = self.types.get(name)
        if word is not None:
            return partial(_attribute, self, name, word)
        if name.startswith("has_") and name[4:] in self.types:
            return partial(_has, self, name[4:])
        for suffix in _SUFFIXES:
            stem = name.removesuffix(suffix)
            if stem != name and self.types.get(stem) == "time":
                return partial(_age, self, stem, suffix)
        return partial(_shape, self, name)


def _attribute(reader: Reader, name: str, word: str, row: Row, now_ms: int) -> Scalar | list[str] | None:
    if word == "time":
        return reader.stamp(name, row)
    value = row.key if name == "key" else row.attributes.get(name)
    if value is None:
        return None
    if word == "double":
        return float(value) if isinstance(value, int | float) else None
    if word == "list":
        return list(value) if isinstance(value, tuple) else None
    if word.startswith("@"):
        return signed(value) if isinstance(value, int) else None
    return value if not isinstance(value, tuple) else None


def signed(pseudonym: int) -> int:
    """64 bits as CEL holds them."""
    return pseudonym - 2**64 if pseudonym >= 2**63 else pseudonym


def _has(reader: Reader, name: str, row: Row, now_ms: int) -> bool:
    if reader.types.get(name) == "time":
        return reader.stamp(name, row) is not None
    return row.attributes.get(name) is not None


def _age(reader: Reader, stem: str, suffix: str, row: Row, now_ms: int) -> Scalar | None:
    """Days and hours: how long ago, floored. Minutes and working days: from the start, so far if not come."""
    stamp = reader.stamp(stem, row)
    if suffix in ("_days", "_hours"):
        unit = DAY_MS if suffix == "_days" else HOUR_MS
        return None if stamp is None else (now_ms - stamp) // unit
    end = max(now_ms, row.started_ms) if stamp is None else stamp
    if suffix == "_minutes":
        return (end - row.started_ms) / MINUTE_MS
    return workdays_between(row.started_ms, end, reader.zone)


def _shape(reader: Reader, name: str, row: Row, now_ms: int) -> Scalar | None:
    end = max(now_ms, row.started_ms) if row.ended_ms is None else row.ended_ms
    if name == "open":
        return row.ended_ms is None
    if name == "has_ended":
        return row.ended_ms is not None
    if name == "local_hour":
        return local_hour(row.started_ms, reader.zone)
    if name == "nights":
        return nights_between(row.started_ms, end, reader.zone)
    length = end - row.started_ms
    lasted = {"lasted_minutes": length / MINUTE_MS, "lasted_hours": length // HOUR_MS, "lasted_days": length // DAY_MS}
    return lasted.get(name)


def rows_of(source: RowSource, view: View, reader: Reader, span: Span | None, watermark_ms: int) -> list[Row]:
    """Rows that belong, oldest first; `span` bounds the starts of occurrences."""
    if source.form == "occurrence":
        raw = _occurrences(source, view, span, watermark_ms)
    else:
        raw = view.once(("entries", source.kind), lambda: _entries(source, view))
    if source.document_class:
        raw = [row for row in raw if row.attributes.get("class") == source.document_class]
    if source.of is not None:
        kept = []
        for row in raw:
            verdict = reader.evaluate(source.of, row, watermark_ms)
            if verdict is True:
                kept.append(row)
            elif verdict is None:
                kept.append(replace(row, maybe=True))
        raw = kept
    if source.first_by:
        return _first_by(raw, reader, source.first_by)
    return raw


def _occurrences(source: RowSource, view: View, span: Span | None, watermark_ms: int) -> list[Row]:
    """What started in the window; what began before it is left to the windows before."""
    window = span if span is not None else Span(0, watermark_ms)
    return view.once(("occurrences", source.kind, window), lambda: _started(source.kind, view, window))


def _started(kind: str, view: View, window: Span) -> list[Row]:
    return [
        Row(
            number=view.number(),
            key=happening.id,
            started_ms=happening.started_ms,
            ended_ms=happening.ended_ms,
            key_id=happening.key_id,
            agent=happening.agent,
            source=happening.source,
            attributes=happening.attributes,
        )
        for happening in view.happenings(kind, Span(window.from_ms, window.to_ms + 1))
        if window.from_ms <= happening.started_ms <= window.to_ms
    ]


def _entries(source: RowSource, view: View) -> list[Row]:
    rows = []
    for facts in view.feeding(source.kind):
        listing = view.listing_of(source.kind, facts)
        for entry in listing.entries if listing is not None else ():
            until = entry.attributes.get("until") if source.form == "attestation" else None
            ends = until if isinstance(until, int) and not isinstance(until, bool) else None
            if ends is not None and listing is not None and ends < listing.as_of_ms:
                continue
            rows.append(
                Row(
                    number=view.number(),
                    key=entry.key,
                    started_ms=0,
                    ended_ms=None,
                    key_id=listing.key_id if listing else "",
                    agent=facts.agent,
                    source=facts.source,
                    attributes=entry.attributes,
                    expired=ends is not None and ends < view.at_ms,
                )
            )
    return sorted(rows, key=lambda row: (row.agent, row.source, str(row.key)))


def _first_by(rows: Sequence[Row], reader: Reader, attribute: str) -> list[Row]:
    get = reader.getter(attribute)
    first: dict[object, Row] = {}
    for row in sorted(rows, key=lambda row: (row.started_ms, str(row.key))):
        first.setdefault(get(row, row.started_ms), row)
    return list(first.values())


def judge_row(reader: Reader, test: Compiled, side: str, row: Row, watermark_ms: int, now_ms: int) -> bool | None:
    """Whether the row is good: only if it is so as of the watermark and as of now; None: undecidable."""
    if row.expired:
        return False
    results = {reader.evaluate(test, row, instant) for instant in {watermark_ms, now_ms}}
    bad = side == "bad"
    if bad in results:
        return False
    return None if None in results else True
