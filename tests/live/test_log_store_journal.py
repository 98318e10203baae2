"""Journal files that systemd itself wrote, and journalctl as the judge of what is in them."""

import shutil
import struct
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities.journal_file import journal_span
from ccmm_plugin_facilities.log_span import Span
from ccmm_plugin_facilities.log_store import LogStore
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.refusals import refusal

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
WRITER = Path("/lib/systemd/systemd-journal-remote")
FLAGS = 8  # where the compatible flags stand


def journal(path: Path, times: list[datetime]) -> None:
    """One journal file with an entry at each of these times. Skips where the package is absent."""
    if not WRITER.exists() or shutil.which("journalctl") is None:
        pytest.skip(f"{WRITER} is not installed (Debian package systemd-journal-remote)")
    entries = [
        f"__REALTIME_TIMESTAMP={int(when.timestamp() * 1e6)}\n__MONOTONIC_TIMESTAMP={at + 1}\n"
        f"_BOOT_ID={'1f' * 16}\nMESSAGE=canary-entry {at}\n\n"
        for at, when in enumerate(times)
    ]
    export = path.with_suffix(".export")
    export.write_text("".join(entries))
    subprocess.run([WRITER, "-o", path, export], check=True, capture_output=True, timeout=60)
    export.unlink()


class Noting(Span):
    """A span that keeps each second noted, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[int] = []

    def note(self, second: int) -> None:
        self.seconds.append(second)


def every(minutes: int, begin: datetime, end: datetime) -> list[datetime]:
    return [begin + timedelta(minutes=at) for at in range(0, int((end - begin).total_seconds() // 60), minutes)]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Since 190 days ago, as journald leaves it: a folder by machine, archives, and the one that it writes to."""
    machine = tmp_path / "0123456789abcdef0123456789abcdef"
    machine.mkdir()
    gap = NOON - timedelta(days=2)
    journal(machine / "system@a-1-1.journal", every(600, NOON - timedelta(days=190), NOON - timedelta(days=40)))
    journal(machine / "system@a-2-2.journal", every(20, NOON - timedelta(days=40), gap))
    journal(machine / "system.journal", every(20, gap + timedelta(hours=3), NOON))
    return tmp_path


def store(folder: Path) -> dict[str, object]:
    return {"name": "journal", "source": "acd_host", "kind": "journal", "folder": str(folder)}


def source(folder: Path) -> LogStore:
    return LogStore.from_options(Options({"stores": [store(folder)]}))


def holding(folder: Path) -> dict[str, object]:
    (one,), _ = read_all(source(folder), now=NOON, zone=ZONE)
    (entry,) = one.inventory.entries
    return {a.name: getattr(a.value, a.value.WhichOneof("value") or "") for a in entry.attributes}


def test_it_keeps_the_contract(kept: Path, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(kept), source(tmp_path / "nothing"), window=window)


def test_a_journal_is_as_old_as_its_oldest_archive_and_a_night_without_entries_is_a_gap(kept: Path) -> None:
    found = holding(kept)
    assert found["oldest"] == int((NOON - timedelta(days=190)).timestamp() * 1000)
    assert found["newest"] == int((NOON - timedelta(minutes=20)).timestamp() * 1000)
    assert (found["kept_days"], found["files"]) == (190, 3)
    assert found["gap_share"] == pytest.approx(100 * 3 / 719)
    assert found["protected"] is False  # not sealed


def test_every_entry_that_journalctl_shows_is_noted(kept: Path) -> None:
    for path in kept.glob("*/*.journal"):
        span, noting = Span(), Noting()
        journal_span(path.read_bytes(), noting, 0, lambda: None)
        journal_span(path.read_bytes(), span, 0, lambda: None)
        shown = subprocess.run(
            ["journalctl", "--file", path, "-o", "short-unix", "--no-pager", "-q"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.splitlines()
        assert noting.seconds[2:] == [
            int(float(line.split()[0])) for line in shown
        ]  # the first two come from the header
        assert (span.first_s, span.last_s) == (noting.seconds[2], noting.seconds[-1])


def test_a_journal_is_protected_where_each_file_is_sealed(kept: Path) -> None:
    paths = sorted(kept.glob("*/*.journal"))
    for path in paths[:-1]:
        seal(path)
    assert holding(kept)["protected"] is False
    seal(paths[-1])
    assert holding(kept)["protected"] is True


def seal(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[FLAGS] |= 1
    path.write_bytes(content)


def test_an_archive_that_is_cut_off_or_no_journal_is_no_shorter_log(kept: Path) -> None:
    archive = next(kept.glob("*/system@a-2-2.journal"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    with refusal(Reason.UNREADABLE, "system@a-2-2.journal has .*journalctl --verify"):
        holding(kept)
    archive.write_bytes(b"")
    with refusal(Reason.UNREADABLE, "system@a-2-2"):
        holding(kept)
    for path in kept.glob("*/*"):
        path.unlink()
    with refusal(Reason.NOT_FOUND, "Storage=persistent"):
        holding(kept)


def test_a_journal_with_fewer_entries_than_it_says_is_no_journal(kept: Path) -> None:
    content = bytearray(next(kept.glob("*/system@a-2-2.journal")).read_bytes())
    (array,) = struct.unpack_from("<Q", content, 176)
    struct.pack_into("<Q", content, array + 16, 0)  # the chain of arrays ends after its first one
    with pytest.raises(Malformed, match="fewer entries than it says"):
        journal_span(bytes(content), Span(), 0, lambda: None)


def test_no_byte_of_a_real_journal_can_do_more_than_be_malformed(kept: Path) -> None:
    whole = next(kept.glob("*/system.journal")).read_bytes()
    for at in [*range(272), *range(272, len(whole), 9973)]:
        torn = bytearray(whole)
        torn[at] ^= 0xFF
        try:
            journal_span(bytes(torn), Span(), 0, lambda: None)
        except Malformed:
            continue


def test_it_is_read_in_a_reader_process_and_no_word_of_it_leaves(kept: Path) -> None:
    spec = SourceSpec(name="logs", plugin="log_store", options={"stores": [store(kept)]})
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    told = b"".join(one.SerializeToString() for one in reading.observations) + (reading.cursor or b"")
    assert b"canary" not in told
    assert b"0123456789abcdef" not in told
