"""SIP's question whether somebody is there, and its answer: RFC 3261, section 11. Pure.

>>> parse_answer(b"SIP/2.0 200 OK\\r\\nCall-ID: a\\r\\nCSeq: 1 OPTIONS\\r\\n\\r\\n")
Answer(status=200, call_id='a', cseq='1 OPTIONS')
"""

import re
from dataclasses import dataclass
from typing import Final

from ccmm_proto.errors import Malformed

MESSAGE_BYTES: Final = 64 * 1024
CSEQ: Final = "1 OPTIONS"
_STATUS = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: |$)", re.IGNORECASE)
_SHORT: Final = {"i": "call-id", "l": "content-length"}  # compact forms, section 7.3.3


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, without what does not matter here."""

    status: int
    call_id: str
    cseq: str

    @property
    def is_final(self) -> bool:
        return self.status >= 200

    @property
    def is_alive(self) -> bool:
        """It answers for itself: also by refusing us. Not: a time-out behind it, a server error, nobody anywhere."""
        return (self.status < 500 and self.status != 408) or self.status == 501


def format_options(host: str, port: int, local: tuple[str, int], transport: str, call_id: str) -> bytes:
    """`transport` UDP or TCP, `local` our end. `call_id` is random, letters and figures."""
    here = f"{_literal(local[0])}:{local[1]}"
    lines = (
        f"OPTIONS sip:{_literal(host)}:{port};transport={transport.lower()} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};branch=z9hG4bK{call_id};rport",
        "Max-Forwards: 70",
        f"From: <sip:probe@{here}>;tag={call_id[:8]}",
        f"To: <sip:{_literal(host)}>",
        f"Call-ID: {call_id}",
        f"CSeq: {CSEQ}",
        f"Contact: <sip:probe@{here};transport={transport.lower()}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def parse_answer(message: bytes) -> Answer:
    """From a whole response, with or without its body. Raises Malformed."""
    head = _head(message)
    lines = head.decode("utf-8", "replace").split("\r\n")
    status = _STATUS.match(lines[0])
    if status is None:
        raise Malformed("what is no SIP response")
    fields = _fields(lines[1:])
    return Answer(int(status[1]), fields.get("call-id", ""), " ".join(fields.get("cseq", "").upper().split()))


def cut_message(received: bytes) -> tuple[bytes, bytes] | None:
    """The first whole message of a stream and what follows it; None where it is not whole yet. Raises Malformed."""
    if len(received) > MESSAGE_BYTES:
        raise Malformed("a message that is too long")
    received = received.lstrip(b"\r\n")  # keep-alives
    at = received.find(b"\r\n\r\n")
    if at < 0:
        return None
    fields = _fields(received[:at].decode("utf-8", "replace").split("\r\n")[1:])
    length = fields.get("content-length", "0")
    if re.fullmatch(r"[0-9]{1,6}", length) is None:
        raise Malformed("a message without length")
    end = at + 4 + int(length)
    return None if len(received) < end else (received[:end], received[end:])


def _head(message: bytes) -> bytes:
    if len(message) > MESSAGE_BYTES:
        raise Malformed("a message that is too long")
    head, end, _ = message.partition(b"\r\n\r\n")
    if not end:
        raise Malformed("a message without end")
    return head


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        found.setdefault(_SHORT.get(name, name), value.strip())
    return found


def _literal(host: str) -> str:
    return f"[{host}]" if ":" in host else host
