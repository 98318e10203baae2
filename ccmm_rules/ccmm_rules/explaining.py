"""A rule in plain words and both languages: what it asks, what it reads, its limits, how to mend it, what turns it."""

from collections.abc import Iterator

from ccmm_rules.clauses import name_words
from ccmm_rules.comparing import read_of
from ccmm_rules.expression import Tree, sides_of
from ccmm_rules.limits import WHOLE_UNITS
from ccmm_rules.model import LimitTable, Read, Rule
from ccmm_rules.naming import Names, dimension_title, word_title
from ccmm_rules.needs import needs_of
from ccmm_rules.pair_phrases import read_of_pairs
from ccmm_rules.phrases import phrase
from ccmm_rules.row_names import names_of_rows, row_name
from ccmm_rules.row_phrases import source_words
from ccmm_rules.saying import say, spaced
from ccmm_rules.spec import Grouping, MatchSpec, MetricSpec, RowsSpec, SlotSpec
from ccmm_rules.speech import Speech, age_words, length_words, window_words

_FULL = 2000  # no filter is left out here
_STATES = (
    (
        "no current evidence when a source that it reads was not heard of for {0}, or never",
        "所读数据源超过 {0} 未更新，或从未收到数据，则为缺少有效证据",
    ),
    (
        "cannot be decided while a statement is lost, time is not vouched for, or there is too little to judge by",
        "采集声明缺失、时段未覆盖或样本不足时无法判定",
    ),
)


def explain(rule: Rule) -> dict[str, str]:
    """Lines of text in each language; the first names the rule."""
    english, chinese = (
        "\n".join(_lines(rule, Speech(language=lang, longest=_FULL, longest_pair=_FULL))) for lang in ("en", "zh")
    )
    return {"en": english, "zh": spaced(chinese)}


def _lines(rule: Rule, speech: Speech) -> Iterator[str]:
    yield f"{rule.id}  {rule.titles[speech.language]}"
    gate = speech.pick(" · gate", " · 门槛规则") if rule.gate else ""
    yield speech.pick(f"from level L{rule.level}{gate}", f"起始等级 L{rule.level}{gate}")
    if rule.applies is not None:
        said = say(rule.applies.tree, speech.language, names_of_rows("", speech.language))
        yield speech.pick(f"applies if: {said}", f"适用条件：{said}")
    yield speech.pick("asks that:", "要求：")
    yield from (f"  - {_asked(part, rule, speech)}" for part in sides_of(rule.require.tree, "_&&_"))
    yield from (_limits(table, speech) for table in rule.limits)
    if rule.hold is not None:
        long = length_words(f"{rule.hold.count}{rule.hold.unit}", speech)
        yield speech.pick(f"and that it holds for {long}, day after day", f"并须逐日持续 {long}")
    yield speech.pick("reads:", "读取：")
    yield from (f"  {read.name}: {_read(read, speech)}" for read in rule.reads)
    yield speech.pick("what turns it:", "何时改变结论：")
    yield speech.pick(
        "  - not satisfied as soon as one of the points above fails, whatever else is missing",
        "  - 上述任一要求不成立即不满足，无论其他数据是否缺失",
    )
    fresh = age_words(rule.fresh_for_ms, speech)
    yield from (f"  - {speech.pick(*state).format(fresh)}" for state in _STATES)
    yield speech.pick(f"remedy: {rule.remedy['en']}", f"改进：{rule.remedy['zh']}")
    if rule.grace_ms:
        grace = age_words(rule.grace_ms, speech)
        yield speech.pick(f"a nonconformity once it lasts {grace}", f"持续 {grace} 即构成不符合项")
    if rule.crosswalk:
        yield speech.pick("refers to: ", "参照：") + ", ".join(rule.crosswalk)
    yield speech.pick(f"as written: {_plain(rule)}", f"原式：{_plain(rule)}")


def _asked(part: Tree, rule: Rule, speech: Speech) -> str:
    """Names of reads stand in brackets, so that a long one is seen to end."""

    def named(name: str) -> str:
        words = name_words(rule, name, speech)
        return f"[{words}]" if read_of(rule, name) is not None else words

    return say(part, speech.language, Names(named))


def _limits(table: LimitTable, speech: Speech) -> str:
    part = table.name.partition(".")[2].replace("_", " ")
    label = speech.pick(f"limit {part}".strip(), f"限值 {part}".strip())
    unit = "" if table.unit == "count" else f" {table.unit}"
    sep = speech.pick(": ", "：")
    number = "d" if table.unit in WHOLE_UNITS else "g"
    values = ", ".join(
        f"L{level} {format(int(v) if number == 'd' else v, number)}{unit}" for level, v in sorted(table.values.items())
    )
    return f"{label}{sep}{values}"


def _read(read: Read, speech: Speech) -> str:
    """What it is in words, then as the rule has it."""
    told = "; ".join(needs_of(read, speech.language))
    fresh = age_words(read.fresh_for_ms, speech)
    looked = speech.pick(f"heard of within {fresh}", f"{fresh}内须有更新")
    return " · ".join([_words(read, speech), *_bounds(read, speech), told, looked])


def _bounds(read: Read, speech: Speech) -> Iterator[str]:
    """By what its rows are grouped, which groups it expects, and how many cases it wants."""
    spec = read.spec
    group, by = getattr(spec, "group", None), getattr(spec, "by", "")
    if not isinstance(spec, SlotSpec | MetricSpec) and (group is not None or by):  # these say it in their own words
        title = dimension_title(group.by if group is not None else by, speech.language)
        yield speech.pick(f"by {title}", f"按{title}")
    if group is not None and group.expects:
        yield speech.pick(f"each expected: {_expected(group, speech)}", f"应有：{_expected(group, speech)}")
    sample = getattr(spec, "sample", 0)
    if sample > 1:
        yield speech.pick(f"judged from {sample} cases on", f"样本不少于 {sample}")


def _expected(group: Grouping, speech: Speech) -> str:
    if group.profile_list:
        return row_name(f"profile.{group.profile_list}", speech.language)
    if group.words is not None:
        return speech.pick(", ", "、").join(word_title(word, speech.language) for word in group.words)
    if group.entries is not None:
        return source_words(group.entries, speech)
    return speech.pick(f"every {group.unit}", f"每{dimension_title(group.unit, 'zh')}")


def _words(read: Read, speech: Speech) -> str:
    spec = read.spec
    if isinstance(spec, MatchSpec):
        return read_of_pairs(spec, speech)
    if isinstance(spec, RowsSpec):
        return speech.pick(
            f"{source_words(spec.source, speech)}{window_words(spec.over, speech)}",
            f"{window_words(spec.over, speech)}{source_words(spec.source, speech)}",
        )
    plain = "" if "" in read.names else "share" if "share" in read.names else "n"
    return phrase(read, plain, speech)


def _plain(rule: Rule) -> str:
    return " ".join(rule.require.source.split())
