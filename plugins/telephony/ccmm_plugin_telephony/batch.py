"""A stretch of a rotated log: the lines that can be trusted, and how many were set apart and why."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.log_files import LogFile, complete_lines
from ccmm_proto.errors import Malformed

CLOCK_SLACK_S = 300  # a line this far after now was written by a clock that is wrong
STEP_BACK_S = 3600  # a time this far after the one that follows it is an outlier ...
OUTLIERS = 32  # ... unless so many follow each other: then the clock was set back
_ENOUGH_TO_JUDGE = 20


class Timed(Protocol):
    """A parsed line: when it was written."""

    @property
    def at_s(self) -> int: ...


T = TypeVar("T", bound=Timed)


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A line and where it begins."""

    line: T
    file: int
    offset: int


@dataclass(slots=True)
class Batch(Generic[T]):
    """Lines in file order. `end` is where the next batch begins; `ended`: nothing more is there now."""

    placed: list[Placed[T]] = field(default_factory=list)
    set_apart: Counter[str] = field(default_factory=Counter)
    end: tuple[int, int] = (0, 0)
    ended: bool = False

    @property
    def newest_s(self) -> int | None:
        return max((placed.line.at_s for placed in self.placed), default=None)


def read_batch(
    files: tuple[LogFile, ...], start: tuple[int, int], size_bytes: int, parse: Callable[[bytes], T], now_s: int
) -> Batch[T]:
    """About `size_bytes` of lines from `start`. Raises SourceUnavailable where most of it is no such log at all."""
    batch: Batch[T] = Batch(end=start)
    left = size_bytes
    for index in range(start[0], len(files)):
        offset = start[1] if index == start[0] else 0
        for begins, ends, line in complete_lines(files[index], offset):
            _take(batch, (index, begins), line, parse)
            batch.end = (index, ends)
            left -= ends - begins
            if left <= 0:
                break
        if left <= 0:
            break
    else:
        batch.ended = True
    _leave_for_later(batch, now_s)
    _drop_outliers(batch, now_s)
    _judge(batch, files[start[0]])
    return batch


def _take(batch: Batch[T], place: tuple[int, int], line: bytes | None, parse: Callable[[bytes], T]) -> None:
    if line is None:
        batch.set_apart["long"] += 1
    elif line.strip():
        try:
            batch.placed.append(Placed(parse(line), *place))
        except Malformed as error:
            batch.set_apart[str(error)] += 1


def _leave_for_later(batch: Batch[T], now_s: int) -> None:
    """Lines after now at the end of the log stay for the next read: perhaps this machine's clock is the slow one."""
    while batch.ended and batch.placed and batch.placed[-1].line.at_s > now_s + CLOCK_SLACK_S:
        last = batch.placed.pop()
        batch.end = (last.file, last.offset)


def _drop_outliers(batch: Batch[T], now_s: int) -> None:
    """Sets lines apart whose time cannot be: after now, or a jump ahead that the following lines take back."""
    kept: list[Placed[T]] = []
    for placed in batch.placed:
        at_s = placed.line.at_s
        if at_s > now_s + CLOCK_SLACK_S:
            batch.set_apart["ahead"] += 1
            continue
        jumped = 0
        while jumped < len(kept) and jumped <= OUTLIERS and kept[-1 - jumped].line.at_s > at_s + STEP_BACK_S:
            jumped += 1
        if 0 < jumped <= OUTLIERS and jumped < len(kept):
            del kept[-jumped:]
            batch.set_apart["ahead"] += jumped
        kept.append(placed)
    batch.placed = kept


def _judge(batch: Batch[T], first: LogFile) -> None:
    apart = batch.set_apart.total()
    if apart >= _ENOUGH_TO_JUDGE and apart > len(batch.placed):
        why = _counted(batch.set_apart)
        raise SourceUnavailable(Reason.UNREADABLE, f"most lines from {first.path.name} on are not of this log: {why}")


def apart_told(set_apart: Counter[str]) -> str:
    """For the run's detail: how many lines were set apart and why, never what stands in them; "" for none."""
    return f"{set_apart.total()} lines set apart: {_counted(set_apart)}" if set_apart else ""


def _counted(set_apart: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in set_apart.most_common(6))
