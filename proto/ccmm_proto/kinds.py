"""The shape of facts: every kind that may travel, its attributes, and who is pseudonymous in them.

>>> KINDS["account"].attributes["person"].sort
<Sort.PERSON: 'person'>

What a fact *means* (metrics, word lists, titles) is the rules' vocabulary; what it *looks like* both sides agree on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from ccmm_proto import kind_table


class Sort(StrEnum):
    """Whose pseudonym it is. Pseudonyms of different sorts never compare."""

    PERSON = "person"
    ACCOUNT = "account"
    BADGE = "badge"
    NUMBER = "number"
    CALL = "call"
    CONTACT = "contact"
    CUSTOMER = "customer"
    CASE = "case"
    VISITOR = "visitor"


class Form(StrEnum):
    """How observations of a kind travel."""

    INVENTORY = "inventory"
    OCCURRENCE = "occurrence"
    DOCUMENT = "document"
    ATTESTATION = "attestation"


class Type(StrEnum):
    """Type of an attribute's value on the wire."""

    FLAG = "flag"
    WHOLE = "whole"
    NUMBER = "number"
    TEXT = "text"
    TIME = "time"
    WORDS = "words"
    PSEUDONYM = "pseudonym"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One typed attribute; `sort` is set exactly where the type is PSEUDONYM."""

    type: Type
    optional: bool = False
    sort: Sort | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of entry, occurrence, document or attestation. `key` is the sort of its key; None: a clear label."""

    name: str
    form: Form
    key: Sort | None
    attributes: Mapping[str, Attribute]
    roll: bool = False  # may travel packed by the hour


def _attribute(word: str) -> Attribute:
    optional = word.endswith("?")
    bare = word.removesuffix("?")
    if bare.startswith("@"):
        return Attribute(type=Type.PSEUDONYM, optional=optional, sort=Sort(bare[1:]))
    return Attribute(type=Type(bare), optional=optional)


def _kinds(form: Form, table: str, *, roll: bool = False) -> Iterator[Kind]:
    for paragraph in table.strip().split("\n\n"):
        head, _, words = paragraph.partition("\n")
        name, _, key = head.partition(" @")
        attributes = dict(word.split(":") for word in words.split())
        yield Kind(
            name=name,
            form=form,
            key=Sort(key) if key else None,
            attributes=MappingProxyType({attribute: _attribute(word) for attribute, word in attributes.items()}),
            roll=roll,
        )


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            *_kinds(Form.INVENTORY, kind_table.INVENTORIES),
            *_kinds(Form.OCCURRENCE, kind_table.ROLLED, roll=True),
            *_kinds(Form.OCCURRENCE, kind_table.OCCURRENCES),
            *_kinds(Form.DOCUMENT, kind_table.DOCUMENTS),
            *_kinds(Form.ATTESTATION, kind_table.ATTESTATIONS),
        )
    }
)
