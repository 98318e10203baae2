"""The file of a rule's scenarios: its errors, and the facts that a scenario tells.

One line of `evidence` is one run: `covers` is what it vouches for, `seq` numbers the agent's statements. Local times.
`fill` repeats counts (numerator, denominator), or the `value` of a gauge, over slots; later lines win.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmm_rules.case_load import answer_of
from ccmm_rules.errors import VOCABULARY, PackError, PackErrors, one_of
from ccmm_rules.evidence import AttributeValue, Entry, Happening, Listing, MeasureRow, Span
from ccmm_rules.filling import measure_values
from ccmm_rules.memory import Fact
from ccmm_rules.model import Outcome
from ccmm_rules.operators.rows import FORMS
from ccmm_rules.operators.view import OWN
from ccmm_rules.parsing import Collected
from ccmm_rules.spec import parse_span_ms
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Kind, Metric, Vocabulary

_KEYS = frozenset(("title", "zone", "profile", "evidence", "judge"))
_JUDGED = frozenset(("at", "level", "outcome", "seen", "profile", "reason"))
_LINE_KEYS = frozenset(
    ("agent", "seq", "at", "source", "covers", "outcome", "every", "entries", "fill", "key_id", *FORMS)
)
_OUTCOMES = ("OBSERVED", "EMPTY", "UNAVAILABLE", "MISSED", "SKIPPED")


def check_scenarios(document: Node, vocabulary: Vocabulary) -> list[PackError]:
    """Every error of a scenario file, without judging anything."""
    collected = Collected()
    with collected.trying():
        collected.errors += document.only(frozenset(("scenarios",)))
        for scenario in document.child("scenarios").sequence():
            with collected.trying():
                collected.errors += scenario.only(_KEYS)
                _check(scenario, vocabulary, collected)
    return collected.errors


def _check(scenario: Node, vocabulary: Vocabulary, collected: Collected) -> None:
    zone = zone_of(scenario)
    collected.attempt(facts_of, scenario.child("evidence"), zone, vocabulary)
    collected.attempt(profile_of, scenario, vocabulary)
    for line in scenario.child("judge").sequence():
        with collected.trying():
            collected.errors += line.only(_JUDGED)
            instant_ms(line.child("at"), zone)
            outcome = line.child("outcome")
            if outcome.text() not in set(Outcome):
                outcome.fail(f"'{outcome.text()}' is no outcome", f"write one of {', '.join(Outcome)}")
            profile_of(line, vocabulary)


def zone_of(scenario: Node) -> ZoneInfo:
    """The center's clock."""
    node = scenario.child("zone")
    try:
        return ZoneInfo(node.text())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        node.fail(f"'{node.text()}' is no time zone", "write like Asia/Shanghai")


def profile_of(node: Node, vocabulary: Vocabulary) -> dict[str, object]:
    """The scope answers of a scenario or of one of its lines."""
    answers = node.get("profile")
    if answers is None:
        return {}
    own = {name for name in answers.mapping() if name.startswith(OWN)}
    errors = answers.only(frozenset(vocabulary.profile) | own, VOCABULARY)
    if errors:
        raise PackErrors(errors)
    return {
        name: answer_of(child, _own_type(name) if name in own else vocabulary.profile[name].type)
        for name, child in answers.mapping().items()
    }


def _own_type(name: str) -> str:
    """`target.answer_rate` is a number, `metrics.support` names metrics."""
    return "list" if name.startswith("metrics.") else "double"


def instant_ms(node: Node, zone: ZoneInfo) -> int:
    """A local time without offset, `2026-03-03T08:00`."""
    try:
        local = datetime.fromisoformat(node.text())
    except ValueError:
        node.fail(f"'{node.text()}' is no time", "write like 2026-03-03T08:00")
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)


def facts_of(node: Node, zone: ZoneInfo, vocabulary: Vocabulary) -> list[Fact]:
    """The runs of a scenario. A source feeds, in every run, all that any of its lines names."""
    lines = node.sequence()
    feeds: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        errors = line.only(_LINE_KEYS)
        if errors:
            raise PackErrors(errors)
        key = (line.child("agent").text(), line.child("source").text())
        feeds.setdefault(key, set()).update(_named(line, vocabulary))
    return [_fact(line, zone, vocabulary, feeds) for line in lines]


def _form(line: Node) -> str:
    return next((word for word in FORMS if word in line.mapping()), "")


def _kind(line: Node, vocabulary: Vocabulary) -> Kind | None:
    form = _form(line)
    if not form:
        return None
    name = FORMS[form] if form in ("documents", "attestations") else line.child(form).text()
    kind = vocabulary.kinds.get(name)
    if kind is None or kind.form != FORMS[form]:
        line.child(form).fail(f"'{name}' is no kind of {form}", "see docs/vocabulary.md")
    return kind


def _metric(node: Node, vocabulary: Vocabulary) -> Metric:
    metric = vocabulary.metrics.get(node.text())
    if metric is None:
        node.fail(f"'{node.text()}' is no metric", one_of(node.text(), vocabulary.metrics))
    return metric


def _named(line: Node, vocabulary: Vocabulary) -> set[str]:
    kind, fill = _kind(line, vocabulary), line.get("fill")
    named = {kind.name} if kind is not None else set()
    for part in fill.sequence() if fill is not None else ():
        named |= set(_metric(part.child("metric"), vocabulary).measures)
    return named


def _fact(line: Node, zone: ZoneInfo, vocabulary: Vocabulary, feeds: Mapping[tuple[str, str], set[str]]) -> Fact:
    agent, source = line.child("agent").text(), line.child("source").text()
    ends = [instant_ms(child, zone) for child in line.child("covers").sequence()]
    if len(ends) != 2 or ends[0] > ends[1]:
        line.child("covers").fail("'covers' goes from a time to a later one", "write [from, to]")
    outcome, every, kind = line.get("outcome"), line.get("every"), _kind(line, vocabulary)
    if outcome is not None and outcome.text() not in _OUTCOMES:
        outcome.fail(f"'{outcome.text()}' is no outcome of a run", f"write one of {', '.join(_OUTCOMES)}")
    listings, happenings = {}, {}
    if kind is not None and kind.form == "occurrence":
        happenings = {kind.name: _happenings(line, kind, zone, agent, source)}
    elif kind is not None:
        entries = [
            Entry(key=_key(name, kind), attributes=_attributes(child, kind, zone))
            for name, child in line.child("entries").mapping().items()
        ]
        listings = {
            kind.name: Listing(
                agent=agent, source=source, as_of_ms=ends[1], log_index=0, key_id=_key_id(line), entries=tuple(entries)
            )
        }
    return Fact(
        agent=agent,
        sequence=line.child("seq").whole(),
        recorded_ms=instant_ms(line.child("at"), zone),
        source=source,
        feeds=tuple(sorted(feeds[agent, source])),
        covers=Span(*ends),
        outcome=outcome.text() if outcome is not None else "OBSERVED",
        every_s=parse_span_ms(every) // 1000 if every is not None else 3600,
        listings=listings,
        happenings=happenings,
        rows=_filled(line, zone, vocabulary, agent, source),
    )


def _key_id(line: Node) -> str:
    node = line.get("key_id")
    return node.text() if node is not None else "key"


def pseudonym(sort: str, text: str) -> int:
    """A stand-in for the center's keyed pseudonym: equal texts of one sort are equal."""
    return int.from_bytes(hashlib.sha256(f"{sort}:{text}".encode()).digest()[:8], "big")


def _key(name: str, kind: Kind) -> str | int:
    return pseudonym(kind.key, name) if kind.key.startswith("@") else name


def _attributes(node: Node, kind: Kind, zone: ZoneInfo) -> dict[str, AttributeValue]:
    errors = node.only(frozenset(kind.attributes), VOCABULARY)
    if errors:
        raise PackErrors(errors)
    return {name: _value(child, kind.attributes[name].word, zone) for name, child in node.mapping().items()}


def _value(node: Node, word: str, zone: ZoneInfo) -> AttributeValue:
    if word == "flag":
        return node.flag()
    if word == "whole":
        return node.whole()
    if word == "number":
        return node.number()
    if word == "time":
        return instant_ms(node, zone)
    if word == "words":
        return tuple(child.text() for child in node.sequence())
    return pseudonym(word, node.text()) if word.startswith("@") else node.text()


def _happenings(line: Node, kind: Kind, zone: ZoneInfo, agent: str, source: str) -> list[Happening]:
    found = []
    for name, child in line.child("entries").mapping().items():
        started, ended = child.child("started"), child.get("ended")
        rest = {key: value for key, value in child.mapping().items() if key not in ("started", "ended")}
        bare = Node(file=child.file, line=child.line, column=child.column, value=rest, keys=child.keys)
        found.append(
            Happening(
                agent=agent,
                source=source,
                id=_key(name, kind),
                started_ms=instant_ms(started, zone),
                ended_ms=instant_ms(ended, zone) if ended is not None else None,
                key_id=_key_id(line),
                attributes=_attributes(bare, kind, zone),
            )
        )
    return found


def _filled(line: Node, zone: ZoneInfo, vocabulary: Vocabulary, agent: str, source: str) -> dict[str, list[MeasureRow]]:
    slots: dict[tuple[str, tuple[tuple[str, str], ...], int], MeasureRow] = {}
    fill = line.get("fill")
    for part in fill.sequence() if fill is not None else ():
        errors = part.only(frozenset(("metric", "every", "from", "to", "counts", "value", "where")))
        if errors:
            raise PackErrors(errors)
        metric = _metric(part.child("metric"), vocabulary)
        gauge = part.get("value")
        counts = [child.whole() for child in part.child("counts").sequence()] if gauge is None else [1, 1]
        if len(counts) != 2:
            part.child("counts").fail("numerator and denominator", "write counts: [98, 100]")
        step = parse_span_ms(part.child("every"))
        where = part.get("where")
        pairs = where.mapping().items() if where is not None else ()
        dimensions = tuple(sorted((dict(metric.where) | {key: child.text() for key, child in pairs}).items()))
        for start in range(instant_ms(part.child("from"), zone), instant_ms(part.child("to"), zone), step):
            for measure, values in measure_values(metric, counts[0], counts[1], vocabulary).items():
                slots[measure, dimensions, start] = MeasureRow(
                    agent=agent,
                    source=source,
                    dimensions=dimensions,
                    start_ms=start,
                    period_s=step // 1000,
                    count=values[0],
                    total=values[1],
                    buckets=values[2],
                    gauge=(gauge.number(),) * 3 if gauge is not None else None,
                )
    rows: dict[str, list[MeasureRow]] = {}
    for (measure, _, _), row in slots.items():
        rows.setdefault(measure, []).append(row)
    return rows
