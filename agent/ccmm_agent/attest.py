"""Attestations: what a person at the center states, bound to a file's digest; the agent restates all in force.

They are the built-in source `attestations`: `attest` adds one and spools a run of it at once, and `run` restates them
on its schedule, so that an attestation that ended disappears from the newest run. The file itself never leaves.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccmm_agent import facts
from ccmm_agent.durable import write_atomically
from ccmm_agent.plugin import Observation
from ccmm_agent.reading import Reading
from ccmm_agent.software import agent_software
from ccmm_proto.errors import BadConfig
from ccmm_proto.kinds import KINDS, Type
from ccmm_proto.period import from_ms, to_ms
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import EMPTY, ISOLATION_UNSPECIFIED, OBSERVED

FILE = "attestations.json"
EVERY = "6h"
FEEDS = ("attestation",)
FIRST_LOOK = timedelta(seconds=1)  # what the first list vouches for before itself
VALUE = 90  # small and stated by hand: among the last to stop when the spool is full


Fact = str | float | bool
OWN = frozenset(("class", "title", "until"))  # stated by options of their own
SETTABLE = {name: one for name, one in KINDS["attestation"].attributes.items() if name not in OWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One attestation as it is kept in DIR/attestations.json."""

    kind: str
    title: str
    sha256: str  # of the file, hex
    stated_ms: int
    until_ms: int | None
    attributes: Mapping[str, Fact] = field(default_factory=dict)  # what the kind's rules ask for beside: numbers, flags

    def is_in_force(self, at: datetime) -> bool:
        """Before its end, where it has one."""
        return self.until_ms is None or to_ms(at) < self.until_ms


def digest_of_file(path: Path) -> str:
    """SHA-256, hex. Raises BadConfig where the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}") from error


def load_stated(folder: Path) -> tuple[Stated, ...]:
    """All attestations ever stated and not replaced. Raises BadConfig for a damaged file."""
    path = folder / FILE
    if not path.exists():
        return ()
    return parse_stated(path.read_bytes(), path)


def parse_stated(content: bytes, path: Path) -> tuple[Stated, ...]:
    """The attestations in the file's bytes; raises BadConfig."""
    try:
        stated = tuple(Stated(**table) for table in json.loads(content))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadConfig(f"{path}: expected the attestations as `ccmm-agent attest` writes them: {error}") from error
    for one in stated:
        if not isinstance(one.attributes, dict) or set(one.attributes) - set(SETTABLE):
            raise BadConfig(f"{path}: expected attributes among {', '.join(sorted(SETTABLE))}")
        texts = all(isinstance(text, str) for text in (one.kind, one.title, one.sha256))
        times = type(one.stated_ms) is int and (one.until_ms is None or type(one.until_ms) is int)
        if not texts or not times or len(one.sha256) != 64 or set(one.sha256) - set("0123456789abcdef"):
            raise BadConfig(f"{path}: expected kind, title and sha256 as texts, times as whole numbers")
    return stated


def state(folder: Path, new: Stated) -> None:
    """Keep a new attestation; one of the same kind and title is replaced. Durable when it returns.

    The caller holds `attestations_lock`. A crash before the run is spooled: the next run of `attestations` tells of it.
    """
    kept = [one for one in load_stated(folder) if (one.kind, one.title) != (new.kind, new.title)]
    content = json.dumps([asdict(one) for one in (*kept, new)], indent=2, ensure_ascii=False)
    write_atomically(folder / FILE, content.encode() + b"\n")


def read_attestations(folder: Path, *, cursor: bytes, now: datetime) -> Reading:
    """All that are in force, as a reading of the built-in source. The cursor is the end of the time vouched for."""
    try:
        found = [observation_of(one) for one in load_stated(folder) if one.is_in_force(now)]
    except (BadConfig, ValueError, OverflowError, OSError):
        told = f"{FILE} is damaged or may not be read: mend it, or move it away and attest again"
        return Reading(
            reason=Reason.UNREADABLE, detail=told, plugin_software=agent_software(), feeds=FEEDS, value=VALUE
        )
    since = from_ms(int(cursor)) if cursor.isdigit() else now
    return Reading(
        outcome=OBSERVED if found else EMPTY,
        reason="",
        detail="",
        covers=(min(since, now - FIRST_LOOK), now),
        cursor=str(to_ms(now)).encode(),
        more=False,
        observations=sorted(found, key=lambda observation: observation.attestation.id),
        isolation=ISOLATION_UNSPECIFIED,
        plugin_software=agent_software(),
        feeds=FEEDS,
        value=VALUE,
    )


def observation_of(stated: Stated) -> Observation:
    """The attestation as it leaves: kind, title, digest and end; of the file nothing else."""
    until = None if stated.until_ms is None else from_ms(stated.until_ms)
    return facts.attestation(
        f"{stated.kind}/{hashlib.sha256(stated.title.encode()).hexdigest()[:16]}",  # the same for its next version
        bytes.fromhex(stated.sha256),
        class_=stated.kind,
        title=stated.title,
        until=until,
        **{name: typed(name, value) for name, value in stated.attributes.items()},
    )


def parse_setting(text: str) -> tuple[str, Fact]:
    """`m2_per_seat=4.5` as (attribute, value of its type). Raises BadConfig."""
    name, _, value = text.partition("=")
    if name not in SETTABLE:
        raise BadConfig(f"--set {text}: expected NAME=VALUE with a name among {', '.join(sorted(SETTABLE))}")
    try:
        match SETTABLE[name].type:
            case Type.FLAG:
                return name, {"yes": True, "true": True, "no": False, "false": False}[value.lower()]
            case Type.NUMBER:
                return name, float(value)
            case Type.TIME:
                datetime.fromisoformat(value)
                return name, value
    except (KeyError, ValueError) as error:
        raise BadConfig(f"--set {text}: expected a {SETTABLE[name].type}") from error
    return name, value


def typed(name: str, value: Fact) -> object:
    """The value as the fact wants it: days are kept as text. Raises ValueError."""
    if SETTABLE[name].type is not Type.TIME:
        return value
    at = datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
