"""Scope answers: what a center says about itself, checked before it becomes an act in the log.

>>> parse_answer("zone", "Asia/Shanghai"), parse_answer("seats", "120"), parse_answer("queues", "support,sales")
('"Asia/Shanghai"', '120', '["support","sales"]')
"""

import json
from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmm_collector.known import FEEDS, RETIRED
from ccmm_proto.errors import BadConfig
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_rules.model import LEVELS, Rule
from ccmm_rules.tightening import answer_name, stricter_side, stricter_table
from ccmm_rules.vocabulary.tables import load_vocabulary

TARGET, LIMIT, METRICS = "target.", "limit.", "metrics."  # a center's own: of a metric, of a rule, of a process
OF_METRICS = ("key_kpis",)  # lists whose entries are metrics
LARGEST = 1 << 53  # of a number: up to here whole numbers are exact everywhere
_OWN_KEYS = "target.<metric>, limit.<rule>, metrics.<process>"
_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "double": "a number",
    "string": "a text",
    "list": 'texts, as a,b,c or ["a", "b"]',
}


def parse_answer(key: str, text: str, rules: Mapping[str, Rule] | None = None) -> str:
    """Canonical JSON of an answer given as JSON or as plain text; "" withdraws it; raises BadConfig.

    `rules` of the pack in force say which limits a center may tighten.
    """
    expected = _type_of(key)
    if not text.strip():
        return ""
    value = _value(text, expected)
    if value is None:
        raise BadConfig(f"{key}={text}: {_EXPECTED[expected]} is expected")
    if key == "zone":
        _check_zone(str(value))
    if isinstance(value, list) and (key == RETIRED or key.startswith(FEEDS)):
        _check_sources(key, value)
    if isinstance(value, list) and (key in OF_METRICS or key.startswith(METRICS)):
        _check_metrics(key, value)
    if key.startswith(LIMIT) and isinstance(value, float):
        _check_limit(key, value, rules or {})
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _type_of(key: str) -> str:
    """The type that the vocabulary gives a key; raises BadConfig for a key that nobody would read."""
    if key == RETIRED:
        return "list"
    if key.startswith(FEEDS):
        feed = key.removeprefix(FEEDS)
        if feed not in KINDS and feed not in MEASURES:
            raise BadConfig(f"{key}: no kind or measure {feed!r}")
        return "list"
    if key.startswith(METRICS) and key != METRICS:
        return "list"
    if key.startswith(TARGET):
        _check_target(key)
    if key.startswith((TARGET, LIMIT)):
        return "double"
    question = load_vocabulary().profile.get(key)
    if question is None:
        known = ", ".join(sorted(load_vocabulary().profile))
        raise BadConfig(f"no scope question {key!r}; known: {known}, {RETIRED}, {FEEDS}<kind or measure>, {_OWN_KEYS}")
    return question.type


def _value(text: str, expected: str) -> object:
    """The typed value; None where it does not fit."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = text
    if expected == "string":
        return given if isinstance(given, str) else text
    if expected == "list":
        listed = given if isinstance(given, list) else [part.strip() for part in text.split(",")]
        return listed if all(isinstance(word, str) and word for word in listed) else None
    if expected == "bool":
        return given if isinstance(given, bool) else None
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= LARGEST:
        return None
    return float(given) if expected == "double" else given if isinstance(given, int) else None


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadConfig(f"zone={zone}: no such time zone; an IANA name such as Asia/Shanghai is expected") from error


def _check_sources(key: str, names: list[object]) -> None:
    for name in names:
        agent, slash, source = str(name).partition("/")
        if not (agent and slash and source):
            raise BadConfig(f"{key}: {name!r} is no source; agent/source is expected, such as pbx/queue_log")


def _check_metrics(key: str, names: list[object]) -> None:
    for name in names:
        if name not in load_vocabulary().metrics:
            raise BadConfig(f"{key}: no metric {name!r}; known: {', '.join(sorted(load_vocabulary().metrics))}")


def _check_target(key: str) -> None:
    """`target.csat`; of a metric that is good in the middle `target.occupancy.low` and `.high`."""
    name, _, end = key.removeprefix(TARGET).partition(".")
    metric = load_vocabulary().metrics.get(name)
    if metric is None:
        raise BadConfig(f"{key}: no metric {name!r}; known: {', '.join(sorted(load_vocabulary().metrics))}")
    if metric.better == "band" and end not in ("low", "high"):
        raise BadConfig(f"{key}: a target of {name} has two ends: {TARGET}{name}.low and {TARGET}{name}.high")
    if metric.better != "band" and end:
        raise BadConfig(f"{key}: {TARGET}{name} is expected")


def _check_limit(key: str, own: float, rules: Mapping[str, Rule]) -> None:
    """A center's own limit asks for more than the rule does at some level at least."""
    name = key.removeprefix(LIMIT).partition(".")[0]
    rule = rules.get(name)
    if rule is None:
        raise BadConfig(f"{key}: no rule {name!r} in the pack in force")
    named = {answer_name(rule, table): table for table in rule.limits}
    if key not in named:
        raise BadConfig(f"{key}: no limit of {name}; known: {', '.join(sorted(named)) or 'none'}")
    table, vocabulary = named[key], load_vocabulary()
    if not stricter_side(rule, table, vocabulary):
        raise BadConfig(f"{key}: {name} does not say plainly on which side its limit is stricter, so it cannot be set")
    stricter = stricter_table(rule, table, own, vocabulary)
    if all(stricter.at(level) == table.at(level) for level in LEVELS):
        raise BadConfig(f"{key}={own:g}: the rule asks for as much at every level; a stricter limit is expected")
