"""DSSE v1 envelopes: what is signed, and what names it.

>>> from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
>>> key = Ed25519PrivateKey.generate()
>>> verify_envelope(sign_envelope("text/plain", b"hello", key), key.public_key(), "text/plain").payload
b'hello'

The envelope's own bytes are no identity, because DSSE's `keyid` is not signed: `Opened.digest` is.
Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import DecodeError

from ccmm_proto.errors import BadSignature, Malformed
from ccmm_proto.v1.statement_pb2 import Envelope, Signature

STATEMENT_TYPE = "application/vnd.ccmm.statement.v1+protobuf"
ACT_TYPE = "application/vnd.ccmm.act.v1+protobuf"
RECEIPT_TYPE = "application/vnd.ccmm.receipt.v1+protobuf"
ENROLL_TYPE = "application/vnd.ccmm.enroll.v1+protobuf"
RENEW_TYPE = "application/vnd.ccmm.renew.v1+protobuf"
PACK_TYPE = "application/vnd.ccmm.pack.v1+protobuf"
WAIVER_TYPE = "application/vnd.ccmm.waiver.v1+protobuf"

SIGNATURE_BYTES = 64
MAX_TYPE_BYTES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An envelope taken apart. Nothing about it is verified yet unless `verify_` returned it."""

    payload_type: str
    payload: bytes
    signature: bytes  # 64 bytes
    keyid: str  # a hint, never trusted
    digest: bytes  # SHA-256 of the PAE, 32 bytes: decides replay, fork and previous

    @property
    def pae(self) -> bytes:
        """The bytes under the signature."""
        return pae(self.payload_type, self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: "DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign_envelope(payload_type: str, payload: bytes, key: Ed25519PrivateKey, keyid: str = "") -> bytes:
    """A serialised Envelope with one signature."""
    signature = Signature(sig=key.sign(pae(payload_type, payload)), keyid=keyid)
    envelope = Envelope(payload=payload, payload_type=payload_type, signatures=[signature])
    return envelope.SerializeToString(deterministic=True)


def parse_envelope(data: bytes) -> Opened:
    """Take an envelope apart; raises Malformed."""
    envelope = Envelope()
    try:
        envelope.ParseFromString(data)
    except DecodeError as error:
        raise Malformed("not a DSSE envelope") from error
    if len(envelope.signatures) != 1 or len(envelope.signatures[0].sig) != SIGNATURE_BYTES:
        raise Malformed("an envelope carries exactly one signature of 64 bytes")
    if not 0 < len(envelope.payload_type) <= MAX_TYPE_BYTES:
        raise Malformed("an envelope names its payload type")
    return Opened(
        payload_type=envelope.payload_type,
        payload=envelope.payload,
        signature=envelope.signatures[0].sig,
        keyid=envelope.signatures[0].keyid,
        digest=hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest(),
    )


def verify_opened(opened: Opened, key: Ed25519PublicKey) -> Opened:
    """The same envelope, its signature verified; raises BadSignature."""
    try:
        key.verify(opened.signature, opened.pae)
    except InvalidSignature as error:
        raise BadSignature("the signature does not verify under the key given") from error
    return opened


def verify_envelope(data: bytes, key: Ed25519PublicKey, payload_type: str) -> Opened:
    """Parse, check the type, verify; raises Malformed or BadSignature."""
    opened = parse_envelope(data)
    if opened.payload_type != payload_type:
        raise Malformed(f"payload type {opened.payload_type!r} where {payload_type!r} is expected")
    return verify_opened(opened, key)
