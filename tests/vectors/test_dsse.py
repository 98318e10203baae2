"""Published DSSE vectors: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md#test-vectors"""

import base64

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ccmm_proto.envelope import pae, parse_envelope
from ccmm_proto.v1.statement_pb2 import Envelope, Signature

X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
SIGNATURE = "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
PAYLOAD_TYPE = "http://example.com/HelloWorld"


def test_the_published_pae_is_ours() -> None:
    assert pae(PAYLOAD_TYPE, b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_the_published_signature_verifies_over_our_pae() -> None:
    raw = base64.b64decode(SIGNATURE)
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    public.verify(signature, pae(PAYLOAD_TYPE, b"hello world"), ec.ECDSA(hashes.SHA256()))


def test_the_published_envelope_opens() -> None:
    raw = base64.b64decode(SIGNATURE)
    envelope = Envelope(payload=b"hello world", payload_type=PAYLOAD_TYPE, signatures=[Signature(sig=raw)])
    assert parse_envelope(envelope.SerializeToString()).payload == b"hello world"
