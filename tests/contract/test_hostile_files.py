"""What every source makes of files that are not as they should be: the run says so, soon, and no list is smaller.

Each type that reads files reads a healthy one first, made by `tests.support.every_file`; then the same, hurt. Where a
hurt is none to a type, `NO_HARM` says why.
"""

import os
import pwd
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Options, Source, SourceUnavailable, Window
from ccmm_agent.reading import Limits, Reading, SourceSpec, read_source
from ccmm_proto.reasons import Reason
from ccmm_proto.v1.statement_pb2 import EMPTY, UNAVAILABLE
from tests.contract.test_hostile_systems import NOISE, SAID
from tests.contract.test_plugin_contract import SOURCES, options
from tests.support.every_base import Table, plain
from tests.support.every_file import FILES, IN_FOLDERS

ZONE = ZoneInfo("Asia/Shanghai")
LIMITS = Limits(seconds=20)
MANY = 100_000
HUGE = 1 << 30


def gone(path: Path) -> None:
    path.unlink()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    """To the same file in another folder."""
    elsewhere = path.parent.with_name("elsewhere") / path.name
    elsewhere.parent.mkdir(exist_ok=True)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def noise(path: Path) -> None:
    path.write_bytes(NOISE)


def utf16(path: Path) -> None:
    path.write_bytes(path.read_bytes().decode("utf-8", "replace").encode("utf-16"))


def huge(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(HUGE)


HURTS: Mapping[str, Callable[[Path], None]] = {
    hurt.__name__: hurt for hurt in (gone, pipe, link, folder, empty, cut, noise, utf16, huge)
}
HELD = {"asterisk_recordings": "how many files are held is what it states"}
LISTED = {**HELD, "documents": "the list is what it states, and it counts links", "card_data": "it counts what it saw"}
ANY_BYTES = {**HELD, "documents": "any bytes have a digest", "config_snapshot": "any bytes have a digest"}
LINES = dict.fromkeys(
    ("asterisk", "asterisk_cdr", "freeswitch_cdr", "linux_log", "log_store", "door_log"),
    "a log: its last line may still be written, and is left for the next run",
)
NAMED = "the link that was named is followed; the reader may read what it leads to and nothing else"
NO_HARM: Mapping[str, Mapping[str, str]] = {
    "gone": {**LISTED, "config_snapshot": "that it is gone is what it states"},
    "pipe": LISTED,
    "folder": LISTED,
    "link": {**LISTED, **{word: NAMED for word in FILES if word not in IN_FOLDERS}},
    "empty": {**ANY_BYTES, **LINES, "card_data": "a text without a number"},
    "cut": {**ANY_BYTES, **LINES, "card_data": "a text is a text"},
    "noise": ANY_BYTES,
    "utf16": {
        **ANY_BYTES,
        "card_data": "it reads UTF-16",
        "backup": "JSON in UTF-16 is JSON",
        "scap": "XML says how it is encoded",
        "freeswitch_cdr in a folder": "XML says how it is encoded",
    },
    "huge": {**HELD, **LINES, "sql": "pages of zeros that no table has"},
}


def read(spec: SourceSpec, limits: Limits = LIMITS) -> Reading:
    return read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE, limits=limits)


@contextmanager
def made(words: Mapping[str, object] = FILES) -> Iterator[dict[str, tuple[Path, Table]]]:
    """A folder that every account may enter, with the files of each type."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(prefix="ccmm-files-")))
        place.chmod(0o755)
        found = {}
        for label, (word, build) in FILES.items():
            if label in words:
                below = place / label.replace(" ", "-") / word
                below.mkdir(parents=True)
                found[label] = (
                    below,
                    {key: plain(value) for key, value in build(stack, below, datetime.now(UTC)).items()},
                )
        yield found


def files_of(place: Path) -> list[Path]:
    return [path for path in sorted(place.rglob("*")) if path.is_file() and path.name != "secret"]


def hurt_all(place: Path, hurt: Callable[[Path], None]) -> None:
    """Every file; its time stays, for a file that has just changed may be one that is still being written."""
    for path in files_of(place):
        changed = path.stat().st_mtime
        hurt(path)
        if path.exists():
            os.utime(path, (changed, changed))


def is_said(reading: Reading) -> bool:
    """It could not look, for a reason, in a sentence; or there was nothing yet, and it vouches for no time."""
    if reading.outcome == EMPTY and reading.covers is None:
        return True
    return reading.outcome == UNAVAILABLE and reading.reason in SAID and bool(reading.detail) and reading.cursor is None


@pytest.mark.parametrize("name", sorted(HURTS))
def test_a_file_that_is_hurt_is_told_of(name: str) -> None:
    with made() as places:
        for place, _ in places.values():
            hurt_all(place, HURTS[name])
        readings = read_each(places)
    unsaid = {label: reading for label, reading in readings.items() if not is_said(reading)}
    assert {label: (reading.reason, reading.detail) for label, reading in unsaid.items() if reading.reason} == {}
    assert set(unsaid) - set(NO_HARM[name]) == set()
    if name in ("pipe", "link"):
        assert all("links, pipes" in unsaid[label].detail for label in ("documents", "card_data"))


def read_each(places: Mapping[str, tuple[Path, Table]]) -> Mapping[str, Reading]:
    specs = [SourceSpec(name=label, plugin=FILES[label][0], options=table) for label, (_, table) in places.items()]
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(places, pool.map(read, specs), strict=True))


def test_healthy_files_are_read() -> None:
    with made() as places:
        readings = read_each(places)
    assert {label: reading.detail for label, reading in readings.items() if reading.outcome == UNAVAILABLE} == {}
    assert [label for label, reading in readings.items() if not reading.observations] == ["failover"]  # needs two looks


def test_every_type_that_reads_files_is_hurt() -> None:
    """By its manifest: files or a folder, and nobody to ask."""
    reading = set()
    for word, source in SOURCES.items():
        manifest = source.from_options(Options(options(word))).manifest()
        if (manifest.files or manifest.folders) and not manifest.endpoints:
            reading.add(word)
    assert reading - {word for word, _ in FILES.values()} == {"ticks"}


@pytest.mark.parametrize("label", sorted(IN_FOLDERS))
def test_a_hundred_thousand_files_are_read_in_time_or_said_to_be_too_many(label: str) -> None:
    with made({label: None}) as places:
        place, table = places[label]
        first, *_ = files_of(place)
        for number in range(MANY):
            if not number % 50_000:
                shutil.copy2(first, copy := first.with_name(f"{first.stem}-copy{number}{first.suffix}"))
            os.link(copy, first.with_name(f"{first.stem}-{number}{first.suffix}"))
        spec = SourceSpec(name=label, plugin=FILES[label][0], options=table)
        reading = read(spec, Limits(seconds=10))
    assert is_said(reading) or reading.observations


@pytest.mark.parametrize("label", sorted(FILES))
def test_a_file_that_may_not_be_read_is_refused(label: str) -> None:
    with made({label: None}) as places:
        place, table = places[label]
        source = SOURCES[FILES[label][0]].from_options(Options(table))
        outcome_of(source)  # what is imported late is imported now
        for path in files_of(place):
            path.chmod(0)
        with as_nobody():
            told = outcome_of(source)
    assert isinstance(told, SourceUnavailable)
    assert told.reason == Reason.REFUSED
    assert told.detail


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read every file."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(before)


WATCHED: dict[str, Callable[[Path], None]] = {}


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and WATCHED and isinstance(args[0], str | os.PathLike):
        path = os.fspath(args[0])
        if (hurt := WATCHED.pop(os.fsdecode(path), None)) is not None:
            hurt(Path(os.fsdecode(path)))


@contextmanager
def when_opened(path: Path, hurt: Callable[[Path], None]) -> Iterator[None]:
    """Just before the file is opened for the first time; audit hooks stay for ever, so one is added and kept."""
    if not getattr(sys, "_ccmm_watched", False):
        sys.addaudithook(_watch)
        sys._ccmm_watched = True  # type: ignore[attr-defined]
    WATCHED[str(path)] = hurt
    try:
        yield
    finally:
        WATCHED.clear()


def grow(path: Path) -> None:
    content = path.read_bytes()
    with path.open("ab") as file:
        file.write(content)


@pytest.mark.parametrize("hurt", [gone, grow, cut], ids=lambda hurt: hurt.__name__)
@pytest.mark.parametrize("label", sorted(FILES))
def test_a_file_that_changes_between_two_looks_makes_no_error_that_nobody_expects(
    label: str, hurt: Callable[[Path], None]
) -> None:
    with made({label: None}) as places:
        place, table = places[label]
        source = SOURCES[FILES[label][0]].from_options(Options(table))
        with when_opened(files_of(place)[-1], hurt):
            told = outcome_of(source)
    assert isinstance(told, Done) or (told.reason in SAID and told.detail)


def outcome_of(source: Source) -> Done | SourceUnavailable:
    """Any other error fails the test."""
    try:
        *_, told = source.read(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE))
    except SourceUnavailable as error:
        return error
    assert isinstance(told, Done)
    return told
