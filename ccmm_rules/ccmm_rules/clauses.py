"""A comparison of a rule with its figures: "Staffed answer rate over 30 days: 91.2 % (at least 95 % needed)"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ccmm_rules.deciding import COMPARED, value_in
from ccmm_rules.expression import Call, Const, Name, Scalar, Tree, names_in
from ccmm_rules.model import Read, Rule
from ccmm_rules.naming import attribute_title, dimension_title
from ccmm_rules.phrases import phrase
from ccmm_rules.saying import COMPARISONS, FLIPPED, row_name, say, shown
from ccmm_rules.spec import MetricSpec, RowsSpec, SlotSpec
from ccmm_rules.speech import Speech
from ccmm_rules.verdict import Spot

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
_KNOWN: dict[tuple[str, str, Speech], str] = {}
_OF_MEASURES = ("", "bad", "share", "worst", "streak")
_OF_ROWS = ("bad", "share", "bad_share", "only_a", "only_a_share", "only_b", "both", "open")
_MOST_KNOWN = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Every name of `require` that has a value, in both looks."""

    rule: Rule
    worst: Mapping[str, object]
    best: Mapping[str, object]


def read_of(rule: Rule, name: str) -> tuple[Read, str] | None:
    """(read, short name) of a full name."""
    own, _, short = name.partition(".")
    return next(((read, short) for read in rule.reads if read.name == own and short in read.names), None)


def name_words(rule: Rule, name: str, speech: Speech) -> str:
    """What a name in `require` is called. Kept by the rule's digest: of few rules there are thousands of verdicts."""
    key = (rule.digest, name, speech)
    if key not in _KNOWN:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = _name_words(rule, name, speech)
    return _KNOWN[key]


def _name_words(rule: Rule, name: str, speech: Speech) -> str:
    found = read_of(rule, name)
    if found is not None:
        return phrase(found[0], found[1], speech)
    if name.startswith("limit"):
        part = name.partition(".")[2].replace("_", " ")
        return speech.pick("limit", "限值") + (f" {part}" if part else "")
    if name == "level":
        return speech.pick("level", "等级")
    return row_name(name, speech.language)


def clause(
    part: Tree, figures: Figures, spots: Mapping[str, Spot | None], zone: ZoneInfo | None, speech: Speech
) -> str:
    """What is read, its value, what is asked of it and, with a spot, where it is worst."""
    sides = _sides(part)
    if sides is None:
        return say(part, speech.language, lambda name: name_words(figures.rule, name, speech))
    function, left, right = sides
    what = say(left, speech.language, lambda name: name_words(figures.rule, name, speech))
    unit = unit_of(left, figures.rule) or unit_of(right, figures.rule)
    value = _value(left, figures, _number(value_in(right, figures.best)), unit, speech)
    needed = _needed(function, left, right, figures, unit, speech)
    where = ""
    for read, short in _reads(left, figures.rule)[:1]:
        where = _spot(read, short, spots.get(read.name), figures, zone, speech)
    return speech.pick(f"{what}: {value} ({needed}){where}", f"{what}：{value}（{needed}）{where}")


def _sides(part: Tree) -> tuple[str, Tree, Tree] | None:
    """(comparison, what is read, what it is compared with)."""
    if not isinstance(part, Call) or part.function not in COMPARED:
        return None
    left, right = part.arguments
    if isinstance(right, Name) and not right.name.startswith("limit") and isinstance(left, Const):
        return FLIPPED[part.function], right, left
    return part.function, left, right


def _reads(tree: Tree, rule: Rule) -> list[tuple[Read, str]]:
    found = [read_of(rule, name) for name in sorted(names_in(tree))]
    return [pair for pair in found if pair is not None]


def unit_of(tree: Tree, rule: Rule) -> str:
    """Of a name, or of a sum of names in one unit; empty where there is none."""
    units = set()
    for name in names_in(tree):
        found = read_of(rule, name)
        table = next((table.unit for table in rule.limits if table.name == name), "")
        units.add(found[0].units.get(found[1], "") if found is not None else table)
    return units.pop() if len(units) == 1 else ""


def unit_words(unit: str, speech: Speech) -> str:
    """With the space before it; of a count nothing."""
    return speech.pick(*_UNITS.get(unit, (f" {unit}" if unit else "", f" {unit}" if unit else "")))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(left: Tree, figures: Figures, beside: float | None, unit: str, speech: Speech) -> str:
    """One number, or both looks where they differ; of a count of slots also out of how many."""
    worst, best = value_in(left, figures.worst), value_in(left, figures.best)
    known = [value for value in (worst, best) if value is not None]
    if not known:
        return speech.pick("not known", "未知")
    texts = list(dict.fromkeys(shown(value, beside) for value in known))
    if len(known) < 2 and worst is None:
        texts.insert(0, speech.pick("not known", "未知"))
    end = "" if _says_unit(left, unit) else unit_words(unit, speech)
    return speech.pick(" to ", " 至 ").join(texts) + end + _out_of(left, figures, speech)


def _says_unit(left: Tree, unit: str) -> bool:
    """`days since the last ...` says its unit already."""
    return unit == "days" and isinstance(left, Name) and left.name.endswith(("last_days", "gap_days"))


def _out_of(left: Tree, figures: Figures, speech: Speech) -> str:
    if not isinstance(left, Name) or not left.name.endswith((".bad", ".good")):
        return ""
    everything: Scalar | None = value_in(Name(name=f"{left.name.rpartition('.')[0]}.n"), figures.best)
    return "" if not everything or everything == 1 else speech.pick(f" of {everything}", f"/{everything}")


def _needed(function: str, left: Tree, right: Tree, figures: Figures, unit: str, speech: Speech) -> str:
    limit = value_in(right, figures.best)
    if limit == 0 and function in ("_==_", "_<=_") and unit == "count":
        return speech.pick("none allowed", "不允许出现")
    end = "" if _says_unit(left, unit) else unit_words(unit, speech)
    if limit is None:
        text = say(right, speech.language, lambda name: name_words(figures.rule, name, speech))
    else:
        text = shown(limit) + end
    how = COMPARISONS[speech.language][function]
    return speech.pick(f"{how} {text} needed", f"要求{how} {text}")


def _spot(read: Read, short: str, spot: Spot | None, figures: Figures, zone: ZoneInfo | None, speech: Speech) -> str:
    """`, worst: 91.2 % on 2026-10-04, queue support`; empty where the name does not tell of what is bad."""
    spec = read.spec
    measured = isinstance(spec, SlotSpec | MetricSpec)
    if spot is None or short not in (_OF_MEASURES if measured else _OF_ROWS):
        return ""
    day = moment(spot.at_ms, zone) if spot.at_ms is not None else ""
    worst = figures.worst.get(read.full("worst")) if isinstance(spec, SlotSpec) else None
    if isinstance(worst, float) and day:
        value = f"{shown(worst)}{unit_words(read.units.get('worst', ''), speech)}"
        day = speech.pick(f"{value} on {day}", f"{value}，{day}")
    places = [text for text in (day, _group(read, spot.group, speech)) if text]
    if not places:
        return ""
    label = speech.pick("worst", "最差") if measured else _label(read, short, speech)
    return speech.pick(f", {label}: {', '.join(places)}", f"，{label}：{'，'.join(places)}")


def _label(read: Read, short: str, speech: Speech) -> str:
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


def moment(at_ms: int, zone: ZoneInfo | None) -> str:
    """`2026-10-04 08:00` on the center's clock, the day alone at its midnight; with a Z where its zone is not known."""
    at = datetime.fromtimestamp(at_ms // 1000, tz=zone or UTC)
    text = at.strftime("%Y-%m-%d") if (at.hour, at.minute) == (0, 0) else at.strftime("%Y-%m-%d %H:%M")
    return text if zone is not None else f"{text}Z"
