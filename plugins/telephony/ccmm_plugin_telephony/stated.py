"""What was stated of the slots that are read again, so that a slot is stated once and a change gets a revision."""

import hashlib
from collections.abc import Mapping

GREW = "hour_grew"
LATE = "finished_late"


class Stated:
    """Revision and digest by slot, as the cursor keeps them for the slots that the next read sees again."""

    def __init__(self, known: Mapping[str, tuple[int, str]]) -> None:
        self._before = dict(known)
        self._now: dict[str, tuple[int, str]] = {}

    def revision(self, slot: str, content: object, *, due: bool) -> int | None:
        """The revision to state `content` under, None where nothing changed.

        `due`: the slot's time was not vouched for before. Without a revision a slot of older time was stated as empty.
        """
        digest = hashlib.sha256(repr(content).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        known = self._before.get(slot)
        if known is not None and known[1] == digest:
            self._now[slot] = known
            return None
        number = known[0] + 1 if known is not None else 0 if due else 1
        self._now[slot] = (number, digest)
        return number

    def kept(self, from_ms: int) -> dict[str, tuple[int, str]]:
        """The slots at or after an instant; a slot's name ends with its start: `call/1795327200000`."""
        return {slot: entry for slot, entry in self._now.items() if int(slot.rsplit("/", 1)[1]) >= from_ms}
