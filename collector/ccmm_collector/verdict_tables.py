"""What `verdicts` and `level` show on a terminal, and as plain lines where the output is piped."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.cells import chop_cells
from rich.console import Console
from rich.table import Table

from ccmm_collector.judge_tables import WORDS, level_words, minute, nonconformity_counts, show_notice, show_table

COLUMNS = {
    "en": ("rule", "title", "outcome", "reached", "since", "valid until", "seen", "why"),
    "zh": ("规则", "名称", "结论", "达到", "自", "有效至", "实测值", "原因"),
}
NARROW_COLUMNS = {
    "en": ("rule", "outcome", "since / until", "why"),
    "zh": ("规则", "结论", "自 / 有效至", "原因"),
}
_HEAD = {  # pack, version, digest; then coverage, where there is one
    "en": ("by {} {} ({}){}; our own interpretation, not the official text", ", coverage {} %"),
    "zh": ("依据 {} {}（{}）{}；规则包是自行解读，并非官方原文", "，覆盖率 {} %"),
}
_BACKFILL = {"en": " ({} % backfill)", "zh": "（{} % 为补录）"}
_WIDTHS = (10, 14, 17)
_PADDING = 8  # one cell on both sides of each column
_STYLES = {"satisfied": "green", "not_satisfied": "red", "missing": "yellow", "inconclusive": "yellow"}
_CLOSED = ("satisfied", "not_applicable")
_ORDER = ("satisfied", "not_satisfied", "missing", "inconclusive", "waived", "not_applicable")


def show_verdicts(answer: dict[str, Any], language: str, *, everything: bool) -> None:
    """By heading, one line for each rule that is open, or for every one; then how many have which outcome."""
    words, level = WORDS[language], answer["level"] or {}
    _show_head(answer["pack"], level.get("coverage"), language)
    order = {heading["id"]: number for number, heading in enumerate(answer["headings"])}
    ranked = sorted(answer["verdicts"], key=lambda verdict: order[verdict["heading"]])
    shown = [verdict for verdict in ranked if everything or verdict["outcome"] not in _CLOSED]
    if sys.stdout.isatty():
        _show_headings(answer["headings"], shown, language)
    else:
        show_table(COLUMNS[language], [_row(verdict, language) for verdict in shown])
    counted = Counter(v["outcome"] for v in answer["verdicts"])
    outcomes = words["comma"].join(f"{counted[name]} {words[name]}" for name in _ORDER if counted[name])
    number = len(answer["verdicts"])
    print(words["counted_one" if number == 1 else "counted"].format(number, outcomes))
    if len(shown) < number:
        print(words["more"])
    print(_concluded(answer["center"], level, language))
    _show_nonconformities(answer["nonconformities"], language)
    show_notice(answer, language)


def _show_head(pack: dict[str, Any], coverage: float | None, language: str) -> None:
    """`by cc_cmm 1.0 (a1b2c3d4e5f6), coverage 97 %; ...`: what every answer rests on. No part of it is rounded up."""
    head, covered = _HEAD[language]
    told = "" if coverage is None else covered.format(int(coverage))
    print(head.format(pack["id"], pack["version"], pack["digest"][:12], told))


def _why(verdict: dict[str, Any], language: str) -> str:
    """The sentence, and how much of what it rests on was delivered afterwards."""
    percent = 100 * (verdict["backfill_share"] or 0)
    return str(verdict["sentence"][language]) + (_BACKFILL[language].format(max(round(percent), 1)) if percent else "")


def _show_headings(headings: Sequence[dict[str, Any]], shown: Sequence[dict[str, Any]], language: str) -> None:
    """Tables that stay readable at 100 columns: what was seen stands in the sentence, so it has no column."""
    titles = {heading["id"]: heading["title"][language] for heading in headings}
    console = Console(markup=False, highlight=False)
    for number, (heading, verdicts) in enumerate(groupby(shown, key=lambda verdict: str(verdict["heading"]))):
        table = _heading_table(titles[heading], language, with_columns=number == 0)
        for verdict in verdicts:
            table.add_row(
                verdict["rule"],
                _outcome(verdict, language),
                f"{minute(verdict['since'])}\n{minute(verdict['valid_until'])}",
                _folded(_why(verdict, language), console.width - sum(_WIDTHS) - _PADDING, language),
                style=_STYLES.get(verdict["outcome"], ""),
            )
        console.print(table)


def _folded(sentence: str, width: int, language: str) -> str:
    """Chinese is not broken at its few spaces, which would leave half of each line empty, but where the line ends."""
    return "\n".join(chop_cells(sentence, max(width, 2))) if language == "zh" else sentence


def _heading_table(title: str, language: str, *, with_columns: bool) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, expand=True)
    table.show_header = with_columns
    for column, width in zip(NARROW_COLUMNS[language], (*_WIDTHS, None), strict=True):
        table.add_column(column, overflow="fold", width=width, ratio=None if width else 1)
    return table


def _outcome(verdict: dict[str, Any], language: str) -> str:
    """`satisfied (L4)`: the highest level up to which it is."""
    reached = f" (L{verdict['reached']})" if verdict["reached"] else ""
    return WORDS[language][verdict["outcome"]] + reached


def _row(verdict: dict[str, Any], language: str) -> tuple[str, ...]:
    return (
        verdict["rule"],
        verdict["title"][language],
        WORDS[language][verdict["outcome"]],
        f"L{verdict['reached']}" if verdict["reached"] else "-",
        minute(verdict["since"]),
        minute(verdict["valid_until"]),
        seen_words(verdict),
        _why(verdict, language),
    )


def _concluded(center: str, standing: dict[str, Any], language: str) -> str:
    """`north: level L3`, or the sentence of a model without levels."""
    words = WORDS[language]
    level = f"{words['level']} " if standing.get("level") else ""
    return f"{center}{words['colon']}{level}{level_words(standing, language)}"


def seen_words(verdict: dict[str, Any]) -> str:
    """`rate=97.5 rate.n=1200 (limit 95)`."""
    seen = " ".join(f"{name}={_number(value)}" for name, value in sorted(verdict["seen"].items()))
    limits = " ".join(f"{name} {_number(value)}" for name, value in sorted(verdict["limits"].items()))
    return f"{seen} ({limits})" if limits else seen


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _show_nonconformities(found: dict[str, Any] | None, language: str) -> None:
    """How many are open, each with what began it and when its grace ended, and what alone closes it."""
    words = WORDS[language]
    if found is None:
        print(words["untold"])
        return
    kept = minute(found["kept_since"])
    if not found["open"]:
        print(words["no_nonconformity"].format(kept))
        return
    print(words["nonconformities"].format(nonconformity_counts(found, language), kept))
    for one in found["open"]:
        times = words["lasted"].format(minute(one["since"]), minute(one["grace_ended"]))
        now = "" if one["outcome"] == "not_satisfied" else words["by_now"].format(words[one["outcome"]])
        print(f"  {words[one['grade']]} {one['rule']} (L{one['level']}) {one['title'][language]}")
        print(f"    {times}{now}")
    print(words["closes"])


def show_level(answer: dict[str, Any], language: str, *, everything: bool) -> None:
    """The level, what holds it down, and the shortest way to more, whatever the scoring model."""
    _show_head(answer["pack"], answer.get("coverage"), language)
    print(_concluded(answer["center"], answer, language))
    if answer.get("level") is not None and answer.get("sentence"):
        print(f"  {answer['sentence'][language]}")
    for obstacle in answer["held_down_by"]:
        print(f"  {WORDS[language]['held']}{_obstacle(answer, obstacle, language)}")
    _show_gaps(answer, language, everything=everything)
    _show_nonconformities(answer["nonconformities"], language)
    show_notice(answer, language)


def _obstacle(answer: dict[str, Any], obstacle: dict[str, Any], language: str) -> str:
    """`gate rule D-SEC-09 Leavers have no live accounts: missing`, `share of rules satisfied: 88 %, 90 % needed`."""
    words, condition, subject = WORDS[language], obstacle["condition"], obstacle["subject"]
    name = f"{words[condition]} {subject}".strip()
    if condition == "gate":
        gap = next(gap for gap in answer["next_level_gaps"] if gap["rule"] == subject)
        return f"{name} {gap['title'][language]}{words['colon']}{words[gap['outcome']]}"
    if condition == "control":
        control = next(control for control in answer["controls"] if control["id"] == subject)
        state = words[control["reason"] if control["reason"] in ("unpublished", "untested") else control["outcome"]]
        return f"{name} {control['title'][language]}{words['colon']}{state}"
    found, needed = (f"{100 * obstacle[side]:.4g}" for side in ("found", "needed"))
    return f"{name}{words['colon']}{words['at_most' if condition == 'backfill' else 'at_least'].format(found, needed)}"


def _show_gaps(answer: dict[str, Any], language: str, *, everything: bool) -> None:
    """Those on the shortest way with what mends them; the others by name, or with `everything` like those."""
    words, gaps, path = WORDS[language], answer["next_level_gaps"], answer["path"]
    near = [gap for gap in gaps if everything or not answer["next_level"] or gap["rule"] in path]
    others = [gap for gap in gaps if gap not in near]
    goal = words["gaps"].format(f"L{answer['next_level']}") if answer["next_level"] else words["open"]
    for gap in near:
        mark = words["shortest"] if gap["rule"] in path and answer["next_level"] else ""
        print(f"  {goal}{words['colon']}{_gap(gap, language)}{mark}")
        print(f"    {gap['remedy'][language]}")
    if others:
        print(f"  {words['also_open_one' if len(others) == 1 else 'also_open'].format(len(others))}")
    for gap in others:
        print(f"    {_gap(gap, language)}")


def _gap(gap: dict[str, Any], language: str) -> str:
    words = WORDS[language]
    return f"{gap['rule']} {gap['title'][language]}{words['colon']}{words[gap['outcome']]}"
