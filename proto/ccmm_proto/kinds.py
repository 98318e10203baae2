"""The shape of facts: every kind that may travel, its attributes, and who is pseudonymous in them.

>>> KINDS["account"].attributes["person"].sort
<Sort.PERSON: 'person'>

What a fact *means* (metrics, word lists, titles) is the rules' vocabulary; what it *looks like* both sides agree on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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
    roll: bool = False  # may travel packed by the hour; only flags, whole numbers, words and pseudonyms then


def _attribute(word: str) -> Attribute:
    """`time?` is an optional time; `@person` a pseudonym of that sort."""
    optional = word.endswith("?")
    bare = word.removesuffix("?")
    if bare.startswith("@"):
        return Attribute(type=Type.PSEUDONYM, optional=optional, sort=Sort(bare[1:]))
    return Attribute(type=Type(bare), optional=optional)


def _kind(name: str, form: Form, key: Sort | None, attributes: str, *, roll: bool = False) -> Kind:
    pairs = (part.split(":") for part in attributes.split())
    table = {attribute: _attribute(word) for attribute, word in pairs}
    return Kind(name=name, form=form, key=key, attributes=MappingProxyType(table), roll=roll)


_INVENTORIES = (
    _kind(
        "person",
        Form.INVENTORY,
        Sort.PERSON,
        "active:flag? post:text? agent:flag? team:text? project:text? site:text? employment:text? on_site:flag?"
        " access:flag? qualified:flag? certified:flag? certificate_until:time? joined:time? left:time?"
        " undertaking:time? screened:time? worked_days:whole? billed:flag? scorecard:flag?",
    ),
    _kind(
        "account",
        Form.INVENTORY,
        Sort.ACCOUNT,
        "system:text person:@person? project:text? enabled:flag? created:time? disabled:time? last_login:time?"
        " password_changed:time? privileged:flag? remote:flag? mfa:flag? shared:flag? service:flag?"
        " exception_until:time? customer_data:flag? groups:words? locked:flag?",
    ),
    _kind(
        "badge",
        Form.INVENTORY,
        Sort.BADGE,
        "person:@person? project:text? class:text? enabled:flag? disabled:time? zones:words?",
    ),
    _kind("setting", Form.INVENTORY, None, "system:text class:text? value:text? number:number? kpi:flag?"),
    _kind(
        "asset",
        Form.INVENTORY,
        None,
        "class:text? role:text? owner:text? support_end:time? seen:time? customer_data:flag? agent_pc:flag?"
        " mlps_grade:whole? filing:text? tested:time? retired:flag? has_disk:flag? serial:text? healthy:flag?"
        " standby_healthy:flag? standby_elsewhere:flag? standby_seen:time?",
    ),
    _kind(
        "device",
        Form.INVENTORY,
        None,
        "class:text? zone:text? home:flag? healthy:flag? malware_ok:flag? encrypted:flag? managed:flag? vpn:flag?"
        " usb_blocked:flag? lock_minutes:number? seen:time? signatures:time? critical_since:time?",
    ),
    _kind(
        "endpoint",
        Form.INVENTORY,
        None,
        "protocol:text? tls_minor:whole? encrypted:flag? encryption_required:flag? expires:time?",
    ),
    _kind(
        "holding",
        Form.INVENTORY,
        None,
        "class:text? source:text? project:text? client:text? copy:text? encrypted:flag? key_local:flag?"
        " protected:flag? legal_hold:flag? deletions_logged:flag? floor_days:whole? ceiling_days:whole?"
        " online_days:whole? kept_days:whole? deleted_age_days:whole? gap_share:number? began:time? oldest:time?"
        " newest:time? files:whole? size_bytes:whole? empty_files:whole?",
    ),
    _kind("article", Form.INVENTORY, None, "live:flag? owner:@person? changed:time? rechecked:time?"),
    _kind(
        "contract",
        Form.INVENTORY,
        None,
        "kind:text? party:text? project:text? in_force:flag? points:words? definitions:text? ended:time?",
    ),
    _kind(
        "register",
        Form.INVENTORY,
        None,
        "register:text class:text? owner:@person? person:@person? line:@number? ref:text? metrics:words? points:words?"
        " public:flag? complete:flag? duty:flag? outside_owner:flag? value:text? number:number? share:number?"
        " reviewed:time? verified:time? vacant:time?",
    ),
    _kind("alert_rule", Form.INVENTORY, None, "signal:text? live:flag? fired:time?"),
)

_OCCURRENCES = (
    _kind(
        "call",
        Form.OCCURRENCE,
        Sort.CALL,
        "system:text call:@call? number:@number? shown_number:@number? queue:text? agent:@person? direction:text?"
        " answered:flag? required:flag? talk:whole? wait:whole? released_by:text? node:text?",
        roll=True,
    ),
    _kind(
        "recording",
        Form.OCCURRENCE,
        Sort.CALL,
        "call:@call? agent:@person? queue:text? length:whole? playable:flag?",
        roll=True,
    ),
    _kind(
        "session",
        Form.OCCURRENCE,
        Sort.PERSON,
        "system:text account:@account? person:@person? place:text? site:text? project:text? lasted:whole?",
        roll=True,
    ),
    _kind(
        "passage",
        Form.OCCURRENCE,
        Sort.BADGE,
        "door:text? zone:text? person:@person? badge:@badge? badge_class:text? direction:text? result:text?"
        " controlled:flag? dedicated:flag? project:text?",
        roll=True,
    ),
    _kind(
        "mark",
        Form.OCCURRENCE,
        Sort.CONTACT,
        "mark:text call:@call? contact:@contact? customer:@customer? number:@number? agent:@person? queue:text?",
        roll=True,
    ),
    _kind(
        "contact",
        Form.OCCURRENCE,
        Sort.CONTACT,
        "contact:@contact? call:@call? customer:@customer? agent:@person? channel:text? topic:text? direction:text?",
        roll=True,
    ),
    _kind(
        "case",
        Form.OCCURRENCE,
        Sort.CASE,
        "case:@case? call:@call? contact:@contact? customer:@customer? number:@number? agent:@person? class:text?"
        " topic:text? origin:text? claim:text? ref:text? first_contact:flag? relabelled:flag?"
        " due:time? closed:time? due_moves:whole? bare_pauses:whole?",
    ),
    _kind(
        "sample",
        Form.OCCURRENCE,
        None,
        "class:text? subject:text? call:@call? agent:@person? channel:text? drawn:text? blind:flag? random:flag?"
        " passed:flag? hits:whole? score:number? possible:number? gap:number? band:text? project:text? critical:flag?"
        " similarity:number? all_scorers:flag?",
    ),
    _kind("consent", Form.OCCURRENCE, Sort.NUMBER, "number:@number scope:text"),
    _kind(
        "training",
        Form.OCCURRENCE,
        None,
        "course:text? person:@person? passed:flag? score:number? attempts:whole? hours:number?",
    ),
    _kind(
        "presence",
        Form.OCCURRENCE,
        None,
        "person:@person? badge:@badge? visitor:flag? host:@person? site:text? on_site:flag?",
    ),
    _kind(
        "alert",
        Form.OCCURRENCE,
        None,
        "signal:text? system:text? service:text? colour:text? class:text? person:@person? confirmed:flag?"
        " acked:time? acted:time?",
    ),
    _kind(
        "incident",
        Form.OCCURRENCE,
        None,
        "grade:text? class:text? service:text? reportable:flag? client_hours:number? rto_minutes:number?"
        " rpo_minutes:number? lost_minutes:number? detected:time? declared:time? told:time? restored:time?"
        " closed:time? authority:time? client_told:time? final:time? preserved:time?",
    ),
    _kind(
        "exercise",
        Form.OCCURRENCE,
        None,
        "class:text? risk:text? site:text? ref:text? announced:flag? passed:flag? loaded:flag? full:flag?"
        " share:number? minutes:number? seconds:number? seats_4h:number? seats_1h:number? rto_minutes:number?"
        " rpo_minutes:number? lost_minutes:number?",
    ),
    _kind("job", Form.OCCURRENCE, None, "class:text? copy:text? verified:flag? due:time?"),
    _kind(
        "change", Form.OCCURRENCE, None, "class:text? system:text? ref:text? approved:flag? tested:flag? entered:time?"
    ),
    _kind(
        "use",
        Form.OCCURRENCE,
        None,
        "action:text log:text? ref:text? user:@person? quality_staff:flag? case:@case? reason:text? ticket:text?"
        " number:whole? agreed:flag?",
    ),
    _kind(
        "review",
        Form.OCCURRENCE,
        None,
        "subject:text? class:text? ref:text? client:text? held_by:@person? person:@person? independent:flag?"
        " changes:whole? decisions:whole? points:words? follow_up:flag? shift:text? on_time:flag?",
    ),
    _kind(
        "action",
        Form.OCCURRENCE,
        None,
        "source:text? class:text? owner:@person? reopened:flag? cause:text? heading:text? due:time? closed:time?"
        " answered:time?",
    ),
    _kind(
        "project",
        Form.OCCURRENCE,
        None,
        "class:text? metric:text? claimed:number? method:flag? statistics:flag? control_group:flag? privacy_ok:flag?"
        " accepted:flag? consent:flag? prepared:words? held_days:whole? closed:time? live:time?"
        " decided:time? measure_set:time? first_review:time?",
    ),
    _kind("notice", Form.OCCURRENCE, None, "class:text? incident:text? exercise:text? share:number?"),
    _kind(
        "report",
        Form.OCCURRENCE,
        None,
        "class:text? name:text? subject:@person? client:text? metric:text? unit:text? owner:@person? explained:flag?"
        " value:number? quality_weight:number? untraced:whole? published:time? seen:time? archived:time?",
    ),
    _kind("refusal", Form.OCCURRENCE, None, "system:text account:@account? reason:text?"),
)

_PAPERS = (
    _kind(
        "document",
        Form.DOCUMENT,
        None,
        "class:text scope:text? title:text? version:text? owner:@person? approver:text? live:flag? independent:flag?"
        " topics:words? approved:time? reviewed:time? review_due:time? copy_checked:time? valid_from:time?"
        " valid_until:time? size_bytes:whole?",
    ),
    _kind(
        "attestation",
        Form.ATTESTATION,
        None,
        "class:text title:text? role:text? ref:text? independent:flag? author:@person? approver:@person? until:time?"
        " m2_per_seat:number? aisle_m:number? rest_area:flag? metric:text? subject_owner:@person?"
        " approved:time? definition:text? q10:number? q25:number? q50:number? q75:number? q90:number?",
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (*_INVENTORIES, *_OCCURRENCES, *_PAPERS)})
