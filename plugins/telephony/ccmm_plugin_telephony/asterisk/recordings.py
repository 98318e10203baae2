"""What the name and the first bytes of a sound file say: the call, its length, whether there is sound in it."""

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ccmm_proto.errors import Malformed

HEADER_BYTES = 256  # enough for the chunks before the sound
EMPTY_WAV_BYTES = 44  # a header and no sound: MixMonitor leaves such files when a call ends before it is connected
MOST_TEXT = 200
GROUPS = ("call", "agent", "queue", "started")
_RAW_BYTES_PER_S = {".gsm": 1650.0, ".ulaw": 8000.0, ".alaw": 8000.0, ".sln": 16000.0, ".sln16": 32000.0}
_STARTED = ("%Y%m%dT%H%M%S", "%Y%m%d-%H%M%S", "%Y%m%d%H%M%S")  # with a Z behind it: UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """`length_s` is 0 and `playable` false where the file holds no sound."""

    length_s: float
    playable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What the pattern found in a file's name; None where it found nothing."""

    call: str | None = None
    agent: str | None = None
    queue: str | None = None
    started: datetime | None = None


def parse_name(stem: str, pattern: re.Pattern[str], zone: ZoneInfo) -> Name:
    """The named groups of a file's name without suffix. Raises Malformed where the pattern does not match.

    A start without Z is in `zone`. One that cannot be read is None: the call is known all the same.
    """
    match = pattern.fullmatch(stem)
    if match is None or not stem.isprintable():
        raise Malformed("name")
    found = {group: text for group, text in match.groupdict().items() if text}
    started = found.pop("started", None)
    texts = {group: text[:MOST_TEXT] for group, text in found.items() if group in GROUPS}
    return Name(**texts, started=_instant(started, zone) if started else None)


def parse_sound(suffix: str, header: bytes, size_bytes: int) -> Sound:
    """From the first bytes and the size, which is right even where the header was never finished. Raises Malformed."""
    if suffix in (".wav", ".wav49"):
        return _wav(header, size_bytes)
    rate = _RAW_BYTES_PER_S.get(suffix)
    if rate is None:
        raise Malformed("format")
    return Sound(length_s=size_bytes / rate, playable=size_bytes > 0)


def _wav(header: bytes, size_bytes: int) -> Sound:
    if size_bytes <= EMPTY_WAV_BYTES:
        return Sound(length_s=0.0, playable=False)
    if header[:4] != b"RIFF" or header[8:12] != b"WAVE":
        raise Malformed("wav")
    at, rate = 12, 0
    while at + 8 <= len(header):
        name, length = header[at : at + 4], struct.unpack_from("<I", header, at + 4)[0]
        if name == b"data":
            sound_bytes = max(0, size_bytes - at - 8)
            if rate <= 0:
                break
            return Sound(length_s=sound_bytes / rate, playable=sound_bytes > 0)
        if name == b"fmt " and at + 20 <= len(header):
            rate = struct.unpack_from("<I", header, at + 16)[0]
        at += 8 + length + length % 2
    raise Malformed("wav")


def _instant(text: str, zone: ZoneInfo) -> datetime | None:
    if text.isascii() and text.isdigit() and len(text) == 10:
        return datetime.fromtimestamp(int(text), UTC)
    bare, known = (text[:-1], ZoneInfo("UTC")) if text.endswith("Z") else (text, zone)
    for form in _STARTED:
        try:
            return datetime.strptime(bare, form).replace(tzinfo=known).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
