"""The manager interface's bytes ↔ messages: `Key: value` lines ended by CRLF, an empty line ends a message.

>>> format_action("Ping", {"ActionID": "1"})
b'Action: Ping\\r\\nActionID: 1\\r\\n\\r\\n'
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ccmm_proto.errors import Malformed

END = b"\r\n\r\n"
MESSAGE_BYTES = 256 * 1024
GREETING = b"Asterisk Call Manager/"
GREETING_BYTES = 200
_COMMAND = re.compile(r"^(.*)\(Priv: ([^)]*)\)$")


@dataclass(frozen=True, slots=True)
class Message:
    """A response or an event: its lines in order. A key may stand several times; the first counts."""

    lines: tuple[tuple[str, str], ...]

    def get(self, key: str, default: str = "") -> str:
        return next((value for name, value in self.lines if name == key), default)

    @property
    def is_error(self) -> bool:
        return self.get("Response") == "Error"


class Framer:
    """Cuts a stream of bytes into messages. Raises Malformed where one is longer than `MESSAGE_BYTES`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> Iterator[Message]:
        self._rest += received
        while (at := self._rest.find(END)) >= 0:
            block, self._rest = self._rest[:at], self._rest[at + len(END) :]
            if block.strip():
                yield parse_message(block)
        if len(self._rest) > MESSAGE_BYTES:
            raise Malformed("a message without end")


def parse_message(block: bytes) -> Message:
    """A message without its empty line. Raises Malformed where it is neither response nor event."""
    if len(block) > MESSAGE_BYTES:
        raise Malformed("a message that is too long")
    text = block.decode("utf-8", "replace")
    lines = tuple(_line(line) for line in text.split("\r\n") if line)
    if not lines or lines[0][0] not in ("Response", "Event"):
        raise Malformed("a message that is neither response nor event")
    return Message(lines)


def parse_greeting(line: bytes) -> str:
    """The version in the first line: `11.0.0`. Raises Malformed."""
    if not line.startswith(GREETING) or not line.endswith(b"\r\n"):
        raise Malformed("no greeting of a manager interface")
    version = line[len(GREETING) : -2].decode("ascii", "replace")
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}", version):
        raise Malformed("a greeting without version")
    return version


def parse_commands(response: Message) -> dict[str, frozenset[str]]:
    """Action → privilege classes of which one is needed, none for an action that everybody may send."""
    commands: dict[str, frozenset[str]] = {}
    for action, told in response.lines:
        found = _COMMAND.match(told)
        if found is not None:
            classes = (word.strip() for word in found[2].split(","))
            commands[action] = frozenset(word for word in classes if word and word != "<none>")
    return commands


def format_action(action: str, fields: Mapping[str, str]) -> bytes:
    """Raises ValueError for a field that would begin a line of its own."""
    lines = [("Action", action), *fields.items()]
    for key, value in lines:
        if not key.isalnum() or not value.isprintable():
            raise ValueError(f"field {key!r} cannot be sent in one line")
    return "".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n"


def _line(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    return (key.strip(), value.strip()) if colon else ("", line)
