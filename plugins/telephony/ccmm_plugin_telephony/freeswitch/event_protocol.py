"""The event socket's bytes ↔ messages: `Name: value` lines ended by LF, an empty line, then as many bytes as announced.

>>> [message] = Framer().feed(b"Content-Type: api/response\\nContent-Length: 3\\n\\n+OK")
>>> message.kind, message.body
('api/response', '+OK')
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ccmm_proto.errors import Malformed

HEAD_BYTES = 64 * 1024
BODY_BYTES = 32 * 1024 * 1024
_END = b"\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Headers by their name in lower case, the first of a name; and the body, empty where none was announced."""

    headers: Mapping[str, str]
    body: str = ""

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def reply(self) -> str:
        return self.headers.get("reply-text", "")


class Framer:
    """Cuts a stream of bytes into messages. Raises Malformed: no such message, or one that is too long."""

    def __init__(self) -> None:
        self._rest = b""
        self._head: Mapping[str, str] | None = None
        self._length = 0

    def feed(self, received: bytes) -> Iterator[Message]:
        self._rest += received
        while True:
            if self._head is None:
                block = self._take_head()
                if block is None:
                    return
                self._head = parse_headers(block)
                self._length = _length_of(self._head)
            if len(self._rest) < self._length:
                return
            body, self._rest = self._rest[: self._length], self._rest[self._length :]
            headers, self._head = self._head, None
            yield Message(headers=headers, body=body.decode("utf-8", "replace"))

    def _take_head(self) -> bytes | None:
        self._rest = self._rest.lstrip(b"\n")
        at = self._rest.find(_END)
        if (at < 0 and len(self._rest) > HEAD_BYTES) or at > HEAD_BYTES:
            raise Malformed("headers without end")
        if at < 0:
            return None
        block, self._rest = self._rest[:at], self._rest[at + len(_END) :]
        return block


def parse_headers(block: bytes) -> dict[str, str]:
    """The headers of one message. Raises Malformed where there is no content type."""
    headers: dict[str, str] = {}
    for line in block.decode("utf-8", "replace").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    if not headers.get("content-type"):
        raise Malformed("a message without content type")
    return headers


def parse_table(body: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a list with `|` between cells, a first line of names and a last line `+OK`; only wanted columns.

    A list without rows may have no names either. Raises Malformed: another end (the answer was cut), a missing column,
    or a row of another width, which a `|` inside a cell makes.
    """
    lines = body.rstrip("\n").split("\n")
    if lines.pop() != "+OK":
        raise Malformed("a list that does not end with +OK")
    if not lines:
        return []
    names = lines[0].split("|")
    if missing := [column for column in columns if column not in names]:
        raise Malformed(f"a list without the column {missing[0]}")
    rows: list[dict[str, str]] = []
    for line in lines[1:]:
        cells = line.split("|")
        if len(cells) != len(names):
            raise Malformed("a row of another width than the list")
        rows.append({name: cell for name, cell in zip(names, cells, strict=True) if name in columns})
    return rows


def format_line(*words: str) -> bytes:
    """Raises ValueError for what would begin a line of its own."""
    line = " ".join(words)
    if not line or not line.isprintable():
        raise ValueError("it cannot be sent in one line")
    return f"{line}\n\n".encode()


def _length_of(headers: Mapping[str, str]) -> int:
    told = headers.get("content-length", "0")
    if not (told.isascii() and told.isdigit() and len(told) <= 9) or int(told) > BODY_BYTES:
        raise Malformed("a message of an impossible length")
    return int(told)
