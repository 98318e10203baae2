"""Entry times of a journal file of systemd-journald: header, arrays of entries, entries. Pure, over mapped bytes.

The format: https://systemd.io/JOURNAL_FILE_FORMAT/. Nothing of what an entry says is looked at.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ccmm_plugin_facilities.log_span import Span
from ccmm_proto.errors import Malformed

Content: TypeAlias = bytes | mmap.mmap
_SIGNATURE: Final = b"LPKSHHRH"
_HEADER: Final = struct.Struct("<8sIIB71xQ56xQQQQQQ")  # up to the time of the last entry
_OBJECT: Final = struct.Struct("<B7xQ")  # type, size
_ENTRY: Final = struct.Struct("<B7xQQQ")  # type, size, sequence, microseconds
_SEALED: Final = 1
_COMPACT: Final = 16
_KNOWN: Final = 31  # incompatible flags: xz, lz4, keyed hash, zstd, compact
_ENTRY_TYPE, _ARRAY_TYPE = 3, 6
_MOST: Final = 20_000_000  # entries of one file
_LATEST_US: Final = 4_102_444_800 * 10**6  # the year 2100
_PAUSE: Final = 50_000  # entries between two looks at the clock


def journal_span(content: Content, span: Span, since_s: float, go_on: Callable[[], None]) -> bool:
    """Adds its entries to the span; gives whether the file is sealed. Raises Malformed.

    Of a file that ends before `since_s` only its first and last entries are noted.
    """
    if len(content) < _HEADER.size or content[:8] != _SIGNATURE:
        raise Malformed("no header of a journal")
    _, compatible, incompatible, _, _, entries, _, _, array, first_us, last_us = _HEADER.unpack(content[: _HEADER.size])
    if incompatible & ~_KNOWN:
        raise Malformed(f"features that are not known here ({incompatible:#x})")
    if entries == 0:
        return bool(compatible & _SEALED)
    if entries > _MOST or not (0 < first_us < _LATEST_US and 0 < last_us < _LATEST_US):
        raise Malformed("a header without sense")
    span.note(first_us // 10**6)
    span.note(last_us // 10**6)
    if last_us >= since_s * 10**6:
        for at, second in enumerate(_seconds(content, array, entries, bool(incompatible & _COMPACT))):
            span.note(second)
            if at % _PAUSE == 0:
                go_on()
    return bool(compatible & _SEALED)


def _seconds(content: Content, array: int, entries: int, compact: bool) -> Iterator[int]:
    """Of each entry, in the order in which they were written. Raises Malformed where one is missing."""
    width, letter = (4, "I") if compact else (8, "Q")
    left, last = entries, 0
    while left and array:
        if array <= last:
            raise Malformed("arrays of entries that go round")
        kind, size = _unpacked(_OBJECT, content, array)
        if kind != _ARRAY_TYPE or size < 24:
            raise Malformed("something else than an array of entries")
        (following,) = struct.unpack_from("<Q", content, array + 16)
        n = min(left, (size - 24) // width)
        if array + 24 + n * width > len(content):
            raise Malformed("an array of entries that is cut off")
        for offset in struct.unpack_from(f"<{n}{letter}", content, array + 24):
            kind, _, _, microseconds = _unpacked(_ENTRY, content, offset)
            if kind != _ENTRY_TYPE or not 0 < microseconds < _LATEST_US:
                raise Malformed("something else than an entry")
            yield microseconds // 10**6
        left, last, array = left - n, array, following
    if left:
        raise Malformed("fewer entries than it says")


def _unpacked(shape: struct.Struct, content: Content, offset: int) -> tuple[int, ...]:
    if not 0 < offset <= len(content) - shape.size:
        raise Malformed("an object that is cut off")
    return shape.unpack_from(content, offset)
