"""An expression in words: `enabled && last_login_days > 90` is "enabled and last login more than 90 days ago".

One renderer for tests on rows, pairs and metrics, for `applies` and for `require`: only what a name is called differs.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from ccmm_rules.expression import Call, Const, Items, Name, Scalar, Tree, names_in
from ccmm_rules.naming import attribute_title, load_titles, word_title
from ccmm_rules.vocabulary.tables import load_vocabulary

NameWords = Callable[[str], str]

COMPARISONS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "_>=_": "at least",
        "_<=_": "at most",
        "_>_": "more than",
        "_<_": "less than",
        "_==_": "exactly",
        "_!=_": "other than",
    },
    "zh": {"_>=_": "不低于", "_<=_": "不超过", "_>_": "大于", "_<_": "小于", "_==_": "等于", "_!=_": "不等于"},
}
FLIPPED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_", "_==_": "_==_", "_!=_": "_!=_"}
_ARITHMETIC = {"_+_": " + ", "_-_": " − ", "_*_": " × "}
_AGES = {
    "days": ("days", "天"),
    "hours": ("hours", "小时"),
    "minutes": ("minutes", "分钟"),
    "workdays": ("working days", "个工作日"),
}
_JOINS_SAID = {"en": (" and ", " or "), "zh": ("且", "或")}
_DONE = frozenset(("通过", "加密", "启用", "确认", "核实", "跟进", "脱敏", "锁定", "说明"))
_BEING = frozenset(("完整", "独立", "健康", "全面", "公开", "随机", "在职", "可播放", "可行", "受控", "受管", "受保护"))
_TIMED = {
    "en": {"_>=_": "no earlier than", "_<=_": "no later than", "_>_": "after", "_<_": "before"},
    "zh": {"_>=_": "不早于", "_<=_": "不晚于", "_>_": "晚于", "_<_": "早于"},
}
_JOINS = {"_&&_": {"en": " and ", "zh": "且"}, "_||_": {"en": " or ", "zh": "或"}}


def say(tree: Tree, language: str, name: NameWords) -> str:
    """The expression in words."""
    if isinstance(tree, Const):
        return shown(tree.value) if not isinstance(tree.value, str) else word_title(tree.value, language)
    if isinstance(tree, Name):
        return name(tree.name)
    if isinstance(tree, Items):
        return (", " if language == "en" else "、").join(say(part, language, name) for part in tree.elements)
    if isinstance(tree, Call):
        return _call(tree, language, name)
    named = (", " if language == "en" else "、").join(name(n) for n in sorted(names_in(tree)) if n[:1] != "_")
    return f"a condition on {named}" if language == "en" else f"关于{named}的条件"


_CHINESE = "\u4e00-\u9fff"
_SPACES = (
    (re.compile(f"([{_CHINESE}]) +([{_CHINESE}])"), r"\1\2"),
    (re.compile(f"([{_CHINESE}])([A-Za-z0-9%])"), r"\1 \2"),
    (re.compile(f"([A-Za-z0-9%])([{_CHINESE}])"), r"\1 \2"),
)


def spaced(text: str) -> str:
    """Chinese text with one space between Chinese and Latin, and none inside the Chinese."""
    for pattern, better in _SPACES:
        text = pattern.sub(better, text)
    return text


def shown(value: Scalar, beside: float | None = None) -> str:
    """A number as people write it: two digits after the point, more where it must differ from the one beside it."""
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    if isinstance(value, int):
        return str(value)
    for digits in (2, 4, 6):
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
        if beside is None or value == beside or float(text) != beside:
            break
    return "0" if text == "-0" else text


def _call(call: Call, language: str, name: NameWords) -> str:
    if call.function in _JOINS:
        return _joined(call, language, name)
    product = constant(call)
    if product is not None:
        return shown(product)
    parts = [say(part, language, name) for part in call.arguments]
    if call.function == "!_":
        return _denied(call.arguments[0], parts[0], language)
    if call.function in ("double", "int"):
        return parts[0]
    if call.function == "size":
        return f"number of {parts[0]}" if language == "en" else f"{parts[0]}数量"
    if call.function == "-_":
        return f"−{parts[0]}"
    if call.function in _ARITHMETIC:
        return f"{_bracketed(call, 0, parts)}{_ARITHMETIC[call.function]}{_bracketed(call, 1, parts)}"
    if call.function == "_?_:_":
        return ("{1} if {0}, else {2}" if language == "en" else "若{0}则{1}，否则{2}").format(*parts)
    if call.function == "@in":
        return _in(call, parts, language)
    return _compared(call, language, name, parts)


def constant(tree: Tree) -> float | None:
    """The value of `60.0 * 1440.0`."""
    if isinstance(tree, Const) and isinstance(tree.value, int | float) and not isinstance(tree.value, bool):
        return tree.value
    if not isinstance(tree, Call) or tree.function != "_*_":
        return None
    left, right = (constant(part) for part in tree.arguments)
    return None if left is None or right is None else left * right


def _bracketed(call: Call, place: int, parts: list[str]) -> str:
    inner = call.arguments[place]
    loose = isinstance(inner, Call) and (
        inner.function == "_?_:_" or (call.function != "_+_" and inner.function in ("_+_", "_-_"))
    )
    return f"({parts[place]})" if loose else parts[place]


def _joined(call: Call, language: str, name: NameWords) -> str:
    everything = call.sides
    texts = []
    for side in [side for side in everything if not _is_idle(side, call.function, everything)]:
        text = say(side, language, name)
        mixed = isinstance(side, Call) and side.function in _JOINS and any(j in text for j in _JOINS_SAID[language])
        texts.append((f"({text})" if language == "en" else f"（{text}）") if mixed else text)
    return _JOINS[call.function][language].join(dict.fromkeys(texts))


def _is_idle(side: Tree, function: str, everything: Sequence[Tree]) -> bool:
    """`has_x &&` beside what speaks of `x`: said already."""
    if function != "_&&_" or not isinstance(side, Name):
        return False
    prefix, dot, stem = side.name.rpartition(".")
    wanted = f"{prefix}{dot}{stem.removeprefix('has_')}"
    others = frozenset().union(*(names_in(other) for other in everything if other is not side))
    return stem.startswith("has_") and any(n == wanted or n.startswith(f"{wanted}_") for n in others)


def _denied(inner: Tree, text: str, language: str) -> str:
    if isinstance(inner, Name) and inner.name.rpartition(".")[2].startswith("has_"):
        return _lacking(inner.name, text, language)
    if isinstance(inner, Call) and any(join in text for join in _JOINS_SAID[language]):
        return f"not ({text})" if language == "en" else f"并非（{text}）"
    if isinstance(inner, Call) and text.startswith(("not ", "非", "未", "不")):  # !(has_x && !x)
        affirmed = text.removeprefix("not ") if language == "en" else text[1:]
        return f"{affirmed} or not told" if language == "en" else f"{affirmed}（或未说明）"
    if language == "en":
        return f"not {text}"
    if text.startswith("已"):
        return f"未{text[1:]}"
    return f"{'未' if text in _DONE else '不' if text in _BEING else '非'}{text}"


def _lacking(name: str, text: str, language: str) -> str:
    if is_done(name.rpartition("has_")[2]):
        return f"not {text}" if language == "en" else text.replace("已", "未", 1)
    return text.replace("has ", "no ", 1) if language == "en" else text.replace("有", "无", 1)


def _in(call: Call, parts: list[str], language: str) -> str:
    if isinstance(call.arguments[1], Items):
        return f"{parts[0]} is one of {parts[1]}" if language == "en" else f"{parts[0]}为{parts[1]}之一"
    return f"{parts[1]} include {parts[0]}" if language == "en" else f"{parts[1]}含{parts[0]}"


def _compared(call: Call, language: str, name: NameWords, parts: list[str]) -> str:
    function, (left, right), (one, other) = call.function, call.arguments, parts
    if isinstance(left, Const) and not isinstance(right, Const) and function in FLIPPED:
        function, left, right, one, other = FLIPPED[function], right, left, other, one
    if isinstance(right, Const) and isinstance(right.value, str):
        if isinstance(left, Name) and left.name.rpartition(".")[2] == "attribute":
            other = attribute_title(right.value, language)
        return _is_word(function, one, other, right.value, language)
    number = constant(right)
    if isinstance(left, Name) and number is not None and age_of(left.name)[1]:
        return _aged(left.name, function, number, language, name)
    timed = isinstance(left, Name) and isinstance(right, Name) and is_time(left.name) and is_time(right.name)
    how = (_TIMED if timed else COMPARISONS)[language].get(function, COMPARISONS[language][function])
    return f"{one} {how} {other}" if language == "en" else f"{one}{how} {other}"


def _is_word(function: str, one: str, other: str, word: str, language: str) -> str:
    equal = function == "_==_"
    if not word:
        return f"{'no' if equal else 'a'} {one}" if language == "en" else f"{'无' if equal else '有'}{one}"
    if language == "en":
        return f"{one} is {'' if equal else 'not '}{other}"
    return f"{one}{'为' if equal else '不为'}{other}"


@lru_cache(maxsize=4096)
def is_time(name: str) -> bool:
    """Whether an attribute of some kind of this name is a time."""
    own = name.rpartition(".")[2]
    kinds = load_vocabulary().kinds.values()
    return own in ("started", "ended") or any(kind.known[own].word == "time" for kind in kinds if own in kind.known)


def is_done(attribute: str) -> bool:
    """Whether the time is that of something done, so that having it means that it was done: `closed`, not `due`."""
    title = attribute_title(attribute, "en").partition(" ")[0]
    return is_time(attribute) and (title.endswith("ed") or title in ("left", "told", "begun"))


@lru_cache(maxsize=4096)
def age_of(name: str) -> tuple[str, str]:
    """(attribute, unit) of an age or a duration such as `approved_days`, `lasted_minutes`; else two empty texts."""
    stem, _, unit = name.rpartition("_")
    if unit not in _AGES or not stem or name.rpartition(".")[2] in _plain_attributes():
        return "", ""
    return (stem, unit) if is_time(stem) or stem.rpartition(".")[2] == "lasted" else ("", "")


def _is_lasting(stem: str, unit: str) -> bool:
    """Minutes and working days count from the start; days and hours are ages, but for a duration."""
    return stem.rpartition(".")[2] == "lasted" or unit in ("minutes", "workdays")


def _aged(age: str, function: str, value: float, language: str, name: NameWords) -> str:
    """`x at most 365 days ago`, `x after more than 10 minutes`; a negative age lies ahead."""
    stem, unit = age_of(age)
    what, lasting = name(stem), _is_lasting(stem, unit)
    if unit == "minutes" and value >= 2880 and value % 1440 == 0:
        unit, value = "days", value / 1440
    other = shown(value)
    how, word = COMPARISONS[language][function], _AGES[unit][0 if language == "en" else 1]
    if stem.rpartition(".")[2] == "lasted":
        return f"{what} {how} {other} {word}" if language == "en" else f"{what}{how} {other} {word}"
    if lasting:
        return f"{what} after {how} {other} {word}" if language == "en" else f"{what}用时{how} {other} {word}"
    if value == 0 and function in ("_>=_", "_<_", "_>_", "_<=_"):
        past = function in ("_>=_", "_>_")
        if language == "en":
            return f"{what} {'is past' if past else 'is still ahead'}"
        return f"{what}{'已过' if past else '未到'}"
    return f"{what} {how} {other} {word} ago" if language == "en" else f"{what}距今{how} {other} {word}"


def row_name(name: str, language: str) -> str:
    """What a name in a test on a row is called, `profile.x` included."""
    if name.startswith("profile."):
        question = load_vocabulary().profile.get(name.removeprefix("profile."))
        return f"“{question.titles[language]}”" if question is not None else name
    if name in load_titles()["attributes"]:
        return attribute_title(name, language)
    if name.startswith("has_"):
        own = name.removeprefix("has_")
        title = attribute_title(own, language)
        if is_done(own):
            return title if language == "en" else f"已{title.removeprefix('已')}"
        return f"has {title.removeprefix('has ')}" if language == "en" else f"有{title}"
    stem, unit = age_of(name)
    if not unit:
        return attribute_title(name, language)
    title, (en, zh) = attribute_title(stem, language), _AGES[unit]
    if _is_lasting(stem, unit):
        return f"{en} to {title}" if language == "en" else f"{title}用时（{zh.removeprefix('个')}）"
    return f"age of {title} in {en}" if language == "en" else f"{title}距今（{zh}）"


@lru_cache(maxsize=1)
def _plain_attributes() -> frozenset[str]:
    return frozenset(name for kind in load_vocabulary().kinds.values() for name in kind.known)


def pair_name(first: str, second: str, language: str) -> NameWords:
    """For tests on pairs: `a.left` is "people: left"."""

    def named(name: str) -> str:
        side, dot, own = name.partition(".")
        if not dot or side not in ("a", "b"):
            return row_name(name, language)
        whose = first if side == "a" else second
        return f"{row_name(own, language)} of {whose}" if language == "en" else f"{whose}的{row_name(own, language)}"

    return named
