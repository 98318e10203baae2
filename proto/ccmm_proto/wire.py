"""Bytes to messages, strictly: what is returned has been checked field by field, what is wrong raises Malformed."""

from collections.abc import Collection
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError, Message

from ccmm_proto.chain import SCHEMA
from ccmm_proto.envelope import RECEIPT_TYPE, sign_envelope, verify_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.period import MAX_MS
from ccmm_proto.reasons import Reason
from ccmm_proto.shape import MAX_COUNT, SHA256_BYTES, check_observations
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import EMPTY, MISSED, OBSERVED, SKIPPED, UNAVAILABLE, Run, Span, Statement

SPLIT_BYTES = 1 << 20  # agents split statements here
MAX_STATEMENT_BYTES = 4 << 20  # ingest refuses above, by name
MAX_MESSAGE_BYTES = 5 << 20  # the gRPC receive limit: above it the stream dies
MAX_NAME = 100
MAX_DETAIL = 500
MAX_PARTS = 10_000
MAX_RECEIPT_BYTES = 4096
MAX_NAMES = 1000  # feeds of a run, sources of a note
_REASONS = frozenset(reason.value for reason in Reason)

M = TypeVar("M", bound=Message)


def parse_message(cls: type[M], message: bytes) -> M:
    """Any message of ours; raises Malformed instead of protobuf's error."""
    parsed = cls()
    try:
        parsed.ParseFromString(message)
    except DecodeError as error:
        raise Malformed(f"not a {cls.__name__}") from error
    return parsed


def parse_statement(payload: bytes) -> Statement:
    """A statement with every field checked. One of another schema number is checked in its head fields only."""
    statement = parse_message(Statement, payload)
    for name, text in (("center", statement.center), ("agent", statement.agent)):
        if not 0 < len(text) <= MAX_NAME or not text.isprintable():
            raise Malformed(f"statement: {name} is 1 to {MAX_NAME} printable characters")
    if len(statement.previous) != 32 or not 0 < statement.created_ms <= MAX_MS or statement.sequence > MAX_COUNT:
        raise Malformed("statement: previous is 32 bytes, created a time, the sequence at most 2^53")
    if statement.schema != SCHEMA:
        return statement
    _check_origin(statement)
    if bool(statement.epoch and statement.sequence == 0) != statement.HasField("epoch_start"):
        raise Malformed("statement: an epoch above 0 opens with its reason, and nothing else does")
    body = statement.WhichOneof("body")
    if body == "run":
        check_run(statement.run, clear=False)
    elif body == "note":
        if not statement.note.kind or len(statement.note.detail) > MAX_DETAIL or not _are_names(statement.note.sources):
            raise Malformed("note: a kind and at most 500 characters are expected")
    else:
        raise Malformed("statement: neither a run nor a note")
    return statement


def _check_origin(statement: Statement) -> None:
    """Which software, configuration and clock, and why an epoch was opened."""
    software = (statement.agent_software, statement.plugin_software)
    words = [
        statement.clock.source,
        statement.clock.boot_id,
        *(word for one in software for word in (one.name, one.version)),
    ]
    digests = [statement.config_digest, *(one.digest for one in software)]
    if any(len(word) > MAX_NAME for word in words) or any(len(digest) not in (0, SHA256_BYTES) for digest in digests):
        raise Malformed(f"statement: words of at most {MAX_NAME} characters and digests of 32 bytes are expected")
    if len(statement.epoch_start.detail) > MAX_DETAIL or len(statement.epoch_start.last_receipt) > MAX_RECEIPT_BYTES:
        raise Malformed("statement: an epoch's reason has at most 500 characters and one receipt")


def check_run(run: Run, *, clear: bool) -> None:
    """A run's own fields and the shape of its observations; raises Malformed.

    `clear`: the form between reader and agent, where pseudonymous places still hold text.
    """
    for name, text in (("source", run.source), ("plugin", run.plugin), ("run_id", run.run_id)):
        if not 0 < len(text) <= MAX_NAME or not text.isprintable():
            raise Malformed(f"run: {name} is 1 to {MAX_NAME} printable characters")
    if not 1 <= run.part <= run.parts <= MAX_PARTS or len(run.detail) > MAX_DETAIL:
        raise Malformed("run: part 1..parts, and at most 500 characters of detail")
    if not all(0 <= at_ms <= MAX_MS for at_ms in (run.due_ms, run.started_ms, run.finished_ms)):
        raise Malformed("run: due, started and finished are times")
    if not _are_names(run.feeds) or len(run.pseudonym_key_id) > MAX_NAME:
        raise Malformed(f"run: at most {MAX_NAMES} feeds, and names of at most {MAX_NAME} characters")
    _check_outcome(run)
    check_observations(run.observations, clear=clear)


def _are_names(names: Collection[str]) -> bool:
    return len(names) <= MAX_NAMES and all(0 < len(name) <= MAX_NAME for name in names)


def _check_outcome(run: Run) -> None:
    looked = run.outcome in (OBSERVED, EMPTY)
    if looked == bool(run.reason) or (run.reason and run.reason not in _REASONS):
        raise Malformed("run: a reason of the list stands beside UNAVAILABLE, MISSED and SKIPPED, and only there")
    if run.outcome not in (OBSERVED, EMPTY, UNAVAILABLE, MISSED, SKIPPED):
        raise Malformed("run: no outcome")
    if run.HasField("covers") and not (looked and _is_span(run.covers)):
        raise Malformed("run: only OBSERVED and EMPTY vouch for a time, and it runs forward")
    if (run.outcome in (MISSED, SKIPPED)) != run.HasField("missed"):
        raise Malformed("run: MISSED and SKIPPED say which due times")
    missed = run.missed
    if run.HasField("missed") and not (0 <= missed.first_ms <= missed.last_ms <= MAX_MS and missed.count):
        raise Malformed("run: due times run forward, and are at least one")
    if run.outcome != OBSERVED and run.observations:
        raise Malformed("run: only an OBSERVED run carries observations")


def _is_span(span: Span) -> bool:
    return 0 <= span.from_ms <= span.to_ms <= MAX_MS


def sign_receipt(receipt: Receipt, key: Ed25519PrivateKey) -> bytes:
    """The collector's promise as a serialised Envelope."""
    return sign_envelope(RECEIPT_TYPE, receipt.SerializeToString(deterministic=True), key)


def parse_receipt(envelope: bytes, key: Ed25519PublicKey) -> Receipt:
    """A receipt whose signature verified; raises Malformed or BadSignature."""
    opened = verify_envelope(envelope, key, RECEIPT_TYPE)
    receipt = parse_message(Receipt, opened.payload)
    if len(receipt.digest) != 32 or not receipt.agent or not receipt.log_id:
        raise Malformed("receipt: agent, digest and log id are expected")
    return receipt
