"""What a verdict says to people, in English and Chinese: the outcome, what decided it, where it was worst, what to do.

"Answer rate meets the limit: not satisfied at L5: Staffed answer rate over 30 days: 91.2 % (at least 95 % needed)"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from ccmm_rules.clauses import clause
from ccmm_rules.comparing import Figures, Measured, comparison_of, measured, moment
from ccmm_rules.conclude import Conclusion, answered, asked_of
from ccmm_rules.deciding import parts_that
from ccmm_rules.evidence import Waiver
from ccmm_rules.expression import Scalar, Tree, names_in
from ccmm_rules.model import Outcome, Read, Rule
from ccmm_rules.naming import feed_title
from ccmm_rules.operators.answers import answers_of
from ccmm_rules.row_names import names_of_rows, row_name
from ccmm_rules.saying import say, spaced
from ccmm_rules.speech import Speech, length_words
from ccmm_rules.verdict import Spot
from ccmm_rules.vocabulary.feeds import Way
from ccmm_rules.vocabulary.tables import load_vocabulary
from ccmm_rules.wanted import wants_of

OUTCOMES = {
    Outcome.SATISFIED: ("satisfied", "满足"),
    Outcome.NOT_SATISFIED: ("not satisfied", "不满足"),
    Outcome.MISSING: ("no current evidence", "缺少有效证据"),
    Outcome.INCONCLUSIVE: ("cannot be decided", "无法判定"),
    Outcome.NOT_APPLICABLE: ("not applicable", "不适用"),
    Outcome.WAIVED: ("waived", "已豁免"),
}
# By reason: what is so, of {0}, and what to do about it.
REASONS = {
    "never": ("nothing was ever heard of {0}; {1}", "从未收到{0}；{1}"),
    "stale": (
        "{0} were last heard of {1}; see whether the agent that reads them runs",
        "{0}最近一次收到是 {1}；请检查采集代理是否运行",
    ),
    "silent": (
        "{0} were last heard of {1}, since then the source could not be read; mend the agent's access to it",
        "{0}最近一次收到是 {1}，此后数据源无法读取；请修复采集代理的访问",
    ),
    "hole": (
        "a numbered statement of the agent that tells of {0} is lost; let the agent send it again",
        "有关{0}的采集声明缺失一份；请让采集代理重发",
    ),
    "uncovered": (
        "part of the time was not vouched for: {0}; fill the gap from the source, or let two approvers waive the rule",
        "部分时段无数据源覆盖：{0}；请从数据源补采，或由两名批准人豁免该规则",
    ),
    "sample": ("too little to judge by: {0}; wait until there is more", "样本不足：{0}；请待样本增加"),
    "empty": ("there are none, and the rule does not take none as proof: {0}", "没有发生，规则不以此为证：{0}"),
    "incomplete": (
        "no complete list arrived of {0}; see why the source cuts it short",
        "未收到完整清单：{0}；请检查数据源为何截断",
    ),
    "disputed": (
        "told twice: {0}; stop the wrong source; it ends when that time is past or when two people waive the rule",
        "同一内容有两份陈述：{0}；请停用有误的数据源；该时段过去后即消除，或由两名批准人豁免该规则",
    ),
    "keys": (
        "{0} cannot be joined, their pseudonyms were made with different keys; give all agents one key",
        "{0}的假名密钥不一致，无法关联；请统一采集代理的密钥",
    ),
    "unanswered": (
        "the center has not answered {0}, or its answer ran out; headquarters answers it with “ccmm-collector scope”",
        "中心未回答{0}，或答案已过期；请由总部用“ccmm-collector scope”答复",
    ),
    "undecidable": (
        "some entries lack what the test needs: {0}; let the source tell it",
        "部分条目缺少判定所需的属性：{0}；请让数据源提供",
    ),
    "undecided": ("what is known allows both: {0}", "已知信息不足以判定：{0}"),
    "limit": ("no limit is set at this level: {0}", "该等级未设限值：{0}"),
    "zone": (
        "the center has not stated its time zone; answer the scope question “zone”",
        "中心未声明时区；请回答范围问题“zone”",
    ),
    "hold": ("{0}", "{0}"),
    "rules": ("some of the rules it reads cannot be decided: {0}", "所读取的规则中有无法判定者：{0}"),
    "not_in_force": ("the rule is not in force on this day", "该规则当日未生效"),
    "scope": ("it asks for {0}", "适用条件：{0}"),
}
_OPEN = ("undecided", "undecidable", "rules")  # reasons that are told by the comparisons left open
LONGEST = 300
_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Of the read that is to blame: which of its feeds were never heard of, and up to when the others vouch."""

    never: tuple[str, ...] = ()
    until_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that a sentence tells of, at the level that the verdict speaks of."""

    worst: Mapping[str, Scalar]
    best: Mapping[str, Scalar]
    limits: Mapping[str, float]
    spots: Mapping[str, Spot | None]
    answers: Mapping[str, object]  # of the center, in force, without the prefix
    zone: ZoneInfo | None
    heard: Heard = field(default_factory=Heard)
    held_since_ms: int | None = None
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """The conclusion, the level it is about, and the comparisons it rests on."""

    rule: Rule
    level: int
    conclusion: Conclusion
    reached: int
    parts: Sequence[Tree]
    measured: Sequence[Measured | None]  # of the first parts, more are not told


def sentence(rule: Rule, level: int, conclusion: Conclusion, reached: int, findings: Findings) -> dict[str, str]:
    """One sentence per language; the same findings give the same bytes."""
    known = {"level": level, **answered(asked_of(rule).profile, findings.answers), **findings.limits}
    figures = Figures(rule=rule, worst={**known, **findings.worst}, best={**known, **findings.best}, zone=findings.zone)
    parts = _parts(conclusion, rule.require.tree, figures)
    spots = findings.spots if conclusion.reason == "values" else {}
    decided = _Decided(
        rule=rule,
        level=level,
        conclusion=conclusion,
        reached=reached,
        parts=parts,
        measured=[_measured(part, figures, spots) for part in parts[:_MOST]],
    )
    return {"en": _sentence(decided, findings, "en"), "zh": spaced(_sentence(decided, findings, "zh"))}


def _measured(part: Tree, figures: Figures, spots: Mapping[str, Spot | None]) -> Measured | None:
    comparison = comparison_of(part, figures.rule)
    return measured(comparison, figures, spots) if comparison is not None else None


def _parts(conclusion: Conclusion, tree: Tree, figures: Figures) -> list[Tree]:
    """What decided. Where all is met, what has a limit comes first."""
    if conclusion.outcome == Outcome.SATISFIED:
        parts = parts_that(True, tree, figures.worst)
        return sorted(parts, key=lambda part: not any(name.startswith("limit") for name in names_in(part)))
    if conclusion.reason == "values":
        return _counts_first(parts_that(False, tree, figures.best), figures.rule)
    return _open(tree, figures) if conclusion.reason in _OPEN else []


def _counts_first(parts: Sequence[Tree], rule: Rule) -> list[Tree]:
    """How many slots fell short stands before the rest, and says the worst of them: no part of its own does."""
    found = [(part, comparison_of(part, rule)) for part in parts]
    counted = [one.read for _, one in found if one is not None and one.short == "bad" and one.of_slots]
    kept = [(part, one) for part, one in found if one is None or one.short != "worst" or one.read not in counted]
    return [part for part, _ in sorted(kept, key=lambda pair: pair[1] is None or pair[1].read not in counted)]


def _open(tree: Tree, figures: Figures) -> list[Tree]:
    """What is not true in the worst look and not false in the best one."""
    lost = [part for outcome in (False, None) for part in parts_that(outcome, tree, figures.worst)]
    sure = parts_that(False, tree, figures.best)
    return [part for part in lost if part not in sure]


def _sentence(decided: _Decided, findings: Findings, language: str) -> str:
    """With filters and tests told; where it grows too long without them, and at last without the tests of partners."""
    text = ""
    for longest, longest_pair in ((90, 150), (0, 150), (0, 0)):
        text = _told(decided, findings, Speech(language=language, longest=longest, longest_pair=longest_pair))
        if len(text) <= LONGEST:
            break
    return text


def _told(decided: _Decided, findings: Findings, speech: Speech) -> str:
    rule, level, conclusion = decided.rule, decided.level, decided.conclusion
    title, outcome = rule.titles[speech.language], speech.pick(*OUTCOMES[conclusion.outcome])
    reach = speech.pick(f" (reaches L{decided.reached})", f"（达到 L{decided.reached}）")
    head = speech.pick(f"{title}: {outcome} at L{level}", f"{title}：L{level} {outcome}")
    head += reach if decided.reached > level else ""
    if conclusion.outcome == Outcome.NOT_APPLICABLE:
        head = speech.pick(f"{title}: {outcome}", f"{title}：{outcome}")
    if findings.waiver is not None and conclusion.outcome == Outcome.WAIVED:
        head += _waived(findings.waiver, findings.zone, speech)
    why = _why(decided, findings, LONGEST - len(head), speech)
    return head + speech.pick(": ", "：") + why if why else head


def _why(decided: _Decided, findings: Findings, room: int, speech: Speech) -> str:
    reason = decided.conclusion.reason
    if reason in ("", "values"):
        return _fitted(decided, room, speech)
    if reason not in REASONS:
        return reason
    text = speech.pick(*REASONS[reason])
    if reason in _OPEN:
        return text.format(_fitted(decided, room - len(text), speech)) if decided.parts else ""
    return text.format(*_about(decided.rule, decided.conclusion, findings, speech))


def _fitted(decided: _Decided, room: int, speech: Speech) -> str:
    """As many clauses as fit, one at least, and how many are left."""
    kept, length = list[str](), 0
    for part, figures in zip(decided.parts, decided.measured, strict=False):
        text = clause(part, decided.rule, figures, speech)
        if kept and length + len(text) + 20 > (room if speech.language == "en" else room // 2):
            break
        kept.append(text)
        length += len(text)
    left = len(decided.parts) - len(kept)
    more = speech.pick(f"; and {left} more", f"；另有 {left} 项") if left else ""
    return speech.pick("; ", "；").join(kept) + more


def _about(rule: Rule, conclusion: Conclusion, findings: Findings, speech: Speech) -> tuple[str, ...]:
    """What stands in a reason's places."""
    blamed = conclusion.blamed
    if conclusion.reason == "hold":
        return (_holding(rule, findings, speech),)
    if conclusion.reason == "scope" and rule.applies is not None:
        return (say(rule.applies.tree, speech.language, names_of_rows("", speech.language)),)
    if blamed.startswith("profile."):
        return (row_name(blamed, speech.language),)
    read = next((read for read in rule.reads if read.name == blamed), None)
    if read is None:
        return (blamed, "")
    if conclusion.reason == "unanswered":
        return (_listed(_questions(read, findings.answers, speech), speech),)
    feeds = findings.heard.never if conclusion.reason == "never" and findings.heard.never else read.feeds
    named = _listed([feed_title(feed, speech.language) for feed in feeds], speech)
    if conclusion.reason == "never":
        return (named, _ways(read, feeds[0], speech) if feeds else "")
    return (named or blamed, moment(findings.heard.until_ms, findings.zone))


def _questions(read: Read, answers: Mapping[str, object], speech: Speech) -> list[str]:
    """What the center was asked and has not answered, by title; its own targets by metric."""
    known = load_vocabulary()
    asked = [name for name in sorted(answers_of(read.spec, known)) if name not in answers]
    titles = [row_name(f"profile.{name}", speech.language) for name in asked if name in known.profile]
    targets = [name.split(".")[1] for name in asked if name.startswith("target.")]
    titled = [known.metrics[name].titles[speech.language] for name in targets if name in known.metrics]
    return titles + [speech.pick(f"its target of {title}", f"“{title}”的目标值") for title in titled] or asked


def _listed(texts: Sequence[str], speech: Speech) -> str:
    kept = list(dict.fromkeys(texts))
    more = speech.pick(f" and {len(kept) - _MOST} more", f"等 {len(kept)} 项") if len(kept) > _MOST else ""
    return speech.pick(", ", "、").join(kept[:_MOST]) + more


def _ways(read: Read, feed: str, speech: Speech) -> str:
    """What may deliver what the read wants of it: what reads the system first, then what people keep."""
    ways = next(want.ways for want in wants_of(read) if want.feed == feed)
    if not ways:
        return speech.pick("the plugin that reads it is still to come", "读取它的插件尚未提供")
    plugins = [way.name for way in ways if way.by == "plugin"]
    several = len(plugins) > 1
    found = []
    if plugins:
        reads = speech.pick("read the system" if several else "reads the system", "读取系统")
        found.append(speech.pick(f"{', '.join(plugins)} ({reads})", f"{'、'.join(plugins)}（{reads}）"))
    found += [_kept(way, speech) for way in ways if way.by != "plugin"]
    joined = speech.pick(" or ", "或 ").join(found)
    return speech.pick(f"connect {'one of: ' * several}{joined}", f"请接入{'以下之一：' if several else ' '}{joined}")


def _kept(way: Way, speech: Speech) -> str:
    words = {
        "table": ("{} (hand-kept)", "{}（手工维护）"),
        "document": ("{} (a folder of documents)", "{}（文件夹）"),
        "attestation": ("{} (a signed statement)", "{}（签署的声明）"),
    }
    return speech.pick(*words[way.by]).format(way.name)


def _holding(rule: Rule, findings: Findings, speech: Speech) -> str:
    assert rule.hold is not None
    long = length_words(f"{rule.hold.count}{rule.hold.unit}", speech)
    if findings.held_since_ms is None:
        return speech.pick(f"it must hold for {long} and does not yet", f"须持续 {long}，目前尚未开始")
    day = moment(findings.held_since_ms, findings.zone)
    return speech.pick(f"it holds since {day} and must for {long}", f"自 {day} 起满足，须持续 {long}")


def _waived(waiver: Waiver, zone: ZoneInfo | None, speech: Speech) -> str:
    until, by = moment(waiver.until_ms, zone), speech.pick(" and ", "、").join(waiver.approvers)
    return speech.pick(f" until {until} by {by}", f"（至 {until}，批准人：{by}）")
