import io
import sys

import pytest

from ccmm_collector.judge_tables import level_words, progress, show_centers, show_rebuild
from ccmm_collector.trust import NOTICES
from ccmm_collector.verdict_tables import seen_words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINE = {
    "center": "[bold]north[/bold]",
    "level": 3,
    "provisional": True,
    "backfill_percent": 62,
    "coverage": 97.5,
    "nonconformities": {"major": 1, "minor": 4},
    "fresh_s": 600,
    "last_seen": "2026-11-22T08:00:00.000+00:00",
    "agents": [
        {"agent": "pbx", "last_seen": "2026-11-22T08:00:00.000+00:00", "revoked": None},
        {"agent": "door", "last_seen": None, "revoked": None},
        {"agent": "old", "last_seen": None, "revoked": "stolen"},
    ],
    "judged_by": {"id": "cc_cmm", "version": "1", "digest": "aa"},
    "slow_sources": [{"source": "pbx/cdr", "every_s": 86400, "rules": ["M-KPI-01"]}],
}

PACK = {"id": "cc_cmm", "version": "1", "digest": "aa", "trust": "built_in", "signed_by": None}
CENTERS = {"centers": [LINE], "pack": PACK, "notice": None, "rejudging": None}


def test_a_provisional_level_says_how_much_is_backfill() -> None:
    assert level_words(LINE, "en") == "L3 (provisional: 62 % backfill)"
    assert level_words(LINE, "zh") == "L3 (暂定：62 % 为补录)"
    assert level_words({"level": 0, "provisional": False}, "en") == "no level"
    assert level_words({"level": None}, "en") == "-"


def test_values_stand_with_their_limits() -> None:
    assert seen_words({"seen": {"rate": 97.50000001, "rate.n": 1200}, "limits": {"limit": 95.0}}) == (
        "rate=97.5 rate.n=1200 (limit 95)"
    )


def test_on_a_terminal_names_are_shown_as_they_are_and_not_as_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "200")
    show_centers(CENTERS, "en")
    shown = terminal.getvalue()
    assert "[bold]north[/bold]" in shown
    assert "pbx, door (never heard), old (revoked)" in shown
    assert "1 major, 4 minor" in shown
    assert "pbx/cdr is read only every 86400 s: too slow for M-KPI-01" in shown


def test_while_another_pack_judges_the_older_levels_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    newer = PACK | {"version": "2", "digest": "bb", "trust": "unsigned"}
    told = CENTERS | {"pack": newer, "rejudging": {"done": 120, "of": 500}, "notice": dict(NOTICES["unsigned"])}
    show_centers(told, "en")
    shown = capsys.readouterr().out
    assert "L3 (provisional: 62 % backfill) (by cc_cmm 1)" in shown
    assert "re-judging 120 of 500 by cc_cmm 2; the others stand by the pack before" in shown
    assert shown.splitlines()[-1].startswith("unsigned pack")
    show_centers(told, "zh")
    shown = capsys.readouterr().out
    assert "正按 cc_cmm 2 重新评定：120/500" in shown
    assert shown.splitlines()[-1].startswith("未签名的规则包")


def test_a_model_without_levels_concludes_in_its_own_sentence() -> None:
    told = {"level": None, "sentence": {"en": "3 of 5 stars", "zh": "三星"}}
    assert (level_words(told, "en"), level_words(told, "zh")) == ("3 of 5 stars", "三星")


def test_progress_is_shown_on_a_terminal_only() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        tell = progress(stream)
        tell("log entries", 1, 2)
        tell("log entries", 2, 2)
    assert terminal.getvalue() == "\rlog entries: 1 of 2 \rlog entries: 2 of 2 \n"
    assert pipe.getvalue() == ""


def test_differences_of_a_rebuild_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    show_rebuild(
        {
            "equal": False,
            "entries": 3,
            "verdicts": 1,
            "swapped": False,
            "tables": {"entry": {"rows": 3, "sha256": "ab" * 32}},
            "differences": ["measure: 1 rows held, 2 from the log"],
        }
    )
    assert capsys.readouterr().out.splitlines()[-1] == "differs: measure: 1 rows held, 2 from the log"
