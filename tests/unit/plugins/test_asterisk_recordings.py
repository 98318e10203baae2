"""Recordings: which have sound, how long they are, whose call they are, what the folder holds."""

import os
import re
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.asterisk.recordings import Name, parse_name, parse_sound
from ccmm_plugin_telephony.asterisk.recordings_source import Recordings
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import Inventory, Roll
from tests.support.queue_logs import ZONE, at, column

NAMED = re.compile(r"(?P<started>\d{8}T\d{6}Z)-(?P<queue>[a-z]+)-\d+-(?P<call>.+)")


def wav(sound_bytes: int, rate: int = 16_000, *, finished: bool = True, extra: bytes = b"") -> bytes:
    told = sound_bytes if finished else 0
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate // 2, rate, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 36 + told, b"WAVE") + form + extra + struct.pack("<4sI", b"data", told)
    return head + b"\1" * sound_bytes


def put(folder: Path, name: str, content: bytes, changed: datetime) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (changed.timestamp(), changed.timestamp()))
    return path


def read(source: Recordings, now: datetime, cursor: bytes = b"") -> tuple[list[Roll], Inventory, bytes]:
    observations, done = read_all(source, cursor=cursor, now=now, zone=ZONE)
    held = [observation.inventory for observation in observations if observation.HasField("inventory")]
    return [observation.roll for observation in observations if observation.HasField("roll")], held[-1], done.cursor


def attributes(inventory: Inventory) -> dict[str, object]:
    (entry,) = inventory.entries
    return {a.name: getattr(a.value, str(a.value.WhichOneof("value"))) for a in entry.attributes}


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    put(tmp_path / "monitor", "c1.wav", wav(32_000), at("09:00"))
    window = Window(cursor=b"", now=at("12:00"), zone=ZONE)
    check_source(Recordings(folder=tmp_path / "monitor"), Recordings(folder=tmp_path / "absent"), window=window)


@settings(deadline=None)
@given(st.sampled_from([".wav", ".gsm", ".mp3"]), st.binary(max_size=300), st.integers(0, 2**40))
def test_only_malformed_escapes_from_a_sound_header(suffix: str, header: bytes, size: int) -> None:
    for text in (header, b"RIFF\0\0\0\0WAVE" + header):
        try:
            sound = parse_sound(suffix, text, size)
        except Malformed:
            continue
        assert sound.length_s >= 0


@settings(deadline=None)
@given(st.text(max_size=60))
def test_only_malformed_escapes_from_a_name(stem: str) -> None:
    for pattern in (NAMED, re.compile("(?P<started>.*)-(?P<call>.+)")):
        try:
            parse_name(stem, pattern, ZONE)
        except Malformed:
            continue


def test_a_start_without_z_is_in_the_zone_of_the_center_and_an_odd_one_does_not_lose_the_call() -> None:
    pattern = re.compile("(?P<started>[^_]+)_(?P<call>.+)")
    for stem in ("20260302T090500Z_c1", "20260302T170500_c1", "20260302-170500_c1", "1772442300_c1"):
        assert parse_name(stem, pattern, ZONE).started == at("09:05"), stem
    assert parse_name("soon_c1", pattern, ZONE) == Name(call="c1")


def test_a_header_without_sound_is_an_empty_recording() -> None:
    assert not parse_sound(".wav", wav(0), 44).playable
    assert not parse_sound(".gsm", b"", 0).playable


@pytest.mark.parametrize(
    ("suffix", "content", "length"),
    [
        (".wav", wav(48_000), 3.0),
        (".wav", wav(48_000, finished=False), 3.0),  # MixMonitor fills the header in at the end only
        (".wav", wav(16_000, extra=struct.pack("<4sI", b"fact", 4) + b"\0\0\0\0"), 1.0),
        (".gsm", b"\1" * 1650, 1.0),
        (".ulaw", b"\1" * 16_000, 2.0),
    ],
)
def test_the_length_comes_from_the_size(suffix: str, content: bytes, length: float) -> None:
    assert parse_sound(suffix, content[:256], len(content)).length_s == length


def test_a_recording_is_a_row_under_the_call_id_of_its_name(tmp_path: Path) -> None:
    put(tmp_path, "20260302T090500Z-support-0770-c1-q.wav", wav(160_000), at("09:05:12"))
    put(tmp_path, "2026/03/20260302T091000Z-sales-0770-c2-q.wav", wav(0), at("09:10:03"))
    (roll,), held, _ = read(Recordings(folder=tmp_path, name_pattern=NAMED), at("12:00"))
    assert list(roll.clear_key) == ["c1-q", "c2-q"]
    assert list(roll.start_s) == [300, 600]
    assert column(roll, "length") == [10, 0]
    assert column(roll, "playable") == [1, 0]
    assert column(roll, "queue") == ["support", "sales"]
    assert attributes(held)["empty_files"] == 1


def test_a_file_whose_name_does_not_fit_is_a_recording_of_an_unknown_call(tmp_path: Path) -> None:
    put(tmp_path, "c1.wav", wav(160_000), at("09:05"))
    put(tmp_path, "20260302T090500Z-support-0770-c2.wav", wav(160_000), at("09:05"))
    source = Recordings(folder=tmp_path, name_pattern=NAMED)
    (roll,), _, _ = read(source, at("12:00"))
    assert dict(zip(roll.clear_key, column(roll, "call"), strict=True)) == {"c1": "", "c2": "c2"}
    told = source.check(Window(cursor=b"", now=at("12:00"), zone=ZONE))
    assert any(line.verdict == "warning" and "name_pattern" in line.subject for line in told)


def test_the_folder_tells_what_it_holds(tmp_path: Path) -> None:
    put(tmp_path, "c1.wav", wav(16_000), at("09:00", day=1))
    put(tmp_path, "c2.wav", wav(0), at("09:00", day=11))
    put(tmp_path, "notes.txt", b"x", at("09:00"))
    _, held, _ = read(Recordings(folder=tmp_path), at("12:00", day=11))
    told = attributes(held)
    assert (told["class"], told["files"], told["empty_files"], told["kept_days"]) == ("recording", 2, 1, 10)
    assert told["size_bytes"] == 16_044 + 44


def test_an_hour_is_stated_once_and_again_when_a_file_came_or_grew(tmp_path: Path) -> None:
    source = Recordings(folder=tmp_path)
    put(tmp_path, "c1.wav", wav(16_000), at("09:00"))
    (first,), _, cursor = read(source, at("10:45"))
    assert first.revision == 0
    none, _, cursor = read(source, at("11:15"), cursor)
    assert none == []
    put(tmp_path, "c2.wav", wav(16_000), at("09:30"))
    (again,), _, cursor = read(source, at("11:45"), cursor)
    assert (again.revision, again.revision_reason, list(again.clear_key)) == (1, "finished_late", ["c1", "c2"])


def test_a_file_without_a_date_does_not_vouch_for_fifty_years(tmp_path: Path) -> None:
    put(tmp_path, "c0.wav", wav(16_000), datetime.fromtimestamp(0, UTC))
    put(tmp_path, "c1.wav", wav(16_000), at("09:05"))
    _, done = read_all(Recordings(folder=tmp_path), now=at("12:00"), zone=ZONE)
    assert done.covers == (at("09:00"), at("11:30"))


def test_history_arrives_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_telephony.asterisk.recordings_source._BATCH_FILES", 5)
    for n in range(48):
        put(tmp_path, f"c{n}.wav", wav(16_000), at(f"{n // 2:02d}:{30 * (n % 2):02d}"))
    found, _, _ = read(Recordings(folder=tmp_path), at("12:00", day=3))
    latest = {roll.hour_ms: len(roll.start_s) for roll in sorted(found, key=lambda roll: roll.revision)}
    assert list(latest.values()) == [2] * 24


def test_a_folder_that_vanished_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as refused:
        read(Recordings(folder=tmp_path / "absent"), at("12:00"))
    assert refused.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize("wrong", ["(", "no group", "(?P<call>.+)(?P<customer>.)"])
def test_a_name_pattern_must_find_the_call(wrong: str) -> None:
    with pytest.raises(BadOption):
        Recordings.from_options(Options({"folder": "/var/spool/asterisk/monitor", "name_pattern": wrong}))


def test_what_the_center_states_of_the_folder_stands_in_its_holding(tmp_path: Path) -> None:
    put(tmp_path, "c1.wav", wav(32_000), at("09:00"))
    stated = {"encrypted": True, "floor_days": 90}
    source = Recordings.from_options(Options({"folder": str(tmp_path), "holding": stated}))
    _, holding, _ = read(source, at("12:00"))
    assert {name: attributes(holding)[name] for name in stated} == stated
    with pytest.raises(BadOption, match="colour"):
        Recordings.from_options(Options({"folder": str(tmp_path), "holding": {"colour": True}}))
