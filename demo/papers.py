"""The controlled documents of a simulated center: Markdown files with front matter."""

import json
from datetime import datetime
from pathlib import Path

from ccmm_rules.vocabulary.tables import load_vocabulary
from demo.characters import Character
from demo.people import local

PLANS = ("power", "network", "platform", "surge", "fire", "security")
COMPLAINT_TOPICS = ("receipt", "owner", "limits", "reply", "cause")
SURVEY_TOPICS = ("question", "scale", "channel", "timing", "sample", "weighting", "no_answer_not_counted")
SINGLE = {  # class -> (title, approver, level from which the center keeps it, topics)
    "risk_register": ("Risk register", "center_head", 1, ()),
    "security_policy": ("Security policy", "top_management", 1, ()),
    "security_course": ("Security course", "security_owner", 1, ()),
    "licence": ("Licence to run a call center", "authority", 1, ()),
    "zone_plan": ("Plan of the zones", "center_head", 1, ()),
    "floor_plan": ("Plan of the floor", "center_head", 2, ()),
    "recruiting_plan": ("Recruiting plan", "center_head", 1, ()),
    "complaint_process": (
        "How complaints are handled",
        "center_head",
        1,
        COMPLAINT_TOPICS,
    ),
    "survey_method": ("How customers are asked", "center_head", 2, SURVEY_TOPICS),
    "impact_analysis": ("Business impact analysis", "center_head", 1, ()),
    "vendor_register": ("Register of vendors", "security_owner", 1, ()),
    "breach_notice": ("How a breach is told", "security_owner", 1, ()),
    "breach_register": ("Register of breaches", "security_owner", 1, ()),
    "security_audit": ("Security audit", "center_head", 1, ()),
    "security_risk_assessment": ("Security risk assessment", "center_head", 1, ()),
    "penetration_test": ("Penetration test", "center_head", 1, ()),
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
        "independent = true",
        f"topics = {topics}",
    ]
    lines += [f'scope = "{scope}"'] if scope else []
    path.write_text("\n".join(["+++", *lines, "+++", "", f"# {title}", "", "This text stays in the house.", ""]))


ATTESTED: dict[str, tuple[str, ...]] = {  # class -> what it says
    "workplace": ("m2_per_seat=4.6", "aisle_m=1.4", "rest_area=yes"),
    "no_reportable_incident": (),
    "no_new_services": (),
    "no_new_tools": (),
    "short_abandon_explained": (),
    "correction": ("author=m0001", "approver=m0002", "subject_owner=m0003"),
}


# The lowest tenth of the centers that an outside body compared.
LOWEST = {"fcr": 40, "ticket_on_time_rate": 60, "mystery_score": 50, "client_sla_attainment": 60}


def attestations_of(character: Character, now: datetime) -> dict[tuple[str, str], tuple[str, ...]]:
    """(class, title) -> NAME=VALUE of what the center's people have signed; each is bound to the paper `signed.md`."""
    found = {(kind, kind.replace("_", " ")): settings for kind, settings in ATTESTED.items()}
    if character.maturity >= 3:
        metrics = load_vocabulary().metrics
        for metric, low in LOWEST.items():
            quantiles = tuple(f"q{at}={low + number * 8}" for number, at in enumerate((10, 25, 50, 75, 90)))
            day = f"approved={local(now, 60).date()}"
            found["benchmark", metric] = (
                f"metric={metric}",
                f"definition={metrics[metric].hash}",
                "independent=yes",
                day,
                *quantiles,
            )
    return found
