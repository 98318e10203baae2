"""Clear text becomes pseudonyms: here and nowhere else (FORMATS §8).

    observations = redact(reading.observations, PseudonymKey(secret))

Keys, attributes, dimensions and roll columns that `ccmm_proto.kinds` and `.measures` call pseudonymous are replaced,
and those names wherever a clear key repeats them;
whatever is not declared, or would still be clear, raises Malformed: nothing leaves the house by a plugin's mistake.
"""

import re
from collections.abc import Iterable

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS, Kind, Sort, Type
from ccmm_proto.measures import MEASURES
from ccmm_proto.pseudonym import PseudonymKey, normalise, short
from ccmm_proto.shape import MAX_REASON, check_observations
from ccmm_proto.v1 import statement_pb2 as pb


def redact(observations: Iterable[pb.Observation], key: PseudonymKey) -> list[pb.Observation]:
    """Copies without clear text in pseudonymous places, sorted by key; raises Malformed. The given ones stay."""
    redaction = _Redaction(key)
    redacted = [redaction.observation(observation) for observation in observations]
    check_observations(redacted, clear=False)
    return redacted


class _Redaction:
    """One pass; remembers the pseudonyms it made, because a person stands in many rows."""

    def __init__(self, key: PseudonymKey) -> None:
        self._key = key
        self._made: dict[tuple[Sort, str], bytes] = {}

    def observation(self, clear: pb.Observation) -> pb.Observation:
        built = pb.Observation()
        built.CopyFrom(clear)
        built.DiscardUnknownFields()
        check_observations([built], clear=True)
        match built.WhichOneof("fact"):
            case "measure":
                self._measure(built.measure)
            case "inventory":
                self._inventory(built.inventory)
            case "occurrence":
                kind = KINDS[built.occurrence.kind]
                self._identity(kind, built.occurrence.id, built.occurrence.attributes)
                self._attributes(kind, built.occurrence.attributes)
            case "document":
                self._paper(KINDS["document"], built.document)
            case "attestation":
                self._paper(KINDS["attestation"], built.attestation)
            case "roll":
                self._roll(built.roll)
        return built

    def _measure(self, measure: pb.Measure) -> None:
        _check_reason(measure.id, measure.revision_reason)
        sorts = MEASURES[measure.id].dimensions
        for dimension in measure.dimensions:
            if (sort := sorts[dimension.name]) is not None:
                dimension.pseudonym = self._needed(f"{measure.id}.{dimension.name}", sort, dimension.text)

    def _inventory(self, inventory: pb.Inventory) -> None:
        kind = KINDS[inventory.kind]
        for entry in inventory.entries:
            self._identity(kind, entry.key, entry.attributes)
            self._attributes(kind, entry.attributes)
        entries = sorted(inventory.entries, key=lambda entry: (entry.key.pseudonym, entry.key.text))
        keys = {(entry.key.pseudonym, entry.key.text) for entry in entries}
        if len(keys) != len(entries):
            raise Malformed(f"inventory {kind.name}: two keys are one and the same after normalisation")
        del inventory.entries[:]
        inventory.entries.extend(entries)

    def _paper(self, kind: Kind, paper: pb.Document | pb.Attestation) -> None:
        paper.id = self._label(kind, paper.id, paper.attributes)
        self._attributes(kind, paper.attributes)

    def _identity(self, kind: Kind, identity: pb.Identity, attributes: Iterable[pb.Attribute]) -> None:
        if kind.key is not None:
            identity.pseudonym = self._needed(f"{kind.name} key", kind.key, identity.text)
        else:
            identity.text = self._label(kind, identity.text, attributes)

    def _label(self, kind: Kind, label: str, attributes: Iterable[pb.Attribute]) -> str:
        """A clear key, with a pseudonym for whoever the fact itself calls by one: `10023|course` names a person.

        `attributes` are still clear.
        """
        for attribute in attributes:
            sort, clear = kind.attributes[attribute.name].sort, attribute.value.text.strip()
            if sort is None or clear.casefold() not in label.casefold():
                continue
            if (pseudonym := self._pseudonym(sort, clear)) is not None:
                whole_word = rf"(?<!\w){re.escape(clear)}(?!\w)"
                label = re.sub(whole_word, pseudonym[:8].hex(), label, flags=re.IGNORECASE)
        return label

    def _attributes(self, kind: Kind, attributes: "RepeatedCompositeFieldContainer[pb.Attribute]") -> None:
        """Pseudonyms in place; one that is empty after normalisation names nobody and is left out."""
        kept = []
        for attribute in attributes:
            declared = kind.attributes[attribute.name]
            if declared.sort is not None:
                pseudonym = self._pseudonym(declared.sort, attribute.value.text)
                if pseudonym is None and declared.optional:
                    continue
                where = f"{kind.name}.{attribute.name}"
                attribute.value.pseudonym = self._needed(where, declared.sort, attribute.value.text)
            kept.append(attribute)
        kept.sort(key=lambda attribute: attribute.name)
        del attributes[:]
        attributes.extend(kept)

    def _roll(self, roll: pb.Roll) -> None:
        kind = KINDS[roll.kind]
        _check_reason(roll.kind, roll.revision_reason)
        if kind.key is None:
            raise Malformed(f"roll {roll.kind}: its key is no pseudonym")
        keys = [short(self._needed(f"roll {roll.kind} key", kind.key, clear)) for clear in roll.clear_key]
        starts = list(roll.start_s)
        order = sorted(range(len(keys)), key=lambda row: (keys[row], starts[row]))
        del roll.clear_key[:], roll.start_s[:]
        roll.key.extend(keys[row] for row in order)
        roll.start_s.extend(starts[row] for row in order)
        for column in roll.columns:
            declared = kind.attributes[column.name]
            if declared.type is Type.PSEUDONYM and declared.sort is not None:
                cells = [self._pseudonym(declared.sort, clear) for clear in column.clear]
                del column.clear[:]
                column.pseudonym.extend(0 if (cell := cells[row]) is None else short(cell) for row in order)
            else:
                numbers = list(column.number)
                del column.number[:]
                column.number.extend(numbers[row] for row in order)

    def _needed(self, where: str, sort: Sort, text: str) -> bytes:
        pseudonym = self._pseudonym(sort, text)
        if pseudonym is None:
            raise Malformed(f"{where}: nothing is left of it after normalisation")
        return pseudonym

    def _pseudonym(self, sort: Sort, text: str) -> bytes | None:
        """None where nothing is left to name anybody."""
        known = self._made.get((sort, text))
        if known is None and normalise(sort, text):
            known = self._made[sort, text] = self._key.pseudonym(sort, text)
        return known


def _check_reason(where: str, reason: str) -> None:
    if len(reason) > MAX_REASON:
        raise Malformed(f"{where}: a revision's reason has at most {MAX_REASON} characters")
