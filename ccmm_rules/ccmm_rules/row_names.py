"""What the names in a test on a row, or on a pair of rows, are called."""

from ccmm_rules.ages import AGES, age_of, is_done, is_lasting
from ccmm_rules.naming import Names, attribute_title, load_titles
from ccmm_rules.vocabulary.tables import load_vocabulary

Side = tuple[str, str]  # of a pair: its kind, and whose an attribute is said to be; empty: not said


def names_of_rows(kind: str, language: str) -> Names:
    """For tests on rows of a kind."""
    return Names(lambda name: row_name(name, language, kind), lambda _: kind)


def row_name(name: str, language: str, kind: str = "") -> str:
    """What a name in a test on a row is called, `profile.x` included."""
    if name.startswith("profile."):
        question = load_vocabulary().profile.get(name.removeprefix("profile."))
        return f"“{question.titles[language]}”" if question is not None else name
    if name in load_titles()["attributes"]:
        return attribute_title(name, language, kind)
    if name.startswith("has_"):
        own = name.removeprefix("has_")
        title = attribute_title(own, language, kind)
        if is_done(own):
            return title if language == "en" else f"已{title.removeprefix('已')}"
        return f"has {title.removeprefix('has ')}" if language == "en" else f"有{title}"
    stem, unit = age_of(name)
    if not unit:
        return attribute_title(name, language, kind)
    title, (en, zh) = attribute_title(stem, language, kind), AGES[unit]
    if is_lasting(stem, unit):
        return f"{en} to {title}" if language == "en" else f"{title}用时（{zh.removeprefix('个')}）"
    return f"age of {title} in {en}" if language == "en" else f"{title}距今（{zh}）"


def names_of_pairs(first: Side, second: Side, language: str) -> Names:
    """For tests on pairs: `a.left` is "left of people"."""

    def named(name: str) -> str:
        side, dot, own = name.partition(".")
        if not dot or side not in ("a", "b"):
            return row_name(name, language)
        (kind, whose) = first if side == "a" else second
        called = row_name(own, language, kind)
        if not whose:
            return called
        return f"{called} of {whose}" if language == "en" else f"{whose}的{called}"

    return Names(named, lambda name: {"a": first[0], "b": second[0]}.get(name.partition(".")[0], ""))
