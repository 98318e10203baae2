"""What sources state, as plain values; a time is its milliseconds, as it is sent."""

from collections.abc import Iterable
from datetime import datetime

from ccmm_proto.v1.statement_pb2 import Entry, Observation, Occurrence


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def values_of(found: Entry | Occurrence) -> dict[str, object]:
    """Its attributes by name."""
    return {one.name: getattr(one.value, one.value.WhichOneof("value") or "") for one in found.attributes}


def entries(observations: Iterable[Observation], kind: str) -> dict[str, dict[str, object]]:
    """The inventory of this kind, the same in every batch: key -> attributes."""
    first, *others = [one.inventory for one in observations if one.inventory.kind == kind]
    assert all(other == first for other in others)
    return {entry.key.text: values_of(entry) for entry in first.entries}
