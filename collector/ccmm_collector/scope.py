"""Scope answers: what a center says about itself, checked before it becomes an act in the log.

>>> parse_answer("zone", "Asia/Shanghai"), parse_answer("seats", "120"), parse_answer("queues", "support,sales")
('"Asia/Shanghai"', '120', '["support","sales"]')
"""

import json
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmm_collector.known import FEEDS, RETIRED
from ccmm_proto.errors import BadConfig
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_rules.vocabulary.tables import load_vocabulary

LARGEST = 1 << 53  # of a number: up to here whole numbers are exact everywhere
_EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "double": "a number",
    "string": "a text",
    "list": 'texts, as a,b,c or ["a", "b"]',
}


def parse_answer(key: str, text: str) -> str:
    """Canonical JSON of an answer given as JSON or as plain text; "" withdraws it; raises BadConfig."""
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
    question = load_vocabulary().profile.get(key)
    if question is None:
        known = ", ".join(sorted(load_vocabulary().profile))
        raise BadConfig(f"no scope question {key!r}; known: {known}, {RETIRED}, {FEEDS}<kind or measure>")
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
