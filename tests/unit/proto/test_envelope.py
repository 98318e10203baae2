import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ccmm_proto.envelope import STATEMENT_TYPE, parse_envelope, sign_envelope, verify_envelope
from ccmm_proto.errors import BadSignature, Malformed
from ccmm_proto.v1.statement_pb2 import Envelope, Signature

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))


@given(st.binary(max_size=300))
def test_parsing_undoes_signing(payload: bytes) -> None:
    opened = verify_envelope(sign_envelope(STATEMENT_TYPE, payload, KEY), KEY.public_key(), STATEMENT_TYPE)
    assert (opened.payload, opened.payload_type) == (payload, STATEMENT_TYPE)


@given(st.binary(max_size=300))
def test_only_malformed_escapes_the_parser(noise: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_envelope(noise)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_an_altered_byte_never_verifies_as_something_else(payload: bytes, pick: st.DataObject) -> None:
    envelope = bytearray(sign_envelope(STATEMENT_TYPE, payload, KEY))
    envelope[pick.draw(st.integers(0, len(envelope) - 1))] ^= pick.draw(st.integers(1, 255))
    try:
        opened = verify_envelope(bytes(envelope), KEY.public_key(), STATEMENT_TYPE)
    except (Malformed, BadSignature):
        return
    assert opened.payload == payload  # the byte stood outside what is signed: framing or the key id hint


def test_another_keyid_changes_neither_digest_nor_validity() -> None:
    one, two = (sign_envelope(STATEMENT_TYPE, b"x", KEY, keyid) for keyid in ("a", "b"))
    assert one != two
    assert parse_envelope(one).digest == parse_envelope(two).digest
    verify_envelope(two, KEY.public_key(), STATEMENT_TYPE)


def test_another_key_is_a_bad_signature() -> None:
    with pytest.raises(BadSignature):
        verify_envelope(sign_envelope(STATEMENT_TYPE, b"x", OTHER), KEY.public_key(), STATEMENT_TYPE)


def test_another_payload_type_is_malformed() -> None:
    with pytest.raises(Malformed, match="payload type"):
        verify_envelope(sign_envelope("text/plain", b"x", KEY), KEY.public_key(), STATEMENT_TYPE)


@pytest.mark.parametrize("count", [0, 2])
def test_an_envelope_has_exactly_one_signature(count: int) -> None:
    envelope = Envelope(payload=b"x", payload_type="t", signatures=[Signature(sig=bytes(64))] * count)
    with pytest.raises(Malformed, match="exactly one"):
        parse_envelope(envelope.SerializeToString())
