"""One old file beside a young log is no log that was kept, and lines of last year fill no gap of this one."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Options, Reason, SourceUnavailable
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.log_store import LogStore

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def file(folder: Path, name: str, first: datetime, last: datetime, form: str = "%Y-%m-%dT%H:%M:%SZ") -> None:
    hours = range(int((last - first) / timedelta(hours=1)) + 1)
    lines = [f"{first + timedelta(hours=hour):{form}} host app: x\n" for hour in hours]
    (folder / name).write_text("".join(lines))
    os.utime(folder / name, (last.timestamp(), last.timestamp()))


def kept(folder: Path, **changed: object) -> tuple[int, datetime, Done]:
    store = {"name": "switch", "source": "acd", "kind": "files", "folder": str(folder), "pattern": "log*", **changed}
    source = LogStore.from_options(Options({"stores": [store]}))
    (found,), done = read_all(source, now=NOW, zone=ZoneInfo("UTC"))
    told = {one.name: one.value for one in found.inventory.entries[0].attributes}
    return told["kept_days"].whole, datetime.fromtimestamp(told["oldest"].time_ms / 1000, UTC), done


def test_what_lies_behind_a_hole_is_there_and_was_not_kept(tmp_path: Path) -> None:
    file(tmp_path, "log", NOW - 40 * DAY, NOW)
    file(tmp_path, "log.1", NOW - 60 * DAY, NOW - 41 * DAY)
    assert kept(tmp_path)[0] == 60
    file(tmp_path, "log.9", NOW - 700 * DAY, NOW - 690 * DAY)
    days, oldest, done = kept(tmp_path)
    assert (days, oldest) == (60, NOW - 700 * DAY)
    assert done.detail == "a hole of more than a week before what is kept: switch"


def test_touching_the_old_file_closes_no_hole(tmp_path: Path) -> None:
    file(tmp_path, "log", NOW - 40 * DAY, NOW)
    file(tmp_path, "log.9", NOW - 700 * DAY, NOW - 690 * DAY)
    os.utime(tmp_path / "log.9", (NOW.timestamp(), NOW.timestamp()))
    assert kept(tmp_path)[0] == 40


def test_a_file_of_more_than_a_year_without_years_is_refused(tmp_path: Path) -> None:
    file(tmp_path, "log", NOW - 330 * DAY, NOW, form="%b %d %H:%M:%S")
    assert kept(tmp_path, times="rfc3164")[0] == 330
    file(tmp_path, "log", NOW - 380 * DAY, NOW, form="%b %d %H:%M:%S")
    with pytest.raises(SourceUnavailable, match="more than a year") as caught:
        kept(tmp_path, times="rfc3164")
    assert caught.value.reason is Reason.UNREADABLE
