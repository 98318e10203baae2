"""The page of cc_cmm says how far back each table must reach and which rules compare two systems, as the rules read."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

from ccmm_rules.dependence import remaining, uses
from ccmm_rules.load import load_pack
from ccmm_rules.model import Pack, Read, Rule
from ccmm_rules.operators.holes import LOWERED, RAISED
from ccmm_rules.spec import MatchSpec, RowsSpec, Window

PAGE = Path(__file__).parents[3] / "docs" / "packs" / "cc_cmm.md"
DAYS = {"d": 1, "w": 7, "mo": 31, "q": 92}


@cache
def pack() -> Pack:
    return load_pack(Path(str(resources.files("ccmm_rules"))) / "packs" / "cc_cmm")


def days_of(over: Window, *, closed: bool) -> int:
    """At most. Of closed months or quarters, the running one lies before them."""
    return DAYS[over.unit] * (over.count + (closed and over.unit in ("mo", "q")))


def must_be_whole(rule: Rule, read: Read, level: int) -> bool:
    """Whether the level asks something of the read that rows which are not there could turn."""
    left = remaining(rule.require.tree, {"level": level})
    return any(not _only_reached(rule, read, short) for short in read.names if read.full(short) in left)


def _only_reached(rule: Rule, read: Read, short: str) -> bool:
    allowed = {">="} if short in RAISED else {"<="} if short in LOWERED else set()
    return bool(allowed) and uses(rule.require.tree, read.full(short)) <= allowed


def windows(read: Read) -> Iterator[tuple[str, int]]:
    """(table, days) that the read looks back."""
    spec = read.spec
    over: Window | None = getattr(spec, "over", None)
    if over is None or over.unit == "h":
        return
    if isinstance(spec, RowsSpec):
        grouped = spec.group is not None and bool(spec.group.unit)
        yield spec.source.kind if spec.source.form == "occurrence" else "", days_of(over, closed=grouped)
    elif isinstance(spec, MatchSpec):
        for source in (spec.base, *(partner.source for partner in spec.partners)):
            yield source.kind if source.form == "occurrence" else "", days_of(over, closed=False)


def needed() -> dict[str, list[str]]:
    """What stands in the page's table: days at L1, L2 and L3."""
    found: dict[str, list[int]] = {}
    for rule in pack().rules.values():
        for level in range(rule.level, 4):
            for read in (read for read in rule.reads if must_be_whole(rule, read, level)):
                for name, days in windows(read):
                    if name and "." not in name and name != "silence":  # the engine makes those
                        row = found.setdefault(name, [0, 0, 0])
                        row[level - 1] = max(row[level - 1], days)
    return {name: [str(days) if days else "–" for days in row] for name, row in found.items()}


def test_the_page_says_how_old_the_oldest_row_of_each_table_must_be() -> None:
    after = PAGE.read_text(encoding="utf-8").split("must be older than:", 1)[1].split("\n\n", 2)[1]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in after.splitlines()[2:]]
    told = {row[0]: row[1:] for row in rows}
    assert told == needed()


def test_the_page_names_every_rule_that_compares_what_two_lists_or_systems_say() -> None:
    after = PAGE.read_text(encoding="utf-8").split("Cross-checks of two systems: ", 1)[1].split("\n\n", 1)[0]
    told = set(re.findall(r"[DEMOI]-[A-Z]+-\d\d", after))
    joins = {
        rule.id
        for rule in pack().rules.values()
        for read in rule.reads
        if isinstance(read.spec, MatchSpec)
        and any(partner.source.kind != read.spec.base.kind for partner in read.spec.partners)
    }
    assert told == joins
