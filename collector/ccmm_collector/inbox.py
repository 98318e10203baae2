"""What a stream has received and nobody has looked at yet: bounded by size, taken in handfuls."""

import asyncio
from collections import deque

HANDFUL = 64
ROOM_BYTES = 4 << 20


class Inbox:
    """One writer, one taker, both in the event loop."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._size_bytes = 0
        self._closed = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, message: bytes) -> None:
        """Add a message; waits while there is no room, so that the sender is held back by its own connection."""
        await self._room.wait()
        self._messages.append(message)
        self._size_bytes += len(message)
        if self._size_bytes >= ROOM_BYTES:
            self._room.clear()
        self._filled.set()

    def close(self) -> None:
        """Nothing comes any more."""
        self._closed = True
        self._filled.set()

    async def take(self) -> list[bytes]:
        """The oldest messages, at least one; empty once closed and taken."""
        await self._filled.wait()
        handful = [self._messages.popleft() for _ in range(min(HANDFUL, len(self._messages)))]
        self._size_bytes -= sum(map(len, handful))
        if not self._messages and not self._closed:
            self._filled.clear()
        self._room.set()
        return handful
