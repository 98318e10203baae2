"""What the names are called that reads over pairs of rows bind, and what joins the two of a pair."""

from dataclasses import replace

from ccmm_rules.expression import Call, Name, Tree
from ccmm_rules.naming import attribute_title, kind_title
from ccmm_rules.row_names import Side, names_of_pairs, names_of_rows
from ccmm_rules.row_phrases import measured_words, plural, source_words, told_of
from ccmm_rules.saying import FLIPPED, say
from ccmm_rules.spec import Joining, MatchSpec, RowSource
from ccmm_rules.speech import Speech, age_words, window_words


def _title_of(source: RowSource, speech: Speech) -> str:
    return kind_title(source.kind, source.document_class, speech.language)


def sides_of_pair(spec: MatchSpec, speech: Speech) -> tuple[Side, Side]:
    """Whose the attributes of a pair are."""
    other = spec.partners[0].source
    return (spec.base.kind, _title_of(spec.base, speech)), (other.kind, _title_of(other, speech))


def pair_test_words(spec: MatchSpec, joining: Joining, speech: Speech) -> str:
    """What must hold of both for one to be a partner; empty where nothing must."""
    if joining.condition is None:
        return ""
    alike = joining.source.kind == spec.base.kind
    first = speech.pick("the first", "前者") if alike else _title_of(spec.base, speech)
    names = names_of_pairs((spec.base.kind, first), (joining.source.kind, ""), speech.language)
    return say(_partner_first(joining.condition.tree), speech.language, names)


def _partner_first(tree: Tree) -> Tree:
    """`a.left < b.started` as `b.started > a.left`, for the partner is what is spoken of."""
    if not isinstance(tree, Call):
        return tree
    sides = tree.arguments
    of = [side.name.partition(".")[0] if isinstance(side, Name) else "" for side in sides]
    if tree.function in FLIPPED and of == ["a", "b"]:
        return replace(tree, function=FLIPPED[tree.function], arguments=(sides[1], sides[0]))
    return replace(tree, arguments=tuple(_partner_first(side) for side in sides))


def joined_words(joining: Joining, speech: Speech) -> str:
    """What is the same of both, and how far apart in time they may be: `same person, at most 12 hours before`."""
    same = [_same_words(own, theirs, joining.source.kind, speech) for own, theirs in joining.same]
    return speech.pick(", ", "，").join(part for part in (*same, _apart_words(joining, speech)) if part)


def _same_words(own: str, theirs: str, kind: str, speech: Speech) -> str:
    one = attribute_title(own if theirs == "key" else theirs, speech.language, kind)
    if own == theirs or "key" in (own, theirs):
        return speech.pick(f"same {one}", f"{one}相同")
    other = attribute_title(own, speech.language)
    return speech.pick(f"{one} the same as {other}", f"{one}与{other}相同")


def _apart_words(joining: Joining, speech: Speech) -> str:
    if joining.time_ms is not None:
        return _between_words(*joining.time_ms, speech)
    slack = joining.inside_ms or joining.overlap_ms or 0
    apart = age_words(slack, speech) if slack else ""
    if joining.inside_ms is not None:
        around = speech.pick(f", {apart} either way", f"（前后各放宽 {apart}）") if apart else ""
        return speech.pick("under way when it begins", "在其开始时正在进行") + around
    if joining.overlap_ms is not None:
        around = speech.pick(f", or at most {apart} apart", f"（或相隔不超过 {apart}）") if apart else ""
        return speech.pick("at the same time", "时间重叠") + around
    return ""


def _between_words(low: int, high: int, speech: Speech) -> str:
    """From when to when a partner may begin, after the beginning of what it is sought for."""
    first, last = (age_words(abs(ms), speech) for ms in (low, high))
    if low == -high:
        return speech.pick(f"at most {last} before or after", f"前后 {last}以内")
    if high == 0:
        return speech.pick(f"at most {first} before", f"此前 {first}以内")
    if low == 0:
        return speech.pick(f"at most {last} after", f"此后 {last}以内")
    if low > 0:
        return speech.pick(f"{first} to {last} after", f"此后 {first}至 {last}")
    if high < 0:
        return speech.pick(f"{last} to {first} before", f"此前 {last}至 {first}")
    return speech.pick(f"from {first} before to {last} after", f"此前 {first}至此后 {last}")


def read_of_pairs(spec: MatchSpec, speech: Speech) -> str:
    """What a match reads, with all that joins the two."""
    first, window = source_words(spec.base, speech), window_words(spec.over, speech)
    partners = speech.pick(" or ", "或").join(_joined_with(spec, joining, speech) for joining in spec.partners)
    also = _joined_with(spec, spec.also, speech) if spec.also is not None else ""
    also = speech.pick(f" that also have {also}", f"（且有{also}）") if also else ""
    return speech.pick(f"{first}{also}{window}, each with {partners}", f"{window}{first}{also}，逐一对应{partners}")


def _joined_with(spec: MatchSpec, joining: Joining, speech: Speech) -> str:
    filtered = _filter_words(joining.source, speech)
    parts = [part for part in (filtered, joined_words(joining, speech), pair_test_words(spec, joining, speech)) if part]
    text = speech.pick("; ", "；").join(parts)
    return _title_of(joining.source, speech) + (speech.pick(f" ({text})", f"（{text}）") if text else "")


def partner_words(spec: MatchSpec, joining: Joining, speech: Speech) -> str:
    """The rows among which a partner is looked for: `door passages (result is open, start after left of people)`."""
    source, base = joining.source, spec.base
    told = pair_test_words(spec, joining, speech)
    if source_words(source, speech) == source_words(base, speech) and joining.same:
        return _another(joining, speech) + (speech.pick(f" ({told})", f"（{told}）") if told else "")
    if told and not speech.fits_pair(told):
        return speech.pick(f"fitting {source_words(source, speech)}", f"符合条件的{source_words(source, speech)}")
    text = speech.pick(", ", "，").join(part for part in (_filter_words(source, speech), told) if part)
    return _title_of(source, speech) + (speech.pick(f" ({text})", f"（{text}）") if text else "")


def _filter_words(source: RowSource, speech: Speech) -> str:
    if source.of is None:
        return ""
    text = say(source.of.tree, speech.language, names_of_rows(source.kind, speech.language))
    return text if speech.fits(text) else ""


def _another(joining: Joining, speech: Speech) -> str:
    """Of rows that are joined with rows of their own kind."""
    same = [attribute_title(theirs, speech.language, joining.source.kind) for _, theirs in joining.same]
    apart = _apart_words(joining, speech)
    en, zh = f"another of the same {' and '.join(same)}", f"另一条{'、'.join(same)}相同"
    return speech.pick(f"{en} {apart}".strip(), f"{zh}{'且' if apart else ''}{apart}的记录")


def match_phrase(spec: MatchSpec, short: str, speech: Speech) -> str:
    """What a name of a match is called."""
    first, window = source_words(spec.base, speech), window_words(spec.over, speech)
    partners = dict.fromkeys(partner_words(spec, joining, speech) for joining in spec.partners)
    second = speech.pick(" or ", "或").join(partners)
    by = attribute_title(spec.by, speech.language, spec.base.kind) if spec.by else ""
    with_ = (f"{first}{window} with {second}", f"{window}有对应{second}的{first}")
    without = (f"{first}{window} without {second}", f"{window}无对应{second}的{first}")
    alone = (f"{second}{window} without {first}", f"{window}无对应{first}的{second}")
    said = {
        "a": (f"{first}{window}", f"{window}{first}数"),
        "b": (f"{second}{window}", f"{window}{second}数"),
        "both": (with_[0], f"{with_[1]}数"),
        "only_a": (without[0], f"{without[1]}数"),
        "only_b": (alone[0], f"{alone[1]}数"),
        "share": (f"share of {with_[0]}", f"{with_[1]}占比"),
        "only_a_share": (f"share of {without[0]}", f"{without[1]}占比"),
        "only_b_share": (f"share of {alone[0]}", f"{alone[1]}占比"),
        "worst": (f"share of {with_[0]}, worst {by}", f"{with_[1]}占比（最差{by}）"),
        "mean": (f"share of {with_[0]}, mean by {by}", f"{with_[1]}占比（各{by}均值）"),
        "spread": (f"spread by {by} of the share of {with_[0]}", f"各{by}{with_[1]}占比的极差"),
        "groups": (f"{plural(by)} of {first}{window}", f"{window}{first}的{by}数"),
    }
    return speech.pick(*said[short]) if short in said else _of_pairs(spec, short, first, second, window, speech)


def _of_pairs(spec: MatchSpec, short: str, first: str, second: str, window: str, speech: Speech) -> str:
    """How many pairs pass the test, or the time between their two."""
    names = names_of_pairs(*sides_of_pair(spec, speech), speech.language)
    pairs = speech.pick(f"pairs of {first} and {second}", f"{first}与{second}的配对")
    if short in ("good", "bad", "good_share", "bad_share"):
        return told_of(pairs, window, spec.test, "share" if short.endswith("share") else short, speech, names)
    lag = [names(name) for name in spec.lag or ("", "")]
    what = speech.pick(f"time from {lag[0]} to {lag[1]}", f"从{lag[0]}到{lag[1]}的时间")
    return measured_words(what, pairs, window, short, speech)
