"""Waivers: a rule set aside for a time by two people, each signing the same request with a key of their own.

    request = new_request(log_id=log.log_id, center="north", rule="D-SEC-09", ...)
    envelopes = [approve(request, key) for key in two_keys]      # each at the approver's own machine
    log.append_act(granted(envelopes, approvers, log_id=log.log_id))
    waivers_of(rows)                                             # what rules see of it

The act carries names, keys and signatures, so that anybody can verify it who has the log and nothing else.
A waiver never reaches back: it counts from the act that grants it. It never makes a verdict `satisfied`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ccmm_proto.envelope import SIGNATURE_BYTES, WAIVER_TYPE, Opened, pae, parse_envelope, sign_envelope, verify_opened
from ccmm_proto.errors import BadConfig, BadSignature, Malformed
from ccmm_proto.period import DAY_MS, from_ms
from ccmm_proto.v1.service_pb2 import Act, Approval, WaiverGranted, WaiverRequest
from ccmm_proto.wire import parse_message
from ccmm_rules.evidence import Waiver

APPROVERS = 2  # at the least
LONGEST_DAYS = 366
LONGEST_REASON = 500
GRANTED, WITHDRAWN = "granted", "withdrawn"

Row = tuple[str, str, int, str, int, int, str, str, bytes]  # the columns of table `waiver`


def new_request(
    *, log_id: str, center: str, rule: str, from_ms: int, until_ms: int, reason: str, asked_ms: int
) -> bytes:
    """The bytes that the approvers sign; raises BadConfig."""
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise BadConfig(f"a waiver needs a reason of 1 to {LONGEST_REASON} characters")
    if not max(from_ms, asked_ms) < until_ms <= max(from_ms, asked_ms) + LONGEST_DAYS * DAY_MS:
        raise BadConfig(f"a waiver ends, at the latest {LONGEST_DAYS} days after it begins, and not in the past")
    request = WaiverRequest(
        log_id=log_id,
        center=center,
        rule=rule,
        from_ms=from_ms,
        until_ms=until_ms,
        reason=reason.strip(),
        asked_ms=asked_ms,
    )
    return request.SerializeToString(deterministic=True)


def words_of(request: bytes) -> str:
    """What an approver is about to sign, for people to read; raises Malformed for anything else than a request."""
    asked = parse_message(WaiverRequest, request)
    if not (asked.log_id and asked.center and asked.rule and asked.from_ms < asked.until_ms):
        raise Malformed("a request names log, center, rule and time")
    if asked.SerializeToString(deterministic=True) != request:
        raise Malformed("it says more than can be shown")
    begins, ends = (from_ms(instant).isoformat(timespec="seconds") for instant in (asked.from_ms, asked.until_ms))
    return f"{asked.center} {asked.rule}: {begins} - {ends}: {asked.reason} (log {asked.log_id})"


def approve(request: bytes, key: Ed25519PrivateKey) -> bytes:
    """A serialised Envelope: one approver's signature under the request."""
    return sign_envelope(WAIVER_TYPE, request, key)


def granted(envelopes: Sequence[bytes], approvers: Mapping[str, bytes], *, log_id: str, now_ms: int) -> Act:
    """The act that puts a waiver in force; `approvers`: public keys by name. Raises BadConfig."""
    opened = [_opened(envelope) for envelope in envelopes]
    if len({one.payload for one in opened}) != 1:
        raise BadConfig("these approvals are not all of one and the same request")
    request = parse_message(WaiverRequest, opened[0].payload)
    if request.log_id != log_id:
        raise BadConfig(f"this request was made for log {request.log_id}, not for {log_id}")
    if request.until_ms <= now_ms:
        raise BadConfig("the time that this waiver asks for is over; ask anew")
    approvals = {approval.approver: approval for one in opened for approval in [_approval(one, approvers)]}
    if len(approvals) < APPROVERS:
        raise BadConfig(
            f"a waiver needs {APPROVERS} different approvers; here: {', '.join(sorted(approvals)) or 'none'}"
        )
    found = [approvals[name] for name in sorted(approvals)]
    return Act(waiver_granted=WaiverGranted(request=opened[0].payload, approvals=found))


def _opened(envelope: bytes) -> Opened:
    try:
        opened = parse_envelope(envelope)
    except Malformed as error:
        raise BadConfig(f"this is no approval: {error}") from error
    if opened.payload_type != WAIVER_TYPE:
        raise BadConfig(f"this signature is for {opened.payload_type}, not for a waiver")
    return opened


def _approval(opened: Opened, approvers: Mapping[str, bytes]) -> Approval:
    """Whose signature this is; raises BadConfig where it is no registered approver's."""
    for name, key in sorted(approvers.items()):
        try:
            verify_opened(opened, Ed25519PublicKey.from_public_bytes(key))
        except BadSignature:
            continue
        return Approval(approver=name, key=key, signature=opened.signature)
    known = ", ".join(sorted(approvers)) or "none yet"
    raise BadConfig(f"signed by nobody in collector.toml [approvers]; known there: {known}")


def verify_granted(act: WaiverGranted, *, log_id: str) -> WaiverRequest:
    """The request, its approvals verified; raises BadSignature or Malformed. Needs nothing but the act and its log."""
    if len({bytes(one.key) for one in act.approvals}) < APPROVERS or len({one.approver for one in act.approvals}) < (
        APPROVERS
    ):
        raise BadSignature(f"a waiver needs {APPROVERS} different approvers")
    signed = pae(WAIVER_TYPE, act.request)
    digest = hashlib.sha256(signed).digest()
    for one in act.approvals:
        if len(one.key) != 32 or len(one.signature) != SIGNATURE_BYTES:
            raise Malformed("an approval has a key of 32 bytes and a signature of 64")
        opened = Opened(payload_type=WAIVER_TYPE, payload=act.request, signature=one.signature, keyid="", digest=digest)
        verify_opened(opened, Ed25519PublicKey.from_public_bytes(one.key))
    asked = parse_message(WaiverRequest, act.request)
    if asked.log_id != log_id:
        raise BadSignature(f"these approvals are for log {asked.log_id}, not for {log_id}")
    return asked


def rows_of_act(act: Act, log_index: int, *, log_id: str) -> list[Row]:
    """The rows of table `waiver` that an act gives; none where its approvals do not verify."""
    if act.WhichOneof("act") == "waiver_withdrawn":
        gone = act.waiver_withdrawn
        return [(gone.center, gone.rule, log_index, WITHDRAWN, act.at_ms, act.at_ms, "[]", gone.reason, b"")]
    try:
        asked = verify_granted(act.waiver_granted, log_id=log_id)
    except (BadSignature, Malformed):
        return []
    approvers = json.dumps(sorted(one.approver for one in act.waiver_granted.approvals), ensure_ascii=False)
    begins = max(asked.from_ms, act.at_ms)
    digest = digest_of(act.waiver_granted.request)
    return [(asked.center, asked.rule, log_index, GRANTED, begins, asked.until_ms, approvers, asked.reason, digest)]


def digest_of(request: bytes) -> bytes:
    """Names a request: each is granted once only."""
    return hashlib.sha256(request).digest()


def waivers_of(rows: Iterable[Row]) -> list[Waiver]:
    """The waivers of one center from its rows, oldest first; one that was withdrawn ends there.

    A request is good for one act: whoever repeats an act does not bring back what was withdrawn.
    """
    found: list[Waiver] = []
    granted_before: set[bytes] = set()
    for _, rule, log_index, act, begins, ends, approvers, reason, digest in rows:
        if act == WITHDRAWN:
            found = [_ended(one, ends, log_index) if one.rule == rule else one for one in found]
            continue
        if digest in granted_before:
            continue
        granted_before.add(digest)
        names = tuple(json.loads(approvers))
        found.append(
            Waiver(rule=rule, from_ms=begins, until_ms=ends, approvers=names, reason=reason, log_index=log_index)
        )
    return found


def _ended(waiver: Waiver, at_ms: int, log_index: int) -> Waiver:
    if waiver.until_ms <= at_ms:
        return waiver
    return replace(waiver, until_ms=at_ms, log_index=log_index)
