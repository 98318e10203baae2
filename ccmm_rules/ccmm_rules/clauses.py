"""A comparison of a rule with its figures: "Staffed answer rate over 30 days: 91.2 % (at least 95 % needed)"."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccmm_rules.by_rule import once_by_rule
from ccmm_rules.comparing import Comparison, Measured, comparison_of, read_of
from ccmm_rules.expression import Tree
from ccmm_rules.model import Read, Rule
from ccmm_rules.naming import Names, attribute_title, dimension_title
from ccmm_rules.phrases import phrase
from ccmm_rules.row_names import row_name
from ccmm_rules.saying import COMPARISONS, say
from ccmm_rules.spec import MetricSpec, RowsSpec, SlotSpec
from ccmm_rules.speech import Speech

_UNITS = {
    "count": ("", ""),
    "p": ("", ""),
    "days": (" days", " 天"),
    "d": (" days", " 天"),
    "hours": (" hours", " 小时"),
    "h": (" hours", " 小时"),
    "min": (" min", " 分钟"),
    "s": (" s", " 秒"),
    "ms": (" ms", " 毫秒"),
    "workdays": (" working days", " 个工作日"),
    "wk": (" weeks", " 周"),
    "points": (" points", " 分"),
}

_PLURALS = frozenset(en for en, _ in _UNITS.values() if en.endswith("s") and en not in (" s", " ms"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """Of a comparison all words that its figures do not move; of what compares nothing `what` alone."""

    what: str
    end: str = ""  # of a value: its unit
    how: str = ""
    other: str = ""  # what it is compared with, where that has no value
    worst_end: str = ""
    label: str = ""


def name_words(rule: Rule, name: str, speech: Speech) -> str:
    """What a name in `require` is called."""
    found = read_of(rule, name)
    if found is not None:
        return phrase(found[0], found[1], speech)
    if name.startswith("limit"):
        part = name.partition(".")[2].replace("_", " ")
        return speech.pick("limit", "限值") + (f" {part}" if part else "")
    if name == "level":
        return speech.pick("level", "等级")
    return row_name(name, speech.language)


def clause(part: Tree, rule: Rule, measured: Measured | None, speech: Speech) -> str:
    """What is read, its value, what is asked of it and, with a spot, where it is worst; `measured` of a comparison."""
    words = _words(part, rule, speech)
    comparison = comparison_of(part, rule)
    if comparison is None or measured is None:
        return words.what
    value = _value(measured, words, speech)
    needed = _needed(measured, words, speech)
    where = _spot(comparison, measured, words, speech) if measured.spot is not None else ""
    if speech.language == "en":
        return f"{words.what}: {value} ({needed}){where}"
    return f"{words.what}：{value}（{needed}）{where}"


def _words(part: Tree, rule: Rule, speech: Speech) -> _Words:
    """Found once for each rule and kept: of few rules there are thousands of verdicts."""
    kept, key = _kept_words(rule), (id(part), speech.language, speech.longest, speech.longest_pair)
    if key not in kept:
        kept[key] = _found_words(part, rule, speech)
    return kept[key]


@once_by_rule
def _kept_words(rule: Rule) -> dict[tuple[int, str, int, int], _Words]:
    """By the identity of a part of `require`, which lives as long as the rule."""
    return {}


def _found_words(part: Tree, rule: Rule, speech: Speech) -> _Words:
    named = Names(lambda name: name_words(rule, name, speech))
    comparison = comparison_of(part, rule)
    if comparison is None:
        return _Words(what=say(part, speech.language, named))
    read = comparison.read
    return _Words(
        what=say(comparison.left, speech.language, named),
        end="" if comparison.says_unit else unit_words(comparison.unit, speech),
        how=COMPARISONS[speech.language][comparison.function],
        other=say(comparison.right, speech.language, named),
        worst_end=unit_words(read.units.get("worst", ""), speech) if read is not None else "",
        label=_label(read, comparison.short, speech) if read is not None else "",
    )


def unit_words(unit: str, speech: Speech) -> str:
    """With the space before it; of a count nothing."""
    return speech.pick(*_UNITS.get(unit, (f" {unit}" if unit else "", f" {unit}" if unit else "")))


def _value(measured: Measured, words: _Words, speech: Speech) -> str:
    """One number, or both looks where they differ; of a count of slots also out of how many."""
    texts = [speech.pick("not known", "未知") if text is None else text for text in measured.values]
    if measured.values == (None,):
        return texts[0]
    of = "" if measured.everything is None else speech.pick(f" of {measured.everything}", f"/{measured.everything}")
    return speech.pick(" to ", " 至 ").join(texts) + _ended(texts, words.end) + of


def _ended(texts: Sequence[str], end: str) -> str:
    """The unit, of one thing in the singular."""
    return end.removesuffix("s") if texts == ["1"] and end in _PLURALS else end


def _needed(measured: Measured, words: _Words, speech: Speech) -> str:
    if measured.nothing_allowed:
        return speech.pick("none allowed", "不允许出现")
    text = words.other if measured.limit is None else measured.limit + _ended([measured.limit], words.end)
    return f"{words.how} {text} needed" if speech.language == "en" else f"要求{words.how} {text}"


def _spot(comparison: Comparison, measured: Measured, words: _Words, speech: Speech) -> str:
    """`, worst: 91.2 % on 2026-10-04, queue support`."""
    assert comparison.read is not None
    assert measured.spot is not None
    day = measured.day
    if measured.worst:
        value = measured.worst + words.worst_end
        if measured.bound:
            bound = measured.bound + words.worst_end
            value = speech.pick(f"{value} against a limit of {bound}", f"{value}（限值 {bound}）")
        day = speech.pick(f"{value} on {day}", f"{value}，{day}")
    places = [text for text in (day, _group(comparison.read, measured.spot.group, speech)) if text]
    if not places:
        return ""
    return speech.pick(f", {words.label}: {', '.join(places)}", f"，{words.label}：{'，'.join(places)}")


def _label(read: Read, short: str, speech: Speech) -> str:
    if isinstance(read.spec, SlotSpec | MetricSpec):
        return speech.pick("worst", "最差")
    test = getattr(read.spec, "test", None)
    if short == "share" and test is not None and test.side == "good":
        return speech.pick("one that fails", "不合格者如")
    return speech.pick("one of them", "其中如")


def _group(read: Read, group: str, speech: Speech) -> str:
    if not group:
        return ""
    grouping = getattr(read.spec, "group", None)
    if grouping is None or grouping.grain:
        return group
    titled = attribute_title if isinstance(read.spec, RowsSpec) else dimension_title
    return f"{titled(grouping.by, speech.language)} {group}"
