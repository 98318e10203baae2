"""A fact in lines that people read: what `check` shows of what would leave.

Whole, but for times to the second, digests, and pseudonyms by their first four bytes: one person reads the same in
every fact.
"""

from collections.abc import Iterable, Iterator

from ccmm_agent.screen import iso
from ccmm_proto.kinds import KINDS, Type
from ccmm_proto.roll import rows_of
from ccmm_proto.v1.statement_pb2 import (
    Attestation,
    Attribute,
    Document,
    Identity,
    Inventory,
    Measure,
    Observation,
    Occurrence,
    Roll,
    Value,
)


def lines_of(observation: Observation) -> Iterator[str]:
    """One line for a fact; a list or a roll has one more for each of its rows."""
    match observation.WhichOneof("fact"):
        case "measure":
            yield _measure(observation.measure)
        case "inventory":
            yield from _inventory(observation.inventory)
        case "occurrence":
            yield _occurrence(observation.occurrence)
        case "document":
            yield _paper("document", observation.document)
        case "attestation":
            yield _paper("attestation", observation.attestation)
        case "roll":
            yield from _roll(observation.roll)


def _measure(measure: Measure) -> str:
    dimensions = ", ".join(
        f"{one.name}={pseudonym(one.pseudonym) if one.WhichOneof('value') == 'pseudonym' else one.text}"
        for one in measure.dimensions
    )
    span = f"{iso(measure.start_ms)} for {measure.period_s} s"
    more = f"{measure.unfinished} unfinished" if measure.unfinished else ""
    revised = f"revision {measure.revision} ({measure.revision_reason})" if measure.revision else ""
    return "; ".join(filter(None, (f"{measure.id} = {_amount(measure)}", span, dimensions, more, revised)))


def _amount(measure: Measure) -> str:
    match measure.WhichOneof("value"):
        case "count":
            return f"{measure.count}"
        case "sum":
            return f"{_number(measure.sum.total)} over {measure.sum.count}"
        case "histogram":
            steps = " ".join(map(str, measure.histogram.buckets))
            return f"{sum(measure.histogram.buckets)}, by length {steps}, {_number(measure.histogram.total)} s in all"
    gauge = measure.gauge
    return f"{_number(gauge.min)} to {_number(gauge.max)}, last {_number(gauge.last)}, of {gauge.count}"


def _inventory(inventory: Inventory) -> Iterator[str]:
    whole = "a whole list" if inventory.complete else "a list that is not whole"
    yield f"{inventory.kind}: {whole}, as of {iso(inventory.as_of_ms)}"
    for entry in inventory.entries:
        yield f"  {_identity(entry.key)}: {_attributes(entry.attributes) or '-'}"


def _occurrence(occurrence: Occurrence) -> str:
    ended = f" to {iso(occurrence.ended_ms)}" if occurrence.HasField("ended_ms") else ""
    told = f"{occurrence.kind} {_identity(occurrence.id)}; {iso(occurrence.started_ms)}{ended}"
    return "; ".join(filter(None, (told, _attributes(occurrence.attributes))))


def _paper(word: str, paper: Document | Attestation) -> str:
    told = f"{word} {paper.id}; SHA-256 {paper.sha256.hex()[:16]}..."
    return "; ".join(filter(None, (told, _attributes(paper.attributes))))


def _roll(roll: Roll) -> Iterator[str]:
    whole = "" if roll.complete else ", not whole"
    revised = f", revision {roll.revision} ({roll.revision_reason})" if roll.revision else ""
    yield f"{roll.kind}: rows of the hour from {iso(roll.hour_ms)}{whole}{revised}"
    types = KINDS[roll.kind].attributes
    for key, start_ms, values in rows_of(roll):
        told = ", ".join(
            f"{name}={_short(value) if types[name].type is Type.PSEUDONYM and isinstance(value, int) else _word(value)}"
            for name, value in values.items()
        )
        yield f"  {_short(key)} at {iso(start_ms)}: {told or '-'}"


def _attributes(attributes: Iterable[Attribute]) -> str:
    return ", ".join(f"{one.name}={_value(one.value)}" for one in attributes)


def _value(value: Value) -> str:
    match value.WhichOneof("value"):
        case "pseudonym":
            return pseudonym(value.pseudonym)
        case "time_ms":
            return iso(value.time_ms) or "1970-01-01T00:00:00Z"
        case "words":
            return " ".join(value.words.word)
        case "number":
            return _number(value.number)
        case "flag" | "whole" | "text" as kind:
            return _word(getattr(value, kind))
    return "-"


def _number(value: float) -> str:
    """All digits that a measured number has, none that a binary one adds."""
    return f"{value:.15g}"


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _identity(identity: Identity) -> str:
    return pseudonym(identity.pseudonym) if identity.WhichOneof("value") == "pseudonym" else identity.text


def pseudonym(value: bytes) -> str:
    """Its first four bytes."""
    return f"~{value[:4].hex()}"


def _short(value: int) -> str:
    """The same of a roll's, which has the first eight."""
    return pseudonym(value.to_bytes(8, "big"))
