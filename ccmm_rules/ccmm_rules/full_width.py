"""Punctuation as a Chinese keyboard types it, where YAML and expressions want the plain one.

>>> [(at, wide, plain) for at, wide, plain in wide_in("{a: 1，b: '甲，乙'}")]
[(5, '，', ',')]
"""

from collections.abc import Iterator

_PLAIN = {"“": '"', "”": '"', "‘": "'", "’": "'", "、": ",", "。": ".", "【": "[", "】": "]", "《": "<", "》": ">"}
_FIRST, _LAST, _SHIFT = 0xFF01, 0xFF5E, 0xFEE0  # the full-width forms of all of ASCII that is seen


def wide_in(line: str) -> Iterator[tuple[int, str, str]]:
    """(place from 0, character, what it should be) outside of quotes, where it can only be a slip."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in ("'", '"'):
            quote = character
        elif _FIRST <= ord(character) <= _LAST and not character.isalnum():
            yield at, character, chr(ord(character) - _SHIFT)
        elif character in _PLAIN:
            yield at, character, _PLAIN[character]


def told(wide: str, plain: str) -> tuple[str, str]:
    """(message, mend) of one such character."""
    return f"the full-width {wide} stands here", f"it must be {plain}"
