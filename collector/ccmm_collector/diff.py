"""What another pack would change: both judge the stored evidence at one instant, and nothing is kept.

document = diff(inquiry, inquiry.moment(None, None), old, new, progress)
"""

import json
from collections.abc import Callable
from typing import Any

from ccmm_collector.answers import iso, pack_head
from ccmm_collector.inquiry import Inquiry, Moment
from ccmm_collector.packs import Chosen
from ccmm_collector.verdict_store import Judged
from ccmm_rules.verdict import Verdict

Progress = Callable[[str, int, int], None]  # what, done, of
_SHOWN = ("level", "standing", "sentence", "provisional", "backfill_percent", "coverage")


def diff(inquiry: Inquiry, moment: Moment, old: Chosen, new: Chosen, progress: Progress) -> dict[str, Any]:
    """Every center with what would change of it; centers without a change are counted only."""
    centers, changed = inquiry.centers(moment), []
    for number, center in enumerate(centers, start=1):
        before, after = (inquiry.judge(center, moment, chosen.pack) for chosen in (old, new))
        line = _center(before, after)
        if line["level_changes"] or line["verdicts"]:
            changed.append(line)
        progress("centers judged by both", number, len(centers))
    return {
        "at": iso(moment.at_ms),
        "old": pack_head(old, moment.at_ms),
        "new": pack_head(new, moment.at_ms),
        "rules": _rules(old, new),
        "centers": changed,
        "unchanged": len(centers) - len(changed),
    }


def _rules(old: Chosen, new: Chosen) -> dict[str, list[str]]:
    before, after = old.pack.rules, new.pack.rules
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(rule for rule in before.keys() & after.keys() if before[rule].digest != after[rule].digest),
    }


def _center(before: Judged, after: Judged) -> dict[str, Any]:
    levels = [json.loads(judged.level or "{}") for judged in (before, after)]
    old, new = ({name: level.get(name) for name in _SHOWN} for level in levels)
    verdicts = [
        {"rule": rule, "old": _concluded(before.verdicts.get(rule)), "new": _concluded(after.verdicts.get(rule))}
        for rule in sorted(before.verdicts.keys() | after.verdicts.keys())
    ]
    return {
        "center": before.center,
        "old": old,
        "new": new,
        "level_changes": (old["level"], old["standing"]) != (new["level"], new["standing"]),
        "verdicts": [line for line in verdicts if line["old"] != line["new"]],
    }


def _concluded(verdict: Verdict | None) -> dict[str, Any] | None:
    """What of a verdict a change would be noticed in; None where the pack has no such rule."""
    if verdict is None:
        return None
    outcomes = {f"L{level}": outcome.value for level, outcome in verdict.outcomes.items()}
    return {"outcome": verdict.outcome.value, "reached": verdict.reached, "outcomes": outcomes}
