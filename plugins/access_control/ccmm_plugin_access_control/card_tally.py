"""Counts of one item's text, which may be longer than memory should hold: it is cut where no number can stand. Pure."""

import re
from collections import deque
from dataclasses import dataclass, fields
from typing import Self

from ccmm_plugin_access_control.card_codes import count_codes, has_code_word
from ccmm_plugin_access_control.card_numbers import DIGIT, TURN, Numbers, is_gap, lowered

PART = 1 << 18  # characters that are looked at together
MOST_PART = 1 << 22  # more without a place to cut is digits and nothing else
_QUIET = re.compile(f"[^{DIGIT[1:-1]}]++")
_ENOUGH_QUIET = 256  # characters: longer than a gap in a number, or the way from a word to its code
_TAIL = 1 << 14  # characters at the end in which a place to cut is looked for
_STAMP = re.compile(  # times at the heads of lines: subtitles, transcripts, chats
    r"^(?:[0-9]{1,6}\r?\n)?[ \t]*[\[(]?(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}[ T])?[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?:[.,][0-9]{1,6})?[\])]?(?:[ \t]*-->[ \t]*[0-9:.,]{5,14})?",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """How many: card numbers, security codes; and of what is not counted with them."""

    cards: int = 0
    codes: int = 0
    tests: int = 0
    allowed: int = 0
    aside: int = 0

    def __add__(self, other: Self) -> "Found":
        return Found(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def is_something(self) -> bool:
        return bool(self.cards or self.codes)


NAMES = tuple(field.name for field in fields(Found))
NOTHING = Found()


class Tally:
    """Adds up what stands in a text that comes in pieces."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._pieces: list[str] = []
        self._size = 0
        self._enough = PART
        self._found = NOTHING

    def add(self, text: str) -> None:
        """The next piece, which follows the last one directly."""
        self._pieces.append(text)
        self._size += len(text)
        if self._size >= self._enough:
            self._cut()

    def found(self) -> Found:
        """Of all that was added; the tally is empty then."""
        found = self._found + self._count("".join(self._pieces))
        self._pieces, self._size, self._enough, self._found = [], 0, PART, NOTHING
        return found

    def _cut(self) -> None:
        text = "".join(self._pieces)
        at = _quiet_place(text)
        if at is None and len(text) < MOST_PART:
            self._enough = 2 * len(text)
            return
        at = len(text) if at is None else at
        self._found += self._count(text[:at])
        self._pieces, self._size, self._enough = [text[at:]], len(text) - at, PART + len(text) - at

    def _count(self, text: str) -> Found:
        plain = lowered(_STAMP.sub(TURN, text))
        numbers = self._numbers.count(plain)
        return Found(numbers.cards, count_codes(plain), numbers.tests, numbers.allowed, numbers.aside)


def _quiet_place(text: str) -> int | None:
    """The middle of the last long stretch without digits; else the end of a line between two numbers; else None."""
    begin = max(0, len(text) - _TAIL)
    last = deque((found for found in _QUIET.finditer(text, begin) if len(found[0]) >= _ENOUGH_QUIET), maxlen=1)
    if last:
        return (last[0].start() + last[0].end()) // 2
    at = text.rfind("\n", begin, len(text) - _ENOUGH_QUIET)
    while at >= begin + _ENOUGH_QUIET:
        around = lowered(text[at - _ENOUGH_QUIET : at]), lowered(text[at : at + _ENOUGH_QUIET])
        if not is_gap(*around) and not has_code_word(around[0]):
            return at
        at = text.rfind("\n", begin, at)
    return None
