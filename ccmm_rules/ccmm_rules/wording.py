"""What a verdict says to people, in English and Chinese, with its numbers."""

from collections.abc import Mapping

from ccmm_rules.conclude import Conclusion
from ccmm_rules.expression import Scalar
from ccmm_rules.model import Outcome, Rule
from ccmm_rules.needs import needs_of

OUTCOMES = {
    Outcome.SATISFIED: ("satisfied", "满足"),
    Outcome.NOT_SATISFIED: ("not satisfied", "不满足"),
    Outcome.MISSING: ("no current evidence", "缺少有效证据"),
    Outcome.INCONCLUSIVE: ("cannot be decided", "无法判定"),
    Outcome.NOT_APPLICABLE: ("not applicable", "不适用"),
    Outcome.WAIVED: ("waived", "已豁免"),
}
REASONS = {
    "never": ("nothing was ever heard of it", "从未收到其数据"),
    "stale": ("it has not been heard lately", "数据已过期"),
    "silent": ("its source could not be read or did not run", "数据源无法读取或未运行"),
    "hole": ("a statement of the center is lost", "中心有声明缺失"),
    "uncovered": ("part of its time was not vouched for", "部分时段没有数据源覆盖"),
    "sample": ("there is too little of it", "样本不足"),
    "empty": ("there is none of it, and the rule does not take none as proof", "没有发生，规则不以此为证"),
    "incomplete": ("no complete list arrived", "未收到完整清单"),
    "disputed": ("two statements contradict each other", "两份声明相互矛盾"),
    "keys": ("its pseudonyms were made with different keys", "假名密钥不一致，无法关联"),
    "unanswered": ("the center has not answered it, or the answer ran out", "中心未回答或答案已过期"),
    "undecidable": ("some entries lack what the test needs", "部分条目缺少判定所需的属性"),
    "undecided": ("it may be met or not", "可能满足也可能不满足"),
    "limit": ("no limit is set at this level", "该等级未设限值"),
    "zone": ("the center has not stated its time zone", "中心未声明时区"),
    "hold": ("it has not been so for long enough yet", "持续时间尚不足"),
    "rules": ("some of the rules it reads cannot be decided", "所读取的规则中有无法判定者"),
    "not_in_force": ("the rule is not in force on this day", "该规则当日未生效"),
    "scope": ("outside the center's scope", "不在中心范围内"),
    "values": ("", ""),
    "": ("", ""),
}


def sentence(
    rule: Rule,
    level: int,
    conclusion: Conclusion,
    reached: int,
    seen: Mapping[str, Scalar],
    limits: Mapping[str, float],
) -> dict[str, str]:
    """One sentence per language."""
    outcome_en, outcome_zh = OUTCOMES[conclusion.outcome]
    why_en, why_zh = REASONS.get(conclusion.reason, (conclusion.reason, conclusion.reason))
    reach_en = f" (reaches L{reached})" if reached > level else ""
    reach_zh = f"（达到 L{reached}）" if reached > level else ""
    numbers = _numbers(rule, seen, limits)
    about_en = f", {conclusion.blamed}: {why_en}" if why_en and conclusion.blamed else ""
    about_zh = f"，{conclusion.blamed}：{why_zh}" if why_zh and conclusion.blamed else ""
    return {
        "en": f"{rule.titles['en']}: {outcome_en} at L{level}{reach_en}{about_en}{f'; {numbers}' if numbers else ''}",
        "zh": f"{rule.titles['zh']}：L{level} {outcome_zh}{reach_zh}{about_zh}{f'；{numbers}' if numbers else ''}",
    }


def _numbers(rule: Rule, seen: Mapping[str, Scalar], limits: Mapping[str, float]) -> str:
    units = {read.full(short): unit for read in rule.reads for short, unit in read.units.items()}
    parts = [
        f"{name} = {_shown(value)}{_unit(units.get(name, ''))}"
        for name, value in seen.items()
        if name in rule.require.names
    ]
    parts += [f"{name} {_shown(value)}" for name, value in limits.items()]
    return ", ".join(parts)


def _shown(value: Scalar) -> str:
    return f"{value:.10g}" if isinstance(value, bool) or not isinstance(value, float) else f"{round(value, 2):.10g}"


def _unit(unit: str) -> str:
    return "" if unit in ("", "count") else f" {unit}"


def explain(rule: Rule) -> dict[str, str]:
    """What the rule asks, reads and shows, as plain text in each language."""
    return {language: "\n".join(_lines(rule, language)) for language in ("en", "zh")}


_LABELS = {
    "en": (
        "from level",
        "gate",
        "reads",
        "requires",
        "limits",
        "look at least every",
        "remedy",
        "applies if",
        "refers to",
    ),
    "zh": ("起始等级", "一票否决", "读取", "要求", "限值", "最长间隔", "改进", "适用条件", "参照"),
}


def _lines(rule: Rule, language: str) -> list[str]:
    start, gate, reads, requires, limits, every, remedy, applies, refers = _LABELS[language]
    lines = [f"{rule.id}  {rule.titles[language]}", f"{start} L{rule.level}{f' · {gate}' if rule.gate else ''}"]
    lines += [f"{applies}: {rule.applies.source}"] if rule.applies is not None else []
    lines.append(f"{reads}:")
    lines += [f"  {read.name}: {', '.join(needs_of(read, language))}" for read in rule.reads]
    lines.append(f"{requires}: {' '.join(rule.require.source.split())}")
    for table in rule.limits:
        values = " ".join(f"L{level} {value:g}" for level, value in sorted(table.values.items()))
        lines.append(f"{limits} {table.name} ({table.unit}): {values}")
    lines.append(f"{every}: {rule.fresh_for_ms // 3_600_000} h")
    lines.append(f"{remedy}: {rule.remedy[language]}")
    lines += [f"{refers}: {', '.join(rule.crosswalk)}"] if rule.crosswalk else []
    return lines
