"""`item_count_with_cure`: how many items are met decides, and how long there is to cure the rest.

An item outside the center's scope is not met: the published thresholds are of all items. While items are open whose
text is not public, nobody can say how many are met, and so not by when the rest must be.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from ccmm_rules.model import Pack
from ccmm_rules.scoring.result import Concluded, ControlState, ItemScore
from ccmm_rules.scoring.standing import carrying, control_gaps, easiest_first, mean_backfill, open_controls
from ccmm_rules.scoring.words import with_unpublished
from ccmm_rules.standard import ItemNumbers
from ccmm_rules.verdict import Verdict

CERTIFIABLE, SHORT, LONG = "certifiable", "cure_short", "cure_long"


def concluded(
    pack: Pack, numbers: ItemNumbers, verdicts: Mapping[str, Verdict], states: Sequence[ControlState], at_ms: int
) -> Concluded:
    passed = sum(state.items for state in states if state.counts and state.met)
    standing = standing_of(numbers, passed)
    done = standing == CERTIFIABLE
    is_told = not any(state.counts and state.reason == "unpublished" for state in states)
    until = cure_until(numbers, standing, datetime.fromtimestamp(at_ms / 1000, UTC).date()) if is_told else None
    return Concluded(
        standing=standing,
        sentence=with_unpublished(_sentence(numbers, passed, standing, until), states),
        distance=max(numbers.certified_at - passed, 0),
        path=() if done else tuple(state.id for state in easiest_first(states) if state.counts),
        held_down_by=() if done else open_controls(states),
        gaps=() if done else control_gaps(pack, verdicts),
        backfill=mean_backfill(verdicts, carrying(pack, verdicts)),
        score=ItemScore(
            items_passed=passed,
            items_total=numbers.items_total,
            certified_at=numbers.certified_at,
            cure_days=numbers.short_cure_days if standing == SHORT and is_told else None,
            cure_months=numbers.long_cure_months if standing == LONG and is_told else None,
            cure_until=until.isoformat() if until is not None else "",
        ),
    )


def standing_of(numbers: ItemNumbers, passed: int) -> str:
    if passed >= numbers.certified_at:
        return CERTIFIABLE
    return SHORT if passed >= numbers.short_cure_from else LONG


def cure_until(numbers: ItemNumbers, standing: str, judged: date) -> date | None:
    """The last day to cure; None where there is nothing to cure. Months keep the day, or take the month's last."""
    if standing == CERTIFIABLE:
        return None
    if standing == SHORT:
        return judged + timedelta(days=numbers.short_cure_days)
    months = judged.year * 12 + judged.month - 1 + numbers.long_cure_months
    year, month = months // 12, months % 12 + 1
    return date(year, month, min(judged.day, monthrange(year, month)[1]))


def _sentence(numbers: ItemNumbers, passed: int, standing: str, until: date | None) -> dict[str, str]:
    told = {
        "en": f"{passed} of {numbers.items_total} items met",
        "zh": f"{numbers.items_total} 项中满足 {passed} 项",
    }
    if until is None and standing != CERTIFIABLE:
        told["en"] += "; by when the rest must be met cannot be said"
        told["zh"] += "；其余的改进期限无从得出"
    elif standing == SHORT:
        told["en"] += f"; {numbers.short_cure_days} days to cure the rest, until {until}"
        told["zh"] += f"；其余须在 {numbers.short_cure_days} 天内改进，至 {until}"
    elif standing == LONG:
        told["en"] += f"; {numbers.long_cure_months} months to cure the rest, until {until}"
        told["zh"] += f"；其余须在 {numbers.long_cure_months} 个月内改进，至 {until}"
    return told
