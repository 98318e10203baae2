"""What time it is, and how far this machine's clock can be believed."""

import ctypes
import time
from datetime import UTC, datetime
from pathlib import Path

from ccmm_proto.v1.statement_pb2 import Clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
STA_UNSYNC = 0x0040
STA_NANO = 0x2000
TIME_ERROR = 5
STEP_S = 5.0  # wall time may drift this much against the time since boot before it counts as a step


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as it is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def now() -> datetime:
    """The present instant, UTC."""
    return datetime.now(UTC)


def boot_id() -> str:
    """The kernel's id of this boot; empty where there is none."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def clock_quality() -> Clock:
    """Asks the kernel whether something disciplines the clock; the offset is absent where nobody knows it."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        state = -1
    if state < 0 or state == TIME_ERROR or timex.status & STA_UNSYNC:
        return Clock(source="local", boot_id=boot_id())
    per_ms = 1_000_000 if timex.status & STA_NANO else 1_000
    return Clock(source="ntp", offset_ms=round(timex.offset / per_ms), boot_id=boot_id())


class StepWatch:
    """Notices a clock that was set: wall time against the time since boot, which also runs while suspended."""

    def __init__(self) -> None:
        self._difference = self._measure()

    def step_s(self) -> float:
        """Seconds by which the wall clock was set since the last question; 0.0 for less than STEP_S."""
        difference = self._measure()
        step = difference - self._difference
        if abs(step) < STEP_S:
            return 0.0
        self._difference = difference
        return step

    def _measure(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
