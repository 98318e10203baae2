"""What the names that a read binds are called: `idle.bad` is "accounts where last login more than 90 days ago".

How long filters and tests may grow is the caller's choice.
"""

from math import inf

from ccmm_rules.model import Read
from ccmm_rules.naming import attribute_title, dimension_title, feed_title, part_title
from ccmm_rules.pair_phrases import match_phrase
from ccmm_rules.row_names import names_of_rows
from ccmm_rules.row_phrases import plural, rows_phrase, told_of
from ccmm_rules.spec import (
    CoverageSpec,
    MatchSpec,
    MetricSpec,
    RowsSpec,
    RulesSpec,
    SeriesSpec,
    SlotSpec,
)
from ccmm_rules.speech import Speech, length_words, window_words
from ccmm_rules.vocabulary.tables import load_vocabulary

_EACH = {
    "day": ("days", "天数"),
    "week": ("weeks", "周数"),
    "month": ("months", "月数"),
    "quarter": ("quarters", "季度数"),
}


def phrase(read: Read, short: str, speech: Speech) -> str:
    """What the value of one name of a read is."""
    spec = read.spec
    if isinstance(spec, MetricSpec):
        return _metric(spec, short, speech)
    if isinstance(spec, SlotSpec):
        return _slots(spec, short, speech)
    if isinstance(spec, SeriesSpec):
        return _series(spec, short, speech)
    if isinstance(spec, CoverageSpec):
        return _coverage(spec, short, speech)
    if isinstance(spec, RowsSpec):
        return rows_phrase(spec, short, speech)
    if isinstance(spec, MatchSpec):
        return match_phrase(spec, short, speech)
    return _rules(spec, short, speech)


def metric_words(metric: str, where: tuple[tuple[str, str], ...], speech: Speech) -> str:
    """Its title, and of which part of the center."""
    title = load_vocabulary().metrics[metric].titles[speech.language]
    parts = [part_title(key, word, speech.language) for key, word in where]
    return title + (speech.pick(f" ({', '.join(parts)})", f"（{'、'.join(parts)}）") if parts else "")


def _metric(spec: MetricSpec, short: str, speech: Speech) -> str:
    title, window = metric_words(spec.metric, spec.where, speech), window_words(spec.over, speech)
    by = dimension_title(spec.group.by, speech.language) if spec.group is not None else ""
    worst = speech.pick(f", worst {by}", f"（最差{by}）") if by else ""
    said = {
        "": (f"{title}{window}{worst}", f"{window}{title}{worst}"),
        "n": (f"cases behind {title}{window}", f"{window}{title}的样本量"),
        "median": (f"median of {title} by {by}{window}", f"{window}各{by}{title}的中位数"),
        "mean": (f"mean of {title} by {by}{window}", f"{window}各{by}{title}的均值"),
        "spread": (f"spread of {title} by {by}{window}", f"{window}各{by}{title}的极差"),
        "groups": (f"{plural(by)} with {title}{window}", f"{window}有{title}的{by}数"),
    }
    return speech.pick(*said[short])


def meets_words(spec: SlotSpec, speech: Speech, *, good: bool) -> str:
    """`at least 95 %`, or of a bad slot `below 95 %`."""
    if spec.meets is None and spec.target:
        return speech.pick("on target", "达标") if good else speech.pick("off target", "未达标")
    if spec.meets is None:
        return speech.pick("within the limit", "在限值内") if good else speech.pick("beyond the limit", "超出限值")
    low, high = spec.meets
    unit = load_vocabulary().metrics[spec.metric].unit
    end = "" if unit in ("", "count", "p") else f" {unit}"
    if high == inf:
        return speech.pick(
            *(
                (f"at least {low:g}{end}", f"不低于 {low:g}{end}")
                if good
                else (f"below {low:g}{end}", f"低于 {low:g}{end}")
            )
        )
    if low == -inf:
        return speech.pick(
            *(
                (f"at most {high:g}{end}", f"不超过 {high:g}{end}")
                if good
                else (f"above {high:g}{end}", f"超过 {high:g}{end}")
            )
        )
    between = (f"{low:g} to {high:g}{end}", f"{low:g} 至 {high:g}{end}")
    return speech.pick(*(between if good else (f"outside {between[0]}", f"不在 {between[1]} 之间")))


def slot_words(spec: SlotSpec, speech: Speech) -> str:
    """spans of 24 hours, days."""
    if spec.every in _EACH:
        return speech.pick(*_EACH[spec.every]).removesuffix("数")
    length = length_words(spec.every, speech)
    if spec.step_ms is not None:
        return speech.pick(f"spans of any {length}", f"任意 {length} 时段")
    return speech.pick(f"spans of {length}", f"{length} 时段")


def _slots(spec: SlotSpec, short: str, speech: Speech) -> str:
    title, window = metric_words(spec.metric, spec.where, speech), window_words(spec.over, speech)
    slots = slot_words(spec, speech)
    if spec.group is not None:
        by = dimension_title(spec.group.by, speech.language)
        slots = speech.pick(f"{slots} by {by}", f"各{by}的{slots}")
    met, unmet = meets_words(spec, speech, good=True), meets_words(spec, speech, good=False)
    good = (f"{slots}{window} with {title} {met}", f"{window}{title}{met}的{slots}")
    bad = (f"{slots}{window} with {title} {unmet}", f"{window}{title}{unmet}的{slots}")
    said = {
        "n": (f"{slots}{window} with {title}", f"{window}有{title}的{slots}数"),
        "good": (good[0], f"{good[1]}数"),
        "bad": (bad[0], f"{bad[1]}数"),
        "share": (f"share of {good[0]}", f"{good[1]}占比"),
        "streak": (f"{good[0]}, in a row up to now", f"至今连续{good[1]}数"),
        "worst": (f"worst {title} of all {slots}{window}", f"{window}{slots}{title}最差值"),
        "median": (f"median {title} of all {slots}{window}", f"{window}{slots}{title}中位数"),
    }
    return speech.pick(*said[short])


def _series(spec: SeriesSpec, short: str, speech: Speech) -> str:
    window = window_words(spec.over, speech)
    every = speech.pick(spec.every, attribute_title(spec.every, "zh"))
    if spec.each:
        return _series_list(spec, short, speech)
    title = metric_words(spec.metric, spec.where, speech)
    said = {
        "": (f"{title} in the newest {every}", f"最近{every}的{title}"),
        "n": (f"{every}s of {title}{window}", f"{window}有{title}的{every}数"),
        "median": (f"median of {title} by {every}{window}", f"{window}各{every}{title}的中位数"),
        "step": (f"last change of {title} from one {every} to the next", f"{title}最近一{every}的变化"),
        "step_pct": (f"last change of {title} from one {every} to the next, in %", f"{title}最近一{every}的变化率"),
        "change": (f"change of {title}{window}", f"{window}{title}的变化"),
        "change_pct": (f"change of {title}{window}, in %", f"{window}{title}的变化率"),
        "signals": (f"points of {title} out of control{window}", f"{window}{title}的异常点数"),
        "p_better": (f"chance (p) that {title} did not get better{window}", f"{window}{title}好转趋势的 p 值"),
        "p_worse": (f"chance (p) that {title} did not get worse{window}", f"{window}{title}变差趋势的 p 值"),
    }
    return speech.pick(*said.get(short, (f"{short} of {title}{window}", f"{window}{title}的 {short}")))


def _series_list(spec: SeriesSpec, short: str, speech: Speech) -> str:
    question = load_vocabulary().profile[spec.each].titles[speech.language]
    base = speech.pick(f"entries of “{question}”", f"“{question}”中的项目")
    window = window_words(spec.over, speech)
    return told_of(base, window, spec.test, short, speech, names_of_rows("", speech.language))


def _coverage(spec: CoverageSpec, short: str, speech: Speech) -> str:
    feeds = speech.pick(", ", "、").join(feed_title(feed, speech.language) for feed in spec.feeds)
    window = window_words(spec.over, speech)
    by = attribute_title(spec.group.by, speech.language) if spec.group is not None else ""
    said = {
        "share": (f"share of time{window} for which {feeds} were delivered", f"{window}{feeds}的采集覆盖率"),
        "n": (f"slots due for {feeds}{window}", f"{window}{feeds}应采时段数"),
        "gaps": (f"uncovered slots of {feeds}{window}", f"{window}{feeds}未覆盖的时段数"),
        "explained": (f"explained gaps in {feeds}{window}", f"{window}{feeds}已说明的缺口数"),
        "quiet": (f"overdue sources of {feeds}", f"{feeds}逾期未报的数据源数"),
        "refused": (f"runs for {feeds} that were refused{window}", f"{window}{feeds}被拒绝的采集次数"),
        "groups": (f"{plural(by)} in {feeds}{window}", f"{window}{feeds}中的{by}数"),
        "absent": (f"{plural(by)} without the expected {feeds}{window}", f"{window}应有而无{feeds}的{by}数"),
    }
    return speech.pick(*said[short])


def _rules(spec: RulesSpec, short: str, speech: Speech) -> str:
    named = ", ".join(spec.rules)
    said = {
        "n": (f"rules of {named}", f"{named} 的规则数"),
        "satisfied": (f"rules of {named} that are satisfied", f"{named} 中已满足的规则数"),
        "open": (f"rules of {named} that are not satisfied", f"{named} 中未满足的规则数"),
    }
    return speech.pick(*said[short])
