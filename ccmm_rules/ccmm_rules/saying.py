"""An expression in words: `enabled && last_login_days > 90` is "enabled and last login more than 90 days ago".

One renderer for tests on rows, pairs and metrics, for `applies` and for `require`: only what a name is called differs.
"""

import re
from collections.abc import Mapping, Sequence

from ccmm_rules.ages import AGES, age_of, is_done, is_lasting, is_time
from ccmm_rules.expression import Call, Const, Items, Name, Scalar, Tree, names_in
from ccmm_rules.naming import Names, attribute_title, load_titles, word_title

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
_JOINS_SAID = {"en": (" and ", " or "), "zh": ("且", "或")}
_DONE = frozenset(("通过", "加密", "启用", "确认", "核实", "跟进", "脱敏", "锁定", "说明"))
_BEING = frozenset(("完整", "独立", "健康", "全面", "公开", "随机", "在职", "可播放", "可行", "受控", "受管", "受保护"))
_TIMED = {
    "en": {"_>=_": "no earlier than", "_<=_": "no later than", "_>_": "after", "_<_": "before"},
    "zh": {"_>=_": "不早于", "_<=_": "不晚于", "_>_": "晚于", "_<_": "早于"},
}
_JOINS = {"_&&_": {"en": " and ", "zh": "且"}, "_||_": {"en": " or ", "zh": "或"}}


def say(tree: Tree, language: str, name: Names) -> str:
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


def _call(call: Call, language: str, name: Names) -> str:
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
        return _in(call, parts, language, name)
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


def _joined(call: Call, language: str, name: Names) -> str:
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
    if text.startswith("须"):
        return f"无{text}"
    return f"{'未' if text in _DONE else '不' if text in _BEING else '非'}{text}"


def _lacking(name: str, text: str, language: str) -> str:
    if is_done(name.rpartition("has_")[2]):
        return f"not {text}" if language == "en" else text.replace("已", "未", 1)
    return text.replace("has ", "no ", 1) if language == "en" else text.replace("有", "无", 1)


def _in(call: Call, parts: list[str], language: str, name: Names) -> str:
    own, items = call.arguments
    if isinstance(items, Items):
        words = [
            _word_of(own, part.value, language, name)
            if isinstance(part, Const) and isinstance(part.value, str)
            else say(part, language, name)
            for part in items.elements
        ]
        return f"{parts[0]} is one of {', '.join(words)}" if language == "en" else f"{parts[0]}为{'、'.join(words)}之一"
    return f"{parts[1]} include {parts[0]}" if language == "en" else f"{parts[1]}含{parts[0]}"


def _compared(call: Call, language: str, name: Names, parts: list[str]) -> str:
    function, (left, right), (one, other) = call.function, call.arguments, parts
    if isinstance(left, Const) and not isinstance(right, Const) and function in FLIPPED:
        function, left, right, one, other = FLIPPED[function], right, left, other, one
    if isinstance(right, Const) and isinstance(right.value, str):
        other = _word_of(left, right.value, language, name)
        return _is_word(function, one, other, right.value, language)
    number = constant(right)
    if isinstance(left, Name) and number is not None and age_of(left.name)[1]:
        return _aged(left.name, function, number, language, name)
    timed = isinstance(left, Name) and isinstance(right, Name) and is_time(left.name) and is_time(right.name)
    how = (_TIMED if timed else COMPARISONS)[language].get(function, COMPARISONS[language][function])
    return f"{one} {how} {other}" if language == "en" else f"{one}{how} {other}"


def _word_of(left: Tree, word: str, language: str, name: Names) -> str:
    """As the attribute on the left has it; what was altered is itself an attribute, or an entry as a whole."""
    if not isinstance(left, Name):
        return word_title(word, language)
    own = left.name.rpartition(".")[2]
    if own == "attribute" and word in load_titles()["attributes"]:
        return attribute_title(word, language)
    return word_title(word, language, f"{name.kind_of(left.name)}.{own}")


def _is_word(function: str, one: str, other: str, word: str, language: str) -> str:
    equal = function == "_==_"
    if not word:
        return f"{'no' if equal else 'a'} {one}" if language == "en" else f"{'无' if equal else '有'}{one}"
    if language == "en":
        return f"{one} is {'' if equal else 'not '}{other}"
    return f"{one}{'为' if equal else '不为'}{other}"


def _aged(age: str, function: str, value: float, language: str, name: Names) -> str:
    """`x at most 365 days ago`, `x after more than 10 minutes`; a negative age lies ahead."""
    stem, unit = age_of(age)
    what, lasting = name(stem), is_lasting(stem, unit)
    if unit == "minutes" and value >= 2880 and value % 1440 == 0:
        unit, value = "days", value / 1440
    if value < 0 and not lasting:
        return _ahead(what, COMPARISONS[language][FLIPPED[function]], shown(-value), unit, language)
    other = shown(value)
    how, word = COMPARISONS[language][function], _counted(unit, other, language)
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


def _ahead(what: str, how: str, other: str, unit: str, language: str) -> str:
    """`end of the exception at most 90 days ahead`."""
    word = _counted(unit, other, language)
    return f"{what} {how} {other} {word} ahead" if language == "en" else f"距{what}{how} {other} {word}"


def _counted(unit: str, number: str, language: str) -> str:
    """`1 hour`, `2 hours`, without the number."""
    en, zh = AGES[unit]
    return zh if language == "zh" else en.removesuffix("s") if number == "1" else en
