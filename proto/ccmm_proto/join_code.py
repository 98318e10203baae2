"""The join code: everything an agent needs to find and believe its collector, as one line to paste."""

import base64
import binascii

from google.protobuf.message import DecodeError

from ccmm_proto.errors import Malformed
from ccmm_proto.v1.service_pb2 import JoinCode

PREFIX = "ccmm1-"
MAX_CHARS = 1000


def format_join_code(code: JoinCode) -> str:
    """`ccmm1-` and base64url without padding."""
    return PREFIX + base64.urlsafe_b64encode(code.SerializeToString(deterministic=True)).decode().rstrip("=")


def parse_join_code(text: str) -> JoinCode:
    """The code that `ccmm-collector invite` printed; raises Malformed."""
    text = "".join(text.split())
    if not text.startswith(PREFIX) or len(text) > MAX_CHARS or not text.isascii():
        raise Malformed(f"a join code is one line that starts with {PREFIX}: paste all of it")
    body = text.removeprefix(PREFIX)
    code = JoinCode()
    try:
        code.ParseFromString(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
    except (DecodeError, binascii.Error) as error:
        raise Malformed("the join code is damaged: paste all of it, or ask for a new one") from error
    if not (code.host and 0 < code.port < 65536 and len(code.certificate_sha256) == 32 and code.token):
        raise Malformed("the join code is not complete: ask for a new one")
    return code
