"""Are these observations of the declared shape? The agent asks before it signs, ingest before it counts."""

from collections.abc import Iterable, Sequence
from typing import Literal

from ccmm_proto.errors import Malformed
from ccmm_proto.histogram import BUCKETS
from ccmm_proto.kinds import KINDS, Attribute, Form, Kind, Type
from ccmm_proto.measures import MEASURES, Shape
from ccmm_proto.period import MAX_MS
from ccmm_proto.roll import MAX_TEXT, check_roll
from ccmm_proto.v1 import statement_pb2 as pb

MAX_REASON = 200  # characters of why there is a revision
MAX_COUNT = 2**53  # stores and JSON hold no larger whole number exactly
NEVER_NEGATIVE = frozenset(("s", "wk", "points"))  # units of what is added up: a sum below nothing would hide others
MAX_WORDS = 10_000
PSEUDONYM_BYTES = 32
SHA256_BYTES = 32
_VALUE_FIELD = {
    Type.FLAG: "flag",
    Type.WHOLE: "whole",
    Type.NUMBER: "number",
    Type.TEXT: "text",
    Type.TIME: "time_ms",
    Type.WORDS: "words",
    Type.PSEUDONYM: "pseudonym",
}
_SlotField = Literal["count", "sum", "histogram", "gauge"]
_SLOT_FIELD: dict[Shape, _SlotField] = {
    Shape.COUNT: "count",
    Shape.SUM: "sum",
    Shape.HISTOGRAM: "histogram",
    Shape.GAUGE: "gauge",
}
_DECLARED = {
    measure.id: (measure.period_s, measure.period_s * 1000, _SLOT_FIELD[measure.shape], measure.shape)
    for measure in MEASURES.values()
}


def check_observations(observations: Iterable[pb.Observation], *, clear: bool) -> None:
    """Raises Malformed at the first observation that is not of its declared shape.

    `clear`: the form between reader and agent, where pseudonymous places still hold text.
    """
    dimensions_checked: dict[str, object] = {}  # of the newest good measure of each id: neighbours mostly share them
    for observation in observations:
        if observation.HasField("measure"):
            measure = observation.measure
            id = measure.id
            _check_slot(measure, id)
            if (dimensions := measure.dimensions) and dimensions_checked.get(id) != dimensions:
                _check_dimensions(id, dimensions, clear=clear)
                dimensions_checked[id] = dimensions
        else:
            _check_other(observation, clear=clear)


def _check_other(observation: pb.Observation, *, clear: bool) -> None:
    fact = observation.WhichOneof("fact")
    if fact == "inventory":
        _check_inventory(observation.inventory, clear=clear)
    elif fact == "occurrence":
        _check_occurrence(observation.occurrence, clear=clear)
    elif fact == "roll":
        check_roll(observation.roll, clear=clear)
        _check_reason(f"roll {observation.roll.kind}", observation.roll.revision_reason)
    elif fact == "document":
        _check_paper(observation.document, KINDS["document"], clear=clear)
    elif fact == "attestation":
        _check_paper(observation.attestation, KINDS["attestation"], clear=clear)
    else:
        raise Malformed("an observation without a fact")


def _check_slot(measure: pb.Measure, id: str) -> None:
    """Id, slot and value of a measure. The hot path of ingest: one look at each field."""
    declared = _DECLARED.get(id)
    if declared is None:
        raise Malformed(f"no measure {id[:40]!r}")
    period_s, period_ms, field, shape = declared
    start_ms = measure.start_ms
    if measure.period_s != period_s or start_ms % period_ms or not 0 <= start_ms <= MAX_MS:
        raise Malformed(f"measure {id}: periods are {period_s} s long and start on their multiples")
    if not measure.HasField(field):
        raise Malformed(f"measure {id}: a {shape} is expected")
    if measure.count > MAX_COUNT or measure.unfinished > MAX_COUNT:
        raise Malformed(f"measure {id}: a count above {MAX_COUNT}")
    if measure.revision:
        _check_reason(id, measure.revision_reason)
    if shape is Shape.COUNT:
        return
    if shape is Shape.HISTOGRAM and len(measure.histogram.buckets) != BUCKETS:
        raise Malformed(f"measure {id}: {BUCKETS} buckets are expected")
    _check_numbers(measure)


def _check_numbers(measure: pb.Measure) -> None:
    if measure.HasField("gauge"):
        numbers: tuple[float, ...] = (measure.gauge.min, measure.gauge.max, measure.gauge.last)
    else:
        numbers = (measure.sum.total if measure.HasField("sum") else measure.histogram.total,)
    if any(not abs(number) <= MAX_COUNT for number in numbers):
        raise Malformed(f"measure {measure.id}: not a number, or one beyond {MAX_COUNT}")
    if numbers[0] < 0 and not measure.HasField("gauge") and MEASURES[measure.id].unit in NEVER_NEGATIVE:
        raise Malformed(f"measure {measure.id}: less than nothing")
    if max(measure.sum.count, measure.gauge.count, sum(measure.histogram.buckets)) > MAX_COUNT:
        raise Malformed(f"measure {measure.id}: a count above {MAX_COUNT}")


def _check_reason(where: str, reason: str) -> None:
    if len(reason) > MAX_REASON:
        raise Malformed(f"{where}: a revision's reason has at most {MAX_REASON} characters")


def _check_dimensions(id: str, dimensions: Sequence[pb.Dimension], *, clear: bool) -> None:
    declared = MEASURES[id].dimensions
    before = ""
    for dimension in dimensions:
        if dimension.name <= before:
            raise Malformed(f"measure {id}: dimensions are sorted by name, each once")
        before = dimension.name
        if dimension.name not in declared:
            raise Malformed(f"measure {id}: no dimension {dimension.name[:40]!r}")
        pseudonymous = declared[dimension.name] is not None and not clear
        _check_identity(f"measure {id}.{dimension.name}", dimension, pseudonymous=pseudonymous)


def _check_identity(where: str, value: pb.Identity | pb.Dimension, *, pseudonymous: bool) -> None:
    if value.WhichOneof("value") != ("pseudonym" if pseudonymous else "text"):
        raise Malformed(f"{where}: a {'pseudonym' if pseudonymous else 'text'} is expected")
    if pseudonymous and len(value.pseudonym) != PSEUDONYM_BYTES:
        raise Malformed(f"{where}: a pseudonym has {PSEUDONYM_BYTES} bytes")
    if not pseudonymous and not 0 < len(value.text) <= MAX_TEXT:
        raise Malformed(f"{where}: 1 to {MAX_TEXT} characters are expected")


def _kind(name: str, form: Form) -> Kind:
    kind = KINDS.get(name)
    if kind is None or kind.form is not form:
        raise Malformed(f"no {form} kind {name[:40]!r}")
    return kind


def _check_inventory(inventory: pb.Inventory, *, clear: bool) -> None:
    kind = _kind(inventory.kind, Form.INVENTORY)
    if not 0 <= inventory.as_of_ms <= MAX_MS:
        raise Malformed(f"inventory {kind.name}: as_of outside all calendars")
    for entry in inventory.entries:
        _check_identity(f"inventory {kind.name} key", entry.key, pseudonymous=kind.key is not None and not clear)
        _check_attributes(kind, entry.attributes, clear=clear)


def _check_occurrence(occurrence: pb.Occurrence, *, clear: bool) -> None:
    kind = _kind(occurrence.kind, Form.OCCURRENCE)
    _check_identity(f"occurrence {kind.name} id", occurrence.id, pseudonymous=kind.key is not None and not clear)
    if not 0 <= occurrence.started_ms <= MAX_MS:
        raise Malformed(f"occurrence {kind.name}: start outside all calendars")
    if occurrence.HasField("ended_ms") and not occurrence.started_ms <= occurrence.ended_ms <= MAX_MS:
        raise Malformed(f"occurrence {kind.name}: it ends before it starts")
    _check_attributes(kind, occurrence.attributes, clear=clear)


def _check_paper(paper: pb.Document | pb.Attestation, kind: Kind, *, clear: bool) -> None:
    if not 0 < len(paper.id) <= MAX_TEXT or len(paper.sha256) not in (0, SHA256_BYTES):
        raise Malformed(f"{kind.name}: an id and a SHA-256 (or none) are expected")
    _check_attributes(kind, paper.attributes, clear=clear)


def _check_attributes(kind: Kind, attributes: Iterable[pb.Attribute], *, clear: bool) -> None:
    seen = set()
    for attribute in attributes:
        declared = kind.attributes.get(attribute.name)
        if declared is None or attribute.name in seen:
            raise Malformed(f"{kind.name}: no attribute {attribute.name[:40]!r}, or it stands twice")
        seen.add(attribute.name)
        _check_value(f"{kind.name}.{attribute.name}", declared, attribute.value, clear=clear)
    for name, declared in kind.attributes.items():
        if not declared.optional and name not in seen:
            raise Malformed(f"{kind.name}: attribute {name!r} is missing")


def _check_value(where: str, declared: Attribute, value: pb.Value, *, clear: bool) -> None:
    expected = "text" if clear and declared.type is Type.PSEUDONYM else _VALUE_FIELD[declared.type]
    if value.WhichOneof("value") != expected:
        raise Malformed(f"{where}: a {expected} is expected")
    if expected == "pseudonym" and len(value.pseudonym) != PSEUDONYM_BYTES:
        raise Malformed(f"{where}: a pseudonym has {PSEUDONYM_BYTES} bytes")
    if expected == "number" and not abs(value.number) <= MAX_COUNT:
        raise Malformed(f"{where}: not a number, or one beyond {MAX_COUNT}")
    if expected == "time_ms" and not 0 <= value.time_ms <= MAX_MS:
        raise Malformed(f"{where}: a time outside all calendars")
    if expected == "text" and len(value.text) > MAX_TEXT:
        raise Malformed(f"{where}: more than {MAX_TEXT} characters")
    if expected == "words" and (len(value.words.word) > MAX_WORDS or any(len(w) > MAX_TEXT for w in value.words.word)):
        raise Malformed(f"{where}: more than {MAX_WORDS} words, or one of more than {MAX_TEXT} characters")
