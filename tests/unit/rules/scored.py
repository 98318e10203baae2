"""Small packs of any scoring model, and verdicts on their rules as a test wants them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ccmm_rules.evaluate import judge
from ccmm_rules.level import level_of
from ccmm_rules.load import pack_of
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome, Pack
from ccmm_rules.scoring.result import LevelResult
from ccmm_rules.verdict import Verdict

HEAD = """
id: scored
version: "1"
title: {{en: scored, zh: 评分}}
effective_from: "2026-01-01"
scoring: {scoring}
dimensions: {{D: {{en: D, zh: D}}}}
headings: {{D1: {{dimension: D, title: {{en: D, zh: D}}}}}}
"""
RULE = """
id: {id}
level: 1
gate: {gate}
heading: D1
title: {{en: "{id}", zh: "{id}"}}
remedy: {{en: "Mend.", zh: "改进。"}}
fresh_for: 26h
reads: {{x: {{documents: any}}}}
require: x.good >= 1
cases: [{{outcome: satisfied}}]
"""
STARS = """
  model: points_to_stars
  items_total: TOTAL
  origin: {bands: published}
  bands:
    - {label: five, min: 85, title: {en: five stars, zh: 五星级}}
    - {label: four, min: 70, title: {en: four stars, zh: 四星级}}
    - {label: plain, min: 60, title: {en: no star, zh: 无星级}}
    - {label: fail, min: 0, title: {en: not passed, zh: 未通过}}
"""
ITEMS = """
  {model: item_count_with_cure, items_total: TOTAL, certified_at: TOTAL,
  short_cure_from: 28, short_cure_days: 90, long_cure_months: 18}
"""
CONFORMITY = "{model: conformity, major_share: 0.5, cycle_months: 36, surveillance_months: [12, 24]}"
THRESHOLDS = "{model: threshold_table}"


def name_of(number: int) -> str:
    return f"ABC-ITM-{number:02}"


def control(number: int, rules: Sequence[int] = (), **more: object) -> str:
    """One control; without `about` in `more` it names the rules, or the rule of its own number."""
    parts = {"id": f"c{number}", "title": "{en: C, zh: C}", **{key: str(value).lower() for key, value in more.items()}}
    if not {"unpublished", "untested"} & set(more):
        parts["rules"] = f"[{', '.join(name_of(rule) for rule in rules or [number])}]"
    return f"  - {{{', '.join(f'{key}: {value}' for key, value in parts.items())}}}"


def scored_pack(scoring: str, controls: Sequence[str], rules: int, *, gates: Sequence[int] = ()) -> Pack:
    """Rules 1 to `rules`, and these controls."""
    files = {"pack.yaml": HEAD.format(scoring=scoring).encode()}
    files["controls.yaml"] = "\n".join(["controls:", *controls]).encode()
    for number in range(1, rules + 1):
        gate = str(number in gates).lower()
        files[f"{name_of(number)}.yaml"] = RULE.format(id=name_of(number), gate=gate).encode()
    return pack_of(files)


def verdicts_on(pack: Pack, outcomes: Mapping[int, Outcome], otherwise: Outcome) -> dict[str, Verdict]:
    """Verdicts with the same outcome at every level."""
    by_name = {name_of(number): outcome for number, outcome in outcomes.items()}
    return {
        name: replace(verdict, outcomes=dict.fromkeys(verdict.outcomes, by_name.get(name, otherwise)))
        for name, verdict in judge(pack, MemoryEvidence([], {}), 0).items()
    }


def result_of(
    pack: Pack,
    outcomes: Mapping[int, Outcome] | None = None,
    otherwise: Outcome = Outcome.SATISFIED,
    at_ms: int = 0,
) -> LevelResult:
    return level_of(pack, verdicts_on(pack, outcomes or {}, otherwise), MemoryEvidence([], {}), at_ms)
