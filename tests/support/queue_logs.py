"""Queue logs written for tests, and what a reading of them amounts to."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import Done, Observation, Window
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from ccmm_proto.v1.statement_pb2 import Measure, Roll

ZONE = ZoneInfo("Asia/Shanghai")


def at(time: str, day: int = 2) -> datetime:
    """09:30 or 09:30:05 of a day of March 2026, UTC."""
    return datetime.fromisoformat(f"2026-03-{day:02d}T{time}+00:00")


def line(time: datetime, call: str, queue: str, agent: str, event: str, *data: object) -> str:
    return "|".join([str(int(time.timestamp())), call, queue, agent, event, *map(str, data)])


def answered(time: datetime, call: str, wait_s: int, talk_s: int, agent: str = "A1", queue: str = "q") -> list[str]:
    """A call that entered at a time, with its lines in order."""
    start = int(time.timestamp())
    moments = (start, start + wait_s, start + wait_s + talk_s)
    entered, connected, ended = (datetime.fromtimestamp(moment, UTC) for moment in moments)
    return [
        line(entered, call, queue, "NONE", "ENTERQUEUE", "", "0770000000", 1),
        line(connected, call, queue, agent, "CONNECT", wait_s, f"{call}-leg", 1),
        line(ended, call, queue, agent, "COMPLETECALLER", wait_s, talk_s, 1),
    ]


def abandoned(time: datetime, call: str, wait_s: int, queue: str = "q") -> list[str]:
    left = datetime.fromtimestamp(int(time.timestamp()) + wait_s, UTC)
    return [
        line(time, call, queue, "NONE", "ENTERQUEUE", "", "0770000000", 1),
        line(left, call, queue, "NONE", "ABANDON", 1, 1, wait_s),
    ]


def in_order(lines: Iterable[str]) -> list[str]:
    """As the switch writes them: by time."""
    return sorted(lines, key=lambda text: int(text.split("|", 1)[0]))


def write(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in lines))
    return path


def append(path: Path, lines: Iterable[str]) -> None:
    with path.open("a") as log:
        log.writelines(f"{text}\n" for text in lines)


class Reader:
    """Reads one queue log again and again as an agent does, and keeps what was stated."""

    def __init__(self, source: QueueLog) -> None:
        self.source = source
        self.cursor = b""
        self.stated: list[Observation] = []
        self.covered: list[tuple[datetime, datetime]] = []

    def read(self, now: datetime) -> list[Observation]:
        observations: list[Observation] = []
        more = True
        while more:
            *batch, done = self.source.read(Window(cursor=self.cursor, now=now, zone=ZONE))
            assert isinstance(done, Done)
            observations += [one for one in batch if isinstance(one, Observation)]
            self.cursor, more = done.cursor, done.more
            if done.covers is not None:
                self.covered.append(done.covers)
        self.stated += observations
        return observations


def measures(observations: Iterable[Observation]) -> dict[tuple[str, str, datetime], Measure]:
    """The highest revision by (id, queue or agent and reason, start); fails where a revision is stated twice."""
    found: dict[tuple[str, str, datetime], Measure] = {}
    seen: set[tuple[str, str, datetime, int]] = set()
    for observation in observations:
        if observation.HasField("measure"):
            measure = observation.measure
            names = " ".join(dimension.text for dimension in measure.dimensions)
            key = (measure.id, names, datetime.fromtimestamp(measure.start_ms / 1000, UTC))
            assert (*key, measure.revision) not in seen, f"stated twice: {key} revision {measure.revision}"
            seen.add((*key, measure.revision))
            if key not in found or found[key].revision < measure.revision:
                found[key] = measure
    return found


def total(observations: Iterable[Observation], id: str, queue: str = "q") -> int:
    """The sum of a count over all quarter hours."""
    return sum(m.count for (found, name, _), m in measures(observations).items() if found == id and name == queue)


def count_at(observations: Iterable[Observation], id: str, queue: str, start: str = "09:00") -> int:
    """The count of one quarter hour, nought where none is stated."""
    found = measures(observations).get((id, queue, at(start)))
    return found.count if found else 0


def rolls(observations: Iterable[Observation], kind: str) -> dict[datetime, Roll]:
    """The highest revision of each hour."""
    found: dict[datetime, Roll] = {}
    for observation in observations:
        if observation.HasField("roll") and observation.roll.kind == kind:
            hour = datetime.fromtimestamp(observation.roll.hour_ms / 1000, UTC)
            if hour not in found or found[hour].revision < observation.roll.revision:
                found[hour] = observation.roll
    return found


def column(roll: Roll, name: str) -> list[object]:
    """A column as values: words, texts, or numbers with None for an absent one."""
    found = next(column for column in roll.columns if column.name == name)
    if found.clear:
        return list(found.clear)
    if found.dictionary:
        return [found.dictionary[number] if number >= 0 else None for number in found.number]
    return [number if number >= 0 else None for number in found.number]
