"""Since when logs are kept and with what gaps, by hand; what cannot be seen whole is no shorter log."""

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Reason, Window
from ccmm_agent.testing import check_source
from tests.support.refusals import refusal
from tests.support.rotated_logs import HOUR, NOON, ZONE, holding, lines, of_files, rotated, source, write

__all__ = ["rotated"]


def test_it_keeps_the_contract(rotated: Path, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(of_files(rotated)), source(of_files(tmp_path / "nothing")), window=window)


def test_a_rotated_log_is_as_old_as_its_first_line_and_its_gaps_are_counted(rotated: Path) -> None:
    found = holding(of_files(rotated, stated={"began": "2026-01-01", "protected": True, "floor_days": 180}))
    millis = int((NOON - timedelta(days=200)).timestamp() * 1000)
    assert found["oldest"] == millis
    assert found["newest"] == int((NOON - HOUR).timestamp() * 1000)
    assert (found["kept_days"], found["online_days"], found["files"]) == (200, 200, 5)
    assert found["gap_share"] == pytest.approx(100 * 2 / 719)  # whole hours in 30 days: the first one has begun before
    assert (found["class"], found["source"], found["protected"], found["floor_days"]) == ("log", "acd", True, 180)
    assert found["began"] == 1767225600000


def test_a_log_that_is_quiet_by_nature_has_longer_slots(rotated: Path) -> None:
    assert holding(of_files(rotated, slot="2h"))["gap_share"] == 0
    assert holding(of_files(rotated, slot="1h"))["gap_share"] != 0


def test_a_middle_file_that_somebody_took_away_is_a_gap(rotated: Path) -> None:
    (rotated / "messages.2.bz2").unlink()
    assert holding(of_files(rotated))["gap_share"] == pytest.approx(100 * (15 * 24 + 1) / 719)


def test_a_store_that_ended_yesterday_says_so(rotated: Path) -> None:
    (rotated / "messages").unlink()
    found = holding(of_files(rotated))
    assert found["newest"] == int((NOON - timedelta(days=1) - HOUR).timestamp() * 1000)
    assert found["gap_share"] == pytest.approx(100 * (24 + 2) / 719)


@pytest.mark.parametrize(
    ("name", "content", "reason", "words"),
    [
        ("messages.3.gz", gzip.compress(lines([NOON]), mtime=0)[:-12], Reason.UNREADABLE, "torn"),
        ("messages.3.gz", b"no gzip", Reason.UNREADABLE, "torn"),
        ("messages.3.xz", b"no xz", Reason.UNREADABLE, "torn"),
        ("messages.3.zst", b"\x28\xb5\x2f\xfd", Reason.UNREADABLE, "not read here"),
        ("messages.3", b"no time in it: canary\n", Reason.UNREADABLE, "no line with a time"),
    ],
)
def test_one_file_that_cannot_be_read_is_no_shorter_log(
    rotated: Path, name: str, content: bytes, reason: Reason, words: str
) -> None:
    write(rotated / name, content, NOON)
    with refusal(reason, f"messages: .*{words}"):
        holding(of_files(rotated))


def test_an_empty_file_is_a_file_and_no_file_is_none(rotated: Path, tmp_path: Path) -> None:
    before = holding(of_files(rotated))
    write(rotated / "messages.0", b"", NOON)
    assert holding(of_files(rotated)) == {**before, "files": 6}
    with refusal(Reason.NOT_FOUND, "no file queue"):
        holding(of_files(rotated, pattern="queue*"))
    with refusal(Reason.NOT_FOUND, "is not there"):
        holding(of_files(tmp_path / "nothing"))


def test_a_log_too_large_for_one_reading_is_no_shorter_log(rotated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_plugin_facilities.log_store.LONGEST_S", -1.0)
    with refusal(Reason.TIMEOUT, "divide the stores"):
        holding(of_files(rotated))


def test_check_says_what_each_store_holds_and_what_is_missing(rotated: Path) -> None:
    stores = (of_files(rotated), of_files(rotated, name="gone", pattern="gone*", stated={"began": "2026-01-01"}))
    lines = list(source(*stores).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    told = [(line.subject, line.verdict) for line in lines]
    assert told == [("messages", "warning"), ("messages", "warning"), ("gone", "failed")]
    assert "kept 200 days; 0.28 %" in lines[0].detail
    assert "`began`" in lines[1].detail


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "tape"}, "files, journal or elasticsearch"),
        ({"times": "julian"}, "one of rfc3339"),
        ({"slot": "90m"}, "whole hours"),
        ({"pattern": "../x"}, "names of files"),
        ({"stated": {"began": "yesterday"}}, "a day such as"),
        ({"stated": {"protected": "yes"}}, "true or false"),
        ({"stated": {"kept_days": 400}}, "known options"),
        ({"kind": "elasticsearch", "url": "http://es.example", "index": "logs-*"}, "plain = true"),
        ({"kind": "elasticsearch", "url": "https://es.example", "index": "a/b"}, "index names"),
    ],
)
def test_a_store_that_cannot_be_is_refused_by_name(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        source(of_files(tmp_path, **changed))


def test_a_sealed_journal_is_not_stated_but_seen(tmp_path: Path) -> None:
    journal: dict[str, object] = {"name": "j", "source": "host", "kind": "journal", "folder": str(tmp_path)}
    with pytest.raises(BadOption, match="known options"):
        source({**journal, "stated": {"protected": True}})
