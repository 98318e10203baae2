"""The captured Asterisk as files of a machine: its queue log, call records and recordings, moved by whole days.

Moved so that the run ended between two and 26 hours ago: what is counted does not depend on when the test runs.
"""

import gzip
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SETTLED = timedelta(hours=2)
NAMED = r"(?P<started>\d{8}T\d{6}Z)-(?P<queue>[a-z]+)-\d+-(?P<call>.+)"
_BYTES_PER_S = 16_000
_HEADER = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Switch:
    """Where the files are, and how they are counted without the plugin."""

    queue_log: Path
    call_records: Path
    recordings: Path

    def lines(self, word: str, queue: str = "") -> list[list[str]]:
        """The fields of the queue log's lines with this word."""
        cells = [line.split("|") for line in self.queue_log.read_text("utf-8").splitlines()]
        return [line for line in cells if line[4] == word and queue in ("", line[2])]

    def answered(self) -> list[tuple[str, int]]:
        """Call id and talk in seconds of everything that an agent answered."""
        ended = [(line[1], int(line[6])) for word in ("COMPLETEAGENT", "COMPLETECALLER") for line in self.lines(word)]
        return ended + [(line[1], int(line[8])) for line in self.lines("BLINDTRANSFER")]

    def lengths(self) -> dict[str, int]:
        """Call id and whole seconds of every recording with sound."""
        sizes = {path.stem.split("-", 3)[3]: path.stat().st_size - len(_HEADER) for path in self.recordings.iterdir()}
        return {call: round(size / _BYTES_PER_S) for call, size in sizes.items() if size}


def waits(lines: list[list[str]], *, field: int) -> list[int]:
    """The waits that lines tell in one of their fields."""
    return [int(line[field]) for line in lines]


def counts_of(switch: Switch) -> dict[str, tuple[int, int, int, int]]:
    """Per queue: entered, answered, given up, answered within 20 s."""
    entered = Counter(line[2] for line in switch.lines("ENTERQUEUE"))
    return {
        queue: (
            entered[queue],
            len(switch.lines("CONNECT", queue)),
            len(switch.lines("ABANDON", queue)),
            sum(wait <= 20 for wait in waits(switch.lines("CONNECT", queue), field=5)),
        )
        for queue in entered
    }


def copied(captured: Path, folder: Path, *, days_more: int = 0, begins_days_before: int = 0) -> Switch:
    """The capture as files below `folder`, `days_more` further in the past than needed.

    With `begins_days_before` the queue log begins so much earlier, with a start of the switch and nothing behind it.
    """
    switch = Switch(folder / "queue/queue_log", folder / "cdr/Master.csv", folder / "monitor")
    for place in (switch.queue_log.parent, switch.call_records.parent, switch.recordings):
        place.mkdir(parents=True)
    log = gzip.decompress((captured / "queue_log.gz").read_bytes()).decode().splitlines()
    back = _days_back(datetime.fromtimestamp(int(log[-1].split("|")[0]), UTC)) + timedelta(days=days_more)
    _write_queue_log(switch.queue_log, log, int(back.total_seconds()), begins_days_before * 86_400)
    rows = gzip.decompress((captured / "Master.csv.gz").read_bytes()).decode()
    switch.call_records.write_text(_TIME.sub(lambda found: _moved(found[0], "%Y-%m-%d %H:%M:%S", back), rows), "utf-8")
    for line in (captured / "recordings.csv").read_text("utf-8").splitlines():
        _write_recording(switch.recordings, *line.split(",", 2), back=back)
    return switch


def _days_back(last: datetime) -> timedelta:
    """Whole days after which the last line is at least two hours old, and not a day more; negative: forwards."""
    return -((datetime.now(UTC) - SETTLED - last) // timedelta(days=1)) * timedelta(days=1)


def _moved(text: str, form: str, back: timedelta) -> str:
    return (datetime.strptime(text, form).replace(tzinfo=UTC) - back).strftime(form)


def _write_queue_log(path: Path, lines: list[str], back_s: int, before_s: int) -> None:
    split = [line.partition("|") for line in lines]
    moved = [f"{int(at) - back_s}|{rest}\n" for at, _, rest in split]
    first = int(split[0][0]) - back_s - before_s
    path.write_text("".join([f"{first}|NONE|NONE|NONE|QUEUESTART|\n"] * bool(before_s) + moved), "utf-8")


def _write_recording(folder: Path, size: str, changed: str, name: str, *, back: timedelta) -> None:
    """As long as listed, with the header of a WAV file and holes for sound."""
    path = folder / _STAMP.sub(lambda found: _moved(found[0], "%Y%m%dT%H%M%SZ", back), name)
    with path.open("wb") as sound:
        sound.write(_HEADER)
        sound.truncate(int(size))
    at = (datetime.fromisoformat(changed[:26]).replace(tzinfo=UTC) - back).timestamp()
    os.utime(path, (at, at))
