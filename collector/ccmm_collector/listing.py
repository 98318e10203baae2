"""The evidence log as JSON and as lines, for people who look."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format

from ccmm_collector import store
from ccmm_collector.log import EvidenceLog, LogEntry
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.service_pb2 import Act, ChainRaised
from ccmm_proto.v1.statement_pb2 import Isolation, Statement
from ccmm_proto.wire import parse_message

PAGE = 500


def entry_json(entry: LogEntry) -> dict[str, Any]:
    """What is known of one entry, without the envelope; an act is shown whole."""
    shown: dict[str, Any] = {
        "index": entry.index,
        "recorded": format_ms(entry.recorded_ms),
        "kind": entry.kind,
        "center": entry.center,
        "agent": entry.agent,
        "digest": entry.digest.hex(),
        "leaf": entry.leaf.hex(),
    }
    if entry.kind == "act":
        act = parse_message(Act, parse_envelope(entry.envelope).payload)
        return shown | {"act": json_format.MessageToDict(act, preserving_proto_field_name=True)}
    size_bytes = len(entry.envelope)
    place = {"epoch": entry.epoch, "sequence": entry.sequence, "created": format_ms(entry.created_ms)}
    said = parse_message(Statement, parse_envelope(entry.envelope).payload)
    isolation = Isolation.Name(said.isolation).removeprefix("ISOLATION_").lower()
    return shown | place | {"counted": entry.counted, "bytes": size_bytes, "isolation": isolation}


def entry_line(entry: LogEntry) -> str:
    """One line for a terminal."""
    head = f"{entry.index:>8}  {format_ms(entry.recorded_ms)}"
    if entry.kind == "act":
        act = parse_message(Act, parse_envelope(entry.envelope).payload)
        name = act.WhichOneof("act") or "act"
        raised = act.chain_raised
        what = f"  {ChainRaised.Kind.Name(raised.kind)} {raised.epoch}/{raised.sequence}" if raised.kind else ""
        return f"{head}  {name}  {entry.center} {entry.agent}".rstrip() + what
    aside = "" if entry.counted else "  NOT COUNTED"
    return f"{head}  statement  {entry.center} {entry.agent}  {entry.epoch}/{entry.sequence}{aside}"


def log_json(log: EvidenceLog, after: int, limit: int) -> Iterator[str]:
    """The pieces of one JSON document: however long the log, only a page of it is held."""
    reader = log.reader()
    head = {
        "log_id": log.log_id,
        "size": log.size(),
        "chains": [_plain(chain) for chain in store.chain_counts(reader)],
        "refusals": [_plain(refused) for refused in store.refusals(reader)],
    }
    yield json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}") + ',\n "entries": ['
    separator = "\n  "
    for entry in log_entries(log, after, limit):
        yield separator + json.dumps(entry_json(entry), ensure_ascii=False)
        separator = ",\n  "
    yield "\n ]\n}\n"


def log_entries(log: EvidenceLog, after: int, limit: int) -> Iterator[LogEntry]:
    """Entries with index > after, at most `limit`."""
    while limit > 0 and (page := log.entries(after, min(limit, PAGE))):
        yield from page
        after, limit = page[-1].index, limit - len(page)


def format_ms(ms: int) -> str:
    """RFC 3339, UTC; a number outside the calendar as it is."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"


def _plain(row: store.ChainCount | store.Refused) -> dict[str, Any]:
    times = ("last_ms", "last_recorded_ms")
    shown = {name: getattr(row, name) for name in row.__slots__}
    return {name.removesuffix("_ms"): format_ms(value) if name in times else value for name, value in shown.items()}


def refusal_lines(log: EvidenceLog) -> Iterator[str]:
    """What was refused, and how often."""
    for refused in store.refusals(log.reader()):
        whose = f"{refused.agent} of {refused.center}" if refused.agent else "at the door"
        yield f"refused {refused.count} x {refused.name}: {whose}, last {format_ms(refused.last_ms)}"
