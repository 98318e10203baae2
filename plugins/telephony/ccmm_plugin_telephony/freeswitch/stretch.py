"""What one read takes: records, and the span of time that they are whole for."""

from collections import Counter
from dataclasses import dataclass, field

from ccmm_plugin_telephony.cursor import LogCursor
from ccmm_plugin_telephony.freeswitch.record import CallRecord
from ccmm_plugin_telephony.log_files import Position

LOOK_BACK_MS = 4 * 3_600_000  # a call that lasts longer is missing in the slots where it began


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Slots from `known_ms` on are known in full, those from `stated_ms` to `horizon_ms` are new.

    `next_ms`, `position` and `names` are where the next read begins, and what it must find there again.
    """

    records: tuple[CallRecord, ...]
    cursor: LogCursor | None  # None where there was none, or it is void
    stated_ms: int
    horizon_ms: int
    next_ms: int
    position: Position | None = None
    newest_s: int = 0
    names: tuple[str, ...] = ()
    more: bool = False
    set_apart: Counter[str] = field(default_factory=Counter)

    @property
    def known_ms(self) -> int:
        return self.stated_ms if self.cursor is None else self.cursor.from_ms
