"""The network protocol of Network UPS Tools: lines of words, text in quotes. Pure.

>>> parse_line(b'VAR floor ups.status "OL CHRG"')
('VAR', 'floor', 'ups.status', 'OL CHRG')

https://networkupstools.org/docs/developer-guide.chunked/net-protocol.html
"""

import re
from collections.abc import Sequence
from typing import Final

from ccmm_proto.errors import Malformed

LINE_BYTES: Final = 4096  # upsd itself sends less than 1 KiB
LINES: Final = 5000  # of one list
_WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


def parse_line(line: bytes) -> tuple[str, ...]:
    """The words of a line without its end, quotes and backslashes undone. Raises Malformed."""
    if len(line) > LINE_BYTES:
        raise Malformed("a line that is too long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")  # descriptions that people typed; names and figures are ASCII
    text = text.strip(" \t\r")
    words: list[str] = []
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise Malformed("a line with open quotes")
        words.append(found[2] if found[1] is None else re.sub(r"\\(.)", r"\1", found[1]))
        at = found.end()
    if not words:
        raise Malformed("an empty line")
    return tuple(words)


def format_line(*words: str) -> bytes:
    """One line, quoted where a word needs it. Raises ValueError for what would begin a line of its own."""
    return " ".join(map(_quoted, words)).encode() + b"\n"


def parse_pairs(what: Sequence[str], lines: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """Lines of a list `VAR floor` as name → value. Raises Malformed where one is of another list, or stands twice."""
    found: dict[str, str] = {}
    for line in lines:
        if len(line) != len(what) + 2 or line[: len(what)] != tuple(what):
            raise Malformed("a list with a line of another list")
        name, value = line[-2:]
        if name in found:
            raise Malformed("a list that names something twice")
        found[name] = value
    return found


def is_name(text: str) -> bool:
    """Whether upsd can have a UPS of this name."""
    return _NAME.fullmatch(text) is not None


def _quoted(word: str) -> str:
    if not word.isprintable():
        raise ValueError("a text that cannot be sent in one line")
    if word and not re.search(r'[\s"\\]', word):
        return word
    return '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'
