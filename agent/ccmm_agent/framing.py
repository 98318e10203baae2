"""Length-prefixed frames on the reader's own pipe: 4 bytes big-endian, then so many bytes.

>>> frames = Frames(limit_bytes=100)
>>> frames.feed(frame(b"one") + b"\\x00\\x00"), frames.feed(b"\\x00\\x01x"), frames.is_torn
([b'one'], [b'x'], False)
"""

from ccmm_proto.errors import Malformed

HEAD_BYTES = 4


def frame(message: bytes) -> bytes:
    """The message with its length before it."""
    return len(message).to_bytes(HEAD_BYTES, "big") + message


class Frames:
    """Puts frames together from chunks of any size."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The frames that are whole now; raises Malformed for a length that is 0 or above the limit."""
        self._rest += chunk
        whole: list[bytes] = []
        at = 0
        while len(self._rest) - at >= HEAD_BYTES:
            length = int.from_bytes(self._rest[at : at + HEAD_BYTES], "big")
            if not 0 < length <= self._limit_bytes:
                raise Malformed(f"a frame of {length} bytes; 1 to {self._limit_bytes} are allowed")
            if len(self._rest) - at - HEAD_BYTES < length:
                break
            whole.append(bytes(self._rest[at + HEAD_BYTES : at + HEAD_BYTES + length]))
            at += HEAD_BYTES + length
        del self._rest[:at]
        return whole

    @property
    def is_torn(self) -> bool:
        """Whether bytes of an unfinished frame wait."""
        return bool(self._rest)


def parse_frames(stream: bytes, limit_bytes: int) -> list[bytes]:
    """All frames of a finished stream; raises Malformed where the last one is torn."""
    frames = Frames(limit_bytes)
    whole = frames.feed(stream)
    if frames.is_torn:
        raise Malformed("the last frame is torn")
    return whole
