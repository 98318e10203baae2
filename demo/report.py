"""The demo's table: each center's level, how sure it is, and its worst verdicts with their reasons."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.center import Center
from demo.headquarters import Headquarters

WORST = 3
ORDER = {"not_satisfied": 0, "missing": 1, "inconclusive": 2}


def print_report(headquarters: Headquarters, centers: Sequence[Center], console: Console) -> None:
    """One row a center, then how to look further."""
    table = Table(title="Levels by the pack cc_cmm (our own rules, not an official CC-CMM result)", show_lines=True)
    for column in ("center", "level", "coverage", "worst verdicts"):
        table.add_column(column, overflow="fold")
    with ThreadPoolExecutor() as at_once:
        answers = list(
            at_once.map(lambda center: headquarters.verdicts(center.character, center.last_index()), centers)
        )
    for center, answer in zip(centers, answers, strict=True):
        character, level = center.character, answer["level"]
        worst = _worst(answer["verdicts"], int(level["level"]) + 1)
        table.add_row(f"{character.id}\n{character.title}", _level(level), f"{level['coverage']:.0f} %", worst)
    console.print(table)
    collector = headquarters.folder
    console.print("Look further:", style="bold")
    for command in ("verdicts {} glasstower", "level {} harbour", "log {}", "verdicts {} riverside --lang zh"):
        console.print(f"  .venv/bin/ccmm-collector {command.format(_short(collector))}", highlight=False)
    console.print("  .venv/bin/ccmm-agent show-outbox .demo/harbour/agent", highlight=False)


def _short(path: object) -> str:
    return f".demo/{str(path).rpartition('/')[2]}"


def _level(level: dict[str, Any]) -> str:
    name = f"L{level['level']}" if level["level"] else "below L1"
    return f"{name}\n(provisional: {level['backfill_percent']:.0f} % backfill)" if level["provisional"] else name


def _worst(verdicts: list[dict[str, Any]], level: int) -> str:
    """The first few verdicts that are bad at the level that the center misses: gates first, then by outcome."""
    bad = sorted(
        (not verdict["gate"], ORDER[outcome], verdict["rule"], _reason(verdict, outcome, level))
        for verdict in verdicts
        if verdict["level"] <= level and (outcome := verdict["outcomes"].get(f"L{level}")) in ORDER
    )
    lines = [f"{rule} {reason}" for _, _, rule, reason in bad[:WORST]]
    if len(bad) > WORST:
        lines.append(f"... and {len(bad) - WORST} more")
    return "\n".join(f"· {line}" for line in lines) or "none"


def _reason(verdict: dict[str, Any], outcome: str, level: int) -> str:
    """The verdict's own sentence, which speaks of the rule's own level; else what it is at the level that is missed."""
    if verdict["outcome"] == outcome:
        return str(verdict["sentence"]["en"])
    return f"{verdict['title']['en']}: {outcome.replace('_', ' ')} at L{level}"
