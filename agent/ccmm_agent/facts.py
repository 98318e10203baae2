"""Builders of observations for plugins: checked against `ccmm_proto.kinds` as they are built, still with clear text.

    count("calls_offered", quarter, 12, queue="support")
    inventory("account", now, [("jdoe", {"system": "ldap", "person": "E1007", "enabled": True})])
    occurrence("sample", "qa-17", started, None, class_="listening", passed=True)

People, accounts, numbers and call ids are given as they are: the agent makes them pseudonyms before anything is signed.
Every builder raises BadFact, a ValueError, naming the kind, the attribute and what was expected.
Times are aware datetimes in UTC. An attribute that is None is left out. `class_` stands for the attribute `class`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ccmm_agent.values import BadFact, attribute_of, checked, label, present
from ccmm_proto.errors import Malformed
from ccmm_proto.histogram import BUCKETS, bucket_of
from ccmm_proto.kinds import KINDS, Attribute, Form, Kind, Type
from ccmm_proto.measures import MEASURES, Shape
from ccmm_proto.roll import ABSENT, HOUR_S
from ccmm_proto.shape import check_observations
from ccmm_proto.v1 import statement_pb2 as pb

Row = tuple[str, datetime, Mapping[str, object]]


def count(
    id: str,
    start: datetime,
    n: int,
    *,
    unfinished: int = 0,
    revision: int = 0,
    reason: str = "",
    **dimensions: str | None,
) -> pb.Observation:
    """How many in the period that begins at `start`. `reason` says why there is a `revision` above 0."""
    measure = _measure(id, Shape.COUNT, start, dimensions)
    _state(measure, unfinished, revision, reason)
    measure.count = _not_negative(id, "n", n)
    return _stated(measure)


def seconds(
    id: str,
    start: datetime,
    total: float,
    n: int,
    *,
    unfinished: int = 0,
    revision: int = 0,
    revision_reason: str = "",
    **dimensions: str | None,
) -> pb.Observation:
    """A sum (of seconds, or in the unit of the measure) and how many were added. `reason` is a dimension here."""
    measure = _measure(id, Shape.SUM, start, dimensions)
    _state(measure, unfinished, revision, revision_reason)
    measure.sum.CopyFrom(pb.Sum(total=total, count=_not_negative(id, "n", n)))
    return _stated(measure)


def histogram(
    id: str,
    start: datetime,
    waits: Iterable[float] = (),
    *,
    buckets: Sequence[int] | None = None,
    total: float = 0.0,
    unfinished: int = 0,
    revision: int = 0,
    reason: str = "",
    **dimensions: str | None,
) -> pb.Observation:
    """Waits in seconds, or ready `buckets` (17 counts, not cumulated) with the `total` seconds in them."""
    measure = _measure(id, Shape.HISTOGRAM, start, dimensions)
    _state(measure, unfinished, revision, reason)
    if buckets is None:
        buckets = [0] * BUCKETS
        total = 0.0
        for wait in waits:
            buckets[bucket_of(wait)] += 1
            total += wait
    measure.histogram.CopyFrom(pb.Histogram(buckets=[_not_negative(id, "bucket", n) for n in buckets], total=total))
    return _stated(measure)


def gauge(
    id: str,
    start: datetime,
    min: float,
    max: float,
    last: float,
    n: int,
    *,
    revision: int = 0,
    revision_reason: str = "",
    **dimensions: str | None,
) -> pb.Observation:
    """Lowest, highest and last of `n` readings within the period."""
    measure = _measure(id, Shape.GAUGE, start, dimensions)
    _state(measure, 0, revision, revision_reason)
    if n < 1 or not min <= last <= max:
        raise BadFact(f"measure {id}: expected n >= 1 and min <= last <= max")
    measure.gauge.CopyFrom(pb.Gauge(min=min, max=max, last=last, count=n))
    return _stated(measure)


def inventory(
    kind: str, as_of: datetime, entries: Iterable[tuple[str, Mapping[str, object]]], complete: bool = True
) -> pb.Observation:
    """All entries of a kind at one instant (`complete`), or some of them. A key stands once."""
    shape = _kind(kind, Form.INVENTORY)
    built = pb.Inventory(kind=kind, as_of_ms=millis(as_of), complete=complete)
    before: str | None = None
    for key, attributes in sorted(entries, key=lambda entry: entry[0]):
        if key == before:
            raise BadFact(f"inventory {kind}: expected each key once; one stands twice")
        before = key
        entry = pb.Entry(key=pb.Identity(text=label(f"inventory {kind} key", key)))
        entry.attributes.extend(_attributes(shape, attributes))
        built.entries.append(entry)
    return pb.Observation(inventory=built)


def occurrence(
    kind: str, id: str, started: datetime, ended: datetime | None = None, **attributes: object
) -> pb.Observation:
    """One thing that happened, from `started` to `ended` (None: an instant, or not ended yet)."""
    shape = _kind(kind, Form.OCCURRENCE)
    built = pb.Occurrence(
        kind=kind, id=pb.Identity(text=label(f"occurrence {kind} id", id)), started_ms=millis(started)
    )
    if ended is not None:
        built.ended_ms = millis(ended)
        if built.ended_ms < built.started_ms:
            raise BadFact(f"occurrence {kind}: expected ended at or after started")
    built.attributes.extend(_attributes(shape, attributes))
    return pb.Observation(occurrence=built)


def document(id: str, sha256: bytes, **attributes: object) -> pb.Observation:
    """A controlled document: its digest and metadata leave, its content stays."""
    shape = _kind("document", Form.DOCUMENT)
    built = pb.Document(id=label("document id", id), sha256=_digest("document", sha256))
    built.attributes.extend(_attributes(shape, attributes))
    return pb.Observation(document=built)


def attestation(id: str, sha256: bytes, **attributes: object) -> pb.Observation:
    """What somebody states, with the digest of the paper that says so."""
    shape = _kind("attestation", Form.ATTESTATION)
    built = pb.Attestation(id=label("attestation id", id), sha256=_digest("attestation", sha256))
    built.attributes.extend(_attributes(shape, attributes))
    return pb.Observation(attestation=built)


def roll(
    kind: str, hour: datetime, rows: Iterable[Row], complete: bool = True, revision: int = 0, reason: str = ""
) -> pb.Observation:
    """One UTC hour of many small occurrences, rows of (key, start, attributes)."""
    shape = KINDS.get(kind)
    if shape is None or not shape.roll:
        raise BadFact(f"roll {kind}: expected a kind that travels in rolls")
    built = pb.Roll(kind=kind, hour_ms=millis(hour), complete=complete)
    if built.hour_ms % (HOUR_S * 1000):
        raise BadFact(f"roll {kind}: expected a full UTC hour, not {hour}")
    if bool(revision) != bool(reason) or revision < 0:
        raise BadFact(f"roll {kind}: expected a reason beside a revision above 0, and only there")
    built.revision, built.revision_reason = revision, reason
    ordered = sorted(rows, key=lambda row: (row[0], row[1]))
    for key, start, _ in ordered:
        second = (millis(start) - built.hour_ms) // 1000
        if not 0 <= second < HOUR_S:
            raise BadFact(f"roll {kind}: expected starts within the hour, not {start}")
        built.clear_key.append(label(f"roll {kind} key", key))
        built.start_s.append(second)
    cells = [present(attributes) for _, _, attributes in ordered]
    _refuse_unknown(shape, {name for row in cells for name in row})
    for name, attribute in shape.attributes.items():
        if not attribute.optional or any(name in row for row in cells):
            built.columns.append(_column(f"{kind}.{name}", name, attribute, [row.get(name) for row in cells]))
    return pb.Observation(roll=built)


def millis(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware UTC datetime."""
    if moment.utcoffset() != timedelta(0):
        raise BadFact(f"expected an aware datetime in UTC, not {moment!r}")
    return round(moment.timestamp() * 1000)


def word_of(observation: pb.Observation) -> str:
    """The id of its measure or the name of its kind: what `feeds` must name."""
    fact = observation.WhichOneof("fact")
    if fact == "measure":
        return observation.measure.id
    if fact in ("inventory", "occurrence", "roll"):
        return str(getattr(observation, fact).kind)
    return fact or ""


def _kind(name: str, form: Form) -> Kind:
    kind = KINDS.get(name)
    if kind is None or kind.form is not form:
        raise BadFact(f"{form} {name}: expected a kind of this form in ccmm_proto.kinds")
    return kind


def _attributes(kind: Kind, attributes: Mapping[str, object]) -> list[pb.Attribute]:
    """Sorted by name, None left out, each of the declared type."""
    given = present(attributes)
    _refuse_unknown(kind, set(given))
    for name, declared in kind.attributes.items():
        if not declared.optional and name not in given:
            raise BadFact(f"{kind.name}.{name}: expected a {declared.type}; it is missing")
    return [
        pb.Attribute(name=name, value=attribute_of(f"{kind.name}.{name}", kind.attributes[name], given[name]))
        for name in sorted(given)
    ]


def _refuse_unknown(kind: Kind, names: set[str]) -> None:
    if unknown := sorted(names - set(kind.attributes)):
        raise BadFact(f"{kind.name}.{unknown[0]}: expected one of {', '.join(sorted(kind.attributes))}")


def _column(where: str, name: str, attribute: Attribute, cells: list[object]) -> pb.Column:
    if not attribute.optional and None in cells:
        raise BadFact(f"roll {where}: expected a {attribute.type} in every row")
    if attribute.type is Type.PSEUDONYM:
        return pb.Column(name=name, clear=["" if cell is None else label(where, cell) for cell in cells])
    if attribute.type is Type.TEXT:
        words = sorted({label(where, cell) for cell in cells if cell is not None})
        index: dict[object, int] = {word: at for at, word in enumerate(words)}
        return pb.Column(name=name, dictionary=words, number=[index.get(cell, ABSENT) for cell in cells])
    return pb.Column(name=name, number=[ABSENT if cell is None else _cell(where, attribute, cell) for cell in cells])


def _cell(where: str, attribute: Attribute, cell: object) -> int:
    found = checked(where, attribute, cell)
    if not isinstance(found, int) or found < 0:
        raise BadFact(f"roll {where}: expected a flag or a whole number that is not negative")
    return int(found)


def _measure(id: str, shape: Shape, start: datetime, dimensions: Mapping[str, str | None]) -> pb.Measure:
    declared = MEASURES.get(id)
    if declared is None or declared.shape is not shape:
        raise BadFact(f"measure {id}: expected a measure of ccmm_proto.measures with a {shape}")
    given = present(dimensions)
    if unknown := sorted(set(given) - set(declared.dimensions)):
        raise BadFact(f"measure {id}.{unknown[0]}: expected one of {', '.join(sorted(declared.dimensions))}")
    measure = pb.Measure(id=id, start_ms=millis(start), period_s=declared.period_s)
    for name in sorted(given):
        measure.dimensions.append(pb.Dimension(name=name, text=label(f"measure {id}.{name}", given[name])))
    return measure


def _state(measure: pb.Measure, unfinished: int, revision: int, reason: str) -> None:
    if bool(revision) != bool(reason) or revision < 0:
        raise BadFact(f"measure {measure.id}: expected a reason beside a revision above 0, and only there")
    measure.unfinished = _not_negative(measure.id, "unfinished", unfinished)
    measure.revision, measure.revision_reason = revision, reason


def _stated(measure: pb.Measure) -> pb.Observation:
    built = pb.Observation(measure=measure)
    try:
        check_observations([built], clear=True)
    except Malformed as error:
        raise BadFact(str(error)) from error
    return built


def _not_negative(id: str, what: str, n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise BadFact(f"measure {id}: expected {what} as a whole number that is not negative, not {n!r}")
    return n


def _digest(kind: str, sha256: bytes) -> bytes:
    if len(sha256) != 32:
        raise BadFact(f"{kind}: expected the 32 bytes of a SHA-256")
    return sha256
