"""10,000 random byte strings to each parser of bytes: only the declared errors come out."""

import random
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_agent.attest import parse_stated
from ccmm_agent.config import parse_config
from ccmm_agent.identity import parse_pseudonym_key
from ccmm_plugin_telephony.asterisk.cdr import parse_row
from ccmm_plugin_telephony.asterisk.queue_log import parse_line
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import CcmmError
from ccmm_proto.join_code import PREFIX, parse_join_code
from ccmm_proto.wire import parse_receipt, parse_statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
PARSERS: dict[str, Callable[[bytes], object]] = {
    "envelope": parse_envelope,
    "statement": parse_statement,
    "receipt": lambda noise: parse_receipt(noise, KEY),
    "join code": lambda noise: parse_join_code(PREFIX + noise.decode("latin-1")),
    "agent.toml": lambda noise: parse_config(noise, Path("agent.toml")),
    "attestations": lambda noise: parse_stated(noise, Path("attestations.json")),
    "pseudonym key": parse_pseudonym_key,
    "queue log line": parse_line,
    "CDR row": lambda noise: parse_row(noise, ZoneInfo("UTC")),
}


@pytest.mark.parametrize("name", PARSERS)
def test_ten_thousand_random_byte_strings_give_values_or_declared_errors(name: str) -> None:
    chance = random.Random(name)
    refused = 0
    for _ in range(10_000):
        try:
            PARSERS[name](chance.randbytes(chance.randrange(120)))
        except CcmmError:
            refused += 1
    assert refused > 9_000
