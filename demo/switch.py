"""What the simulated switch leaves on disk: queue logs in Asterisk's format (rotated by month) and recordings."""

import gzip
import os
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

from demo.calls import CLOSES_H, OPENS_H, QUEUES, ZONE, Call, days, team_of
from demo.characters import Character

EMPTY_WAV = 44
BYTES_A_SECOND = 16_000  # 8 kHz, 16 bit, mono
ALL_RECORDED_DAYS = 45  # older recordings are kept for a few calls a day only, to keep the demo small

Line = tuple[int, str]


def write_queue_log(folder: Path, character: Character, calls: Iterable[Call], now: datetime) -> Path:
    """`queue_log` and its rotated, compressed months; the path of the newest one."""
    lines = sorted([*_call_lines(calls), *_staff_lines(character, now)])
    months = [list(group) for _, group in groupby(lines, key=lambda line: _month(line[0]))]
    for age, month in enumerate(reversed(months)):
        text = "".join(f"{line}\n" for _, line in month).encode()
        if age == 0:
            (folder / "queue_log").write_bytes(text)
        else:
            (folder / f"queue_log.{age}.gz").write_bytes(gzip.compress(text, compresslevel=1, mtime=month[-1][0]))
            os.utime(folder / f"queue_log.{age}.gz", (month[-1][0], month[-1][0]))
    return folder / "queue_log"


def _month(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, ZONE).strftime("%Y-%m")


def _call_lines(calls: Iterable[Call]) -> Iterator[Line]:
    for call in calls:
        entered = int(call.entered.timestamp())
        yield entered, f"{entered}|{call.id}|{call.queue}|NONE|ENTERQUEUE||{call.number}|1"
        connected = entered + call.wait_s
        if call.agent is None:
            yield connected, f"{connected}|{call.id}|{call.queue}|NONE|ABANDON|1|1|{call.wait_s}"
            continue
        word = "COMPLETEAGENT" if call.ended_by == "agent" else "COMPLETECALLER"
        ended = connected + call.talk_s
        head = f"{call.id}|{call.queue}|{call.agent}"
        yield connected, f"{connected}|{head}|CONNECT|{call.wait_s}|{call.id}-leg|1"
        yield ended, f"{ended}|{head}|{word}|{call.wait_s}|{call.talk_s}|1"


def shift(agent: str, day: date) -> tuple[datetime, datetime]:
    """When an agent logs in and out that day: a few minutes before opening and after closing."""
    early = timedelta(minutes=3 + (hash_of(agent, day) % 9))
    opened = datetime(day.year, day.month, day.day, OPENS_H, tzinfo=ZONE)
    return opened - early, opened + timedelta(hours=CLOSES_H - OPENS_H) + early


def hash_of(agent: str, day: date) -> int:
    """A small repeatable number for this agent and day."""
    return sum(agent.encode()) * 31 + day.toordinal() * 17


def _staff_lines(character: Character, now: datetime) -> Iterator[Line]:
    for day in days(character, now):
        for agent in team_of(character, day, now.astimezone(ZONE).date()):
            start, end = (int(time.timestamp()) for time in shift(agent, day))
            lunch = start + 3 * 3600 + (hash_of(agent, day) % 7) * 600
            for queue in QUEUES:
                steps = (
                    (start, "ADDMEMBER|"),
                    (lunch, "PAUSE|lunch"),
                    (lunch + 1800, "UNPAUSE|"),
                    (end, "REMOVEMEMBER|"),
                )
                for epoch, what in steps:
                    if epoch < now.timestamp():
                        yield epoch, f"{epoch}|MANAGER|{queue}|{agent}|{what}"


def write_recordings(folder: Path, calls: Iterable[Call], now: datetime) -> None:
    """A WAV file per recorded call: a true header and a sparse body. A lost one is the bare header of 44 bytes."""
    folder.mkdir()
    kept_in_full = now - timedelta(days=ALL_RECORDED_DAYS)
    for index, call in enumerate(calls):
        if call.agent is None or (call.entered < kept_in_full and index % 40):
            continue
        size = call.talk_s * BYTES_A_SECOND if call.recorded else 0
        path = folder / f"{call.entered.astimezone(UTC):%Y%m%dT%H%M%SZ}-{call.queue}-{call.agent}-{call.id}.wav"
        with path.open("wb") as recording:
            recording.write(_wav_header(size))
            recording.truncate(EMPTY_WAV + size)
        os.utime(path, (call.ended.timestamp(), call.ended.timestamp()))


def _wav_header(size: int) -> bytes:
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, BYTES_A_SECOND, 2, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + layout + b"data" + struct.pack("<I", size)
