"""Facts of the engine's own shapes as observations of a statement: rows alone or in rolls, lists, figures."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ccmm_proto.kinds import KINDS, Form, Type
from ccmm_proto.measures import MEASURES
from ccmm_proto.period import HOUR_MS, floor_to
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_rules.evidence import AttributeValue, Entry, Happening, MeasureRow
from ccmm_rules.vocabulary.tables import load_vocabulary

BUCKETS = len(load_vocabulary().wait_bounds_s) + 1


def measure_told(stated: tuple[str, MeasureRow]) -> pb.Observation:
    name, row = stated
    shape = MEASURES[name].shape.value
    measure = pb.Measure(id=name, start_ms=row.start_ms, period_s=MEASURES[name].period_s)
    measure.dimensions.extend(pb.Dimension(name=key, text=str(text)) for key, text in row.dimensions)
    if shape == "count":
        measure.count = row.count
    elif shape == "sum":
        measure.sum.CopyFrom(pb.Sum(count=row.count, total=row.total))
    elif shape == "gauge":
        low, high, last = row.gauge or (row.total, row.total, row.total)
        measure.gauge.CopyFrom(pb.Gauge(count=row.count, min=low, max=high, last=last))
    else:
        measure.histogram.CopyFrom(pb.Histogram(buckets=row.buckets or (row.count,) + (0,) * (BUCKETS - 1), total=0.0))
    return pb.Observation(measure=measure)


def rows_told(rows: Sequence[tuple[str, Happening]]) -> list[pb.Observation]:
    """Alone, or packed by the hour where the kind may be."""
    found, hours = [], defaultdict(list)
    for kind, one in rows:
        if KINDS[kind].roll and isinstance(one.id, int):
            hours[kind, floor_to(one.started_ms, HOUR_MS)].append(one)
        else:
            happening = pb.Occurrence(
                kind=kind, id=identity_told(kind, one.id), started_ms=one.started_ms, ended_ms=one.ended_ms
            )
            happening.attributes.extend(attributes_told(kind, one.attributes))
            found.append(pb.Observation(occurrence=happening))
    return found + [pb.Observation(roll=_roll(kind, hour, told)) for (kind, hour), told in sorted(hours.items())]


def _roll(kind: str, hour_ms: int, rows: list[Happening]) -> pb.Roll:
    rows.sort(key=lambda row: (row.id, row.started_ms))
    roll = pb.Roll(kind=kind, hour_ms=hour_ms, complete=True)
    roll.key.extend(int(row.id) for row in rows)
    roll.start_s.extend((row.started_ms - hour_ms) // 1000 for row in rows)
    names = {"system"} & KINDS[kind].attributes.keys() | {name for row in rows for name in row.attributes}
    for name in sorted(names):
        roll.columns.append(
            _column(name, KINDS[kind].attributes[name].type, [row.attributes.get(name) for row in rows])
        )
    return roll


def _column(name: str, type_: Type, values: list[AttributeValue | None]) -> pb.Column:
    if type_ is Type.PSEUDONYM:
        return pb.Column(name=name, pseudonym=[int(str(value or 0)) for value in values])
    if type_ is Type.TEXT:
        words = sorted({str(value) for value in values if value is not None})
        return pb.Column(
            name=name, dictionary=words, number=[-1 if value is None else words.index(str(value)) for value in values]
        )
    numbers = [-1 if isinstance(value, str | tuple | None) else int(value) for value in values]
    return pb.Column(name=name, number=numbers)


def list_told(kind: str, entries: Sequence[Entry], as_of_ms: int) -> list[pb.Observation]:
    entries = [_as_of(entry, kind, as_of_ms) for entry in entries]
    told = [(entry.key, attributes_told(kind, entry.attributes)) for entry in entries]
    if KINDS[kind].form is Form.DOCUMENT:
        return [
            pb.Observation(document=pb.Document(id=str(key), sha256=bytes(32), attributes=facts)) for key, facts in told
        ]
    if KINDS[kind].form is Form.ATTESTATION:
        return [pb.Observation(attestation=pb.Attestation(id=str(key), attributes=facts)) for key, facts in told]
    rows = [pb.Entry(key=identity_told(kind, key), attributes=facts) for key, facts in told]
    rows.sort(key=lambda entry: (entry.key.pseudonym, entry.key.text))
    return [pb.Observation(inventory=pb.Inventory(kind=kind, as_of_ms=as_of_ms, complete=True, entries=rows))]


def _as_of(entry: Entry, kind: str, as_of_ms: int) -> Entry:
    """Some accounts log in every day, so that no two lists of them are alike."""
    if kind != "account" or not entry.attributes.get("enabled"):
        return entry
    return replace(entry, attributes={**entry.attributes, "last_login": as_of_ms - HOUR_MS})


def identity_told(kind: str, key: str | int) -> pb.Identity:
    """As text where the kind has such keys; a whole number is short for a pseudonym."""
    if KINDS[kind].key is None:
        return pb.Identity(text=str(key))
    return pb.Identity(pseudonym=_pseudonym(key) if isinstance(key, int) else hashlib.sha256(key.encode()).digest())


def _pseudonym(short: int) -> bytes:
    return short.to_bytes(8, "big") + bytes(24)


def attributes_told(kind: str, facts: Mapping[str, AttributeValue]) -> list[pb.Attribute]:
    """Sorted by name; a label that the kind demands and nobody told is "acd"."""
    declared = KINDS[kind].attributes
    demanded = {name: "acd" for name, one in declared.items() if one.type is Type.TEXT and not one.optional}
    told = {**demanded, **facts}
    return [
        pb.Attribute(name=name, value=_value(declared[name].type, told[name]))
        for name in sorted(told)
        if name in declared
    ]


def _value(type_: Type, value: AttributeValue) -> pb.Value:
    match type_:
        case Type.FLAG:
            return pb.Value(flag=bool(value))
        case Type.WHOLE:
            return pb.Value(whole=int(str(value)))
        case Type.NUMBER:
            return pb.Value(number=float(str(value)))
        case Type.TIME:
            return pb.Value(time_ms=int(str(value)))
        case Type.PSEUDONYM:
            return pb.Value(pseudonym=_pseudonym(int(str(value))))
        case Type.WORDS:
            return pb.Value(words=pb.Words(word=value if isinstance(value, tuple) else (str(value),)))
        case _:
            return pb.Value(text=str(value))
