"""What sources state, as plain values."""

from collections.abc import Iterable
from datetime import UTC, datetime

from ccmm_proto.v1.statement_pb2 import Document, Entry, Observation, Occurrence


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def values_of(found: Entry | Occurrence) -> dict[str, object]:
    """Its attributes by name; a time is its milliseconds, as it is sent."""
    return {one.name: getattr(one.value, one.value.WhichOneof("value") or "") for one in found.attributes}


def attributes(found: Entry | Occurrence | Document) -> dict[str, object]:
    """Its attributes by name as a person reads them: times in UTC, words in a tuple."""
    told: dict[str, object] = {}
    for attribute in found.attributes:
        word = attribute.value.WhichOneof("value")
        assert word is not None
        value = getattr(attribute.value, word)
        if word == "time_ms":
            value = datetime.fromtimestamp(value / 1000, UTC)
        told[attribute.name] = tuple(value.word) if word == "words" else value
    return told


def entries(observations: Iterable[Observation], kind: str) -> dict[str, dict[str, object]]:
    """The inventory of this kind, the same in every batch: key -> attributes."""
    first, *others = [one.inventory for one in observations if one.inventory.kind == kind]
    assert all(other == first for other in others)
    return {entry.key.text: values_of(entry) for entry in first.entries}
