import io
import re
import sys
import threading
import time
from typing import Any

import pytest
from rich.cells import cell_len

from ccmm_collector import judge_tables
from ccmm_collector.judge_tables import level_words, progress, show_centers, show_rebuild
from ccmm_collector.trust import NOTICES
from ccmm_collector.verdict_tables import NARROW_COLUMNS, seen_words, show_level, show_verdicts


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
    assert "正按 cc_cmm 2 重新裁定：120/500" in shown
    assert shown.splitlines()[-1].startswith("未签名的规则包")


def on_screen(monkeypatch: pytest.MonkeyPatch, language: str, *, everything: bool) -> str:
    """What a terminal of 100 columns shows, without its colors."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    show_verdicts(VERDICTS, language, everything=everything)
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())


def verdict(rule: str, heading: str, outcome: str, reached: int = 0) -> dict[str, Any]:
    return {
        "rule": rule,
        "heading": heading,
        "title": {"en": f"Title of {rule}", "zh": rule},
        "outcome": outcome,
        "reached": reached,
        "since": "2026-11-22T08:00:00.000+00:00",
        "valid_until": None,
        "seen": {"rate.n": 1234},
        "limits": {},
        "backfill_share": 0.0,
        "sentence": {"en": f"Title of {rule}: the reason why [b]it[/b] is so, at some length " * 2, "zh": "甚" * 80},
    }


VERDICTS: dict[str, Any] = {
    "center": "north",
    "pack": PACK | {"digest": "fedcba9876543210"},
    "level": {"level": 0, "coverage": 99.9, "sentence": {"en": "", "zh": ""}},
    "nonconformities": None,
    "notice": None,
    "headings": [
        {"id": "b", "title": {"en": "Second by name", "zh": "乙"}},
        {"id": "a", "title": {"en": "First by name", "zh": "甲"}},
        {"id": "c", "title": {"en": "All is well", "zh": "丙"}},
    ],
    "verdicts": [
        verdict("D-AAA-01", "a", "missing"),
        verdict("D-BBB-01", "b", "not_satisfied"),
        verdict("D-BBB-02", "b", "waived"),
        verdict("D-BBB-03", "b", "satisfied", 4),
        verdict("D-CCC-01", "c", "not_applicable"),
    ],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_a_terminal_of_100_columns_open_rules_stand_under_their_headings(
    monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    shown = on_screen(monkeypatch, language, everything=False)
    lines = shown.splitlines()
    assert max(cell_len(line) for line in lines) <= 100, shown
    titles = [heading["title"][language] for heading in VERDICTS["headings"]]
    places = [shown.find(name) for name in (titles[0], "D-BBB-01", "D-BBB-02", titles[1], "D-AAA-01")]
    assert places == sorted(places)
    assert places[0] >= 0
    assert not [hidden for hidden in ("D-BBB-03", "D-CCC-01", titles[2], "1234") if hidden in shown]
    assert shown.count(NARROW_COLUMNS[language][2]) == 1  # columns are named once
    counted = {
        "en": "5 rules: 1 satisfied, 1 not satisfied, 1 missing, 1 waived, 1 not applicable",
        "zh": "共 5 条规则：1 满足，1 不满足，1 缺少证据，1 豁免，1 不适用",
    }
    assert counted[language] in lines


HEADS = {
    "en": "by cc_cmm 1 (fedcba987654), coverage 99 %; our own interpretation, not the official text",
    "zh": "依据 cc_cmm 1（fedcba987654），覆盖率 99 %；规则包是自行解读，并非官方原文",
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_answer_says_first_by_which_pack_and_how_much_is_covered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    show_verdicts(VERDICTS, language, everything=False)
    assert capsys.readouterr().out.splitlines()[0] == HEADS[language]
    head = HEADS[language].replace(", coverage 99 %", "").replace("，覆盖率 99 %", "")
    show_verdicts(VERDICTS | {"level": None}, language, everything=False)  # of a model without coverage
    assert capsys.readouterr().out.splitlines()[0] == head
    standing = {"level": 0, "coverage": 99.9, "held_down_by": [], "next_level_gaps": [], "path": [], "next_level": None}
    show_level(VERDICTS | standing, language, everything=False)
    assert capsys.readouterr().out.splitlines()[0] == HEADS[language]


@pytest.mark.parametrize(
    ("share", "en", "zh"),
    [(0.958, " (96 % backfill)", "（96 % 为补录）"), (0.001, " (1 % backfill)", "（1 % 为补录）"), (0.0, "", "")],
)
def test_a_verdict_that_rests_on_backfill_says_how_much(
    share: float, en: str, zh: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = verdict("D-BBB-01", "b", "not_satisfied") | {"backfill_share": share}
    for language, suffix in (("en", en), ("zh", zh)):
        show_verdicts(VERDICTS | {"verdicts": [one]}, language, everything=False)
        row = capsys.readouterr().out.splitlines()[2]
        assert row.split("\t")[-1] == one["sentence"][language] + suffix


def test_all_rules_are_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_screen(monkeypatch, "en", everything=True)
    assert re.search("D-BBB-03 +satisfied [(]L4[)]", shown)
    assert re.search("D-CCC-01 +not applicable", shown)
    assert "--all" not in shown


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "-"), (0, "0 min"), (7199, "119 min"), (7200, "2 h"), (172800, "2 days")]
)
def test_an_age_is_told_in_the_unit_that_fits(
    seconds: int | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_centers(CENTERS | {"centers": [LINE | {"fresh_s": seconds}]}, "en")
    assert f"\t{said}\t" in capsys.readouterr().out


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


def test_a_person_who_waits_is_told_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_tables, "PATIENCE_SECONDS", 0.01)
    terminal, pipe, quick = Terminal(), io.StringIO(), Terminal()
    for stream in (terminal, pipe):
        with judge_tables.patience(stream, "zh"):
            time.sleep(0.1)
    assert (terminal.getvalue(), pipe.getvalue()) == ("仍在处理：正在读取日志并评定\n", "")
    monkeypatch.setattr(judge_tables, "PATIENCE_SECONDS", 60)
    with judge_tables.patience(quick):
        pass
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer) and thread.is_alive()]
    assert quick.getvalue() == ""


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
