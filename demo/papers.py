"""The controlled documents of a simulated center: Markdown files with front matter."""

import json
from datetime import datetime
from pathlib import Path

from demo.characters import Character
from demo.people import local

PLANS = ("power", "network", "platform", "surge", "fire", "security")
SINGLE = {  # class -> (title, approver, level from which the center keeps it, topics)
    "risk_register": ("Risk register", "center_head", 1, ()),
    "security_policy": ("Security policy", "top_management", 1, ()),
    "security_course": ("Security course", "security_owner", 1, ()),
    "licence": ("Licence to run a call center", "authority", 1, ()),
    "zone_plan": ("Plan of the zones", "center_head", 1, ()),
    "floor_plan": ("Plan of the floor", "center_head", 2, ()),
    "strategy": ("Strategy of the center", "top_management", 2, ()),
    "technology_plan": ("Technology plan", "top_management", 3, ("capacity", "end_of_support", "budget")),
}


def write_papers(folder: Path, character: Character, now: datetime) -> None:
    """One file per document; what stands below the front matter never leaves the center."""
    folder.mkdir()
    topics = '["return_to_normal", "reconciliation"]'
    _write(folder / "plan-overall.md", "emergency_plan", "Overall emergency plan", now, scope="overall", topics=topics)
    for scope in PLANS:
        _write(folder / f"plan-{scope}.md", "emergency_plan", f"Plan for {scope}", now, scope=scope)
    for kind, (title, approver, level, spoken_of) in SINGLE.items():
        if level <= character.maturity:
            named = json.dumps(list(spoken_of))
            _write(folder / f"{kind}.md", kind, title, now, approver=approver, topics=named)


def _write(
    path: Path,
    kind: str,
    title: str,
    now: datetime,
    *,
    scope: str = "",
    topics: str = "[]",
    approver: str = "center_head",
) -> None:
    approved, checked = local(now, 100).date(), local(now, 50).date()
    lines = [
        f'class = "{kind}"',
        'owner = "m0001"',
        f'title = "{title}"',
        'version = "2.1"',
        f'approver = "{approver}"',
        f"approved = {approved}",
        f"reviewed = {approved}",
        f"copy_checked = {checked}",
        f"valid_until = {local(now, -400).date()}",
        "live = true",
        f"topics = {topics}",
    ]
    lines += [f'scope = "{scope}"'] if scope else []
    path.write_text("\n".join(["+++", *lines, "+++", "", f"# {title}", "", "This text stays in the house.", ""]))
