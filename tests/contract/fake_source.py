"""A small honest source: lines of `epoch-seconds queue` in a file, counted by quarter hour, resumed by byte offset."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ccmm_agent.facts import count
from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)

QUARTER_S = 900


class Ticks(Source):
    """Counts `calls_offered` of whole, settled quarter hours."""

    plugin = "ticks"
    feeds = ("calls_offered",)
    example = """
[[source]]
name = "ticks"
plugin = "ticks"
every = "15m"
file = "/var/log/ticks"     # one line per call: seconds since the epoch, then the queue
"""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(options.path("file"))

    def manifest(self) -> Manifest:
        return Manifest(files=(self._file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        since = int(window.cursor or b"0")
        until = int(window.now.timestamp()) // QUARTER_S * QUARTER_S
        counted = Counter((second // QUARTER_S * QUARTER_S, queue) for second, queue in self._lines(since, until))
        for (second, queue), number in sorted(counted.items()):
            yield count("calls_offered", datetime.fromtimestamp(second, UTC), number, queue=queue)
        begin = datetime.fromtimestamp(since, UTC) if since else window.now - timedelta(hours=1)
        yield Done((begin, datetime.fromtimestamp(until, UTC)), str(until).encode())

    def check(self, window: Window) -> Iterator[CheckLine]:
        lines = sum(1 for _ in self._lines(0, int(window.now.timestamp())))
        yield CheckLine("ok", str(self._file), f"{lines} lines")

    def _lines(self, since: int, until: int) -> Iterator[tuple[int, str]]:
        try:
            content = self._file.read_text()
        except FileNotFoundError as error:
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self._file} is not there") from error
        except OSError as error:
            raise SourceUnavailable(Reason.REFUSED, f"{self._file}: {error.strerror}") from error
        for line in content.splitlines():
            second, _, queue = line.partition(" ")
            if since <= int(second) < until:
                yield int(second), queue


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Ticks)
