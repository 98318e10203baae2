"""Differences between lists that follow each other, from the projection."""

from pathlib import Path

from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.v1.statement_pb2 import EMPTY, Attribute, Entry, Identity, Inventory, Observation, Value
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, hour, new_log

ALL = Span(0, hour(100))


def known(folder: Path, log: EvidenceLog, index: int | None = None) -> Known:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=projection.position, limit=1000))
    at = projection.position if index is None else index
    return Known(projection.view("north", at), log_id=log.log_id, at_ms=START)


def settings(as_of_ms: int, **values: str) -> Observation:
    entries = [
        Entry(
            key=Identity(text=path),
            attributes=[
                Attribute(name="system", value=Value(text="switch")),
                Attribute(name="value", value=Value(text=value)),
            ],
        )
        for path, value in values.items()
    ]
    return Observation(inventory=Inventory(kind="setting", as_of_ms=as_of_ms, complete=True, entries=entries))


def told(folder: Path) -> EvidenceLog:
    """Every hour a list: the same, one altered, one added and one gone, the same again, none."""
    log, agent = new_log(folder, Clock()), Agent()
    hours = [
        {"a": "1", "b": "1"},
        {"a": "1", "b": "1"},
        {"a": "2", "b": "1"},
        {"a": "2", "c": "1"},
        {"a": "2", "c": "1"},
    ]
    for number, values in enumerate(hours, 1):
        append(log, agent.run((hour(number - 1), hour(number)), [settings(hour(number), **values)], feeds=("setting",)))
    append(log, agent.run((hour(5), hour(6)), [], feeds=("setting",), outcome=EMPTY))
    return log


def shown(evidence: Known, span: Span) -> list[tuple[int, str | int, object, object]]:
    return [
        (change.at_ms, change.key, change.before and change.before["value"], change.after and change.after["value"])
        for change in evidence.alterations("setting", span)
    ]


def test_each_entry_that_differs_from_the_list_before_is_shown_by_the_later_list(tmp_path: Path) -> None:
    evidence = known(tmp_path, told(tmp_path))
    altered = [(hour(3), "a", "1", "2"), (hour(4), "b", "1", None), (hour(4), "c", None, "1")]
    emptied = [(hour(6), "a", "2", None), (hour(6), "c", "1", None)]
    assert shown(evidence, ALL) == [*altered, *emptied]
    assert evidence.alterations("account", ALL) == []


def test_the_list_before_the_span_is_what_its_first_list_is_compared_with(tmp_path: Path) -> None:
    evidence = known(tmp_path, told(tmp_path))
    assert shown(evidence, Span(hour(3), hour(4))) == [(hour(3), "a", "1", "2")]
    assert shown(evidence, Span(hour(4) + 1, hour(6))) == []


def test_what_was_not_known_yet_at_an_index_differs_from_nothing(tmp_path: Path) -> None:
    log = told(tmp_path)
    assert shown(known(tmp_path, log, 2), ALL) == [(hour(3), "a", "1", "2")]
    assert shown(known(tmp_path, log, 1), ALL) == []


def answered(folder: Path) -> EvidenceLog:
    clock = Clock(hour(1))
    log = new_log(folder, clock)
    history = [
        ("key_kpis", '["aht","answer_rate"]'),
        ("target.answer_rate", "90.0"),
        ("queues", '["sales","support"]'),
        ("key_kpis", '["answer_rate","csat"]'),
        ("target.answer_rate", "85.0"),
        ("queues", '["support"]'),
        ("target.answer_rate", ""),
        ("many_people", "true"),
    ]
    for number, (key, value_json) in enumerate(history, 1):
        clock.now = hour(number)
        answer(log, key, value_json)
    return log


def test_what_a_center_answers_otherwise_stands_in_its_register(tmp_path: Path) -> None:
    evidence = known(tmp_path, answered(tmp_path))
    found = [
        (change.at_ms, change.key, change.before, change.after) for change in evidence.alterations("register", ALL)
    ]
    target = {"register": "target", "ref": "answer_rate", "metrics": ("answer_rate",)}
    queues = {"register": "scope", "ref": "queues"}
    assert found == [
        (hour(4), "aht", {"register": "key_kpi", "ref": "aht", "metrics": ("aht",)}, None),
        (hour(4), "csat", None, {"register": "key_kpi", "ref": "csat", "metrics": ("csat",)}),
        (hour(5), "target.answer_rate", {**target, "number": 90.0}, {**target, "number": 85.0}),
        (hour(6), "queues", {**queues, "points": ("sales", "support")}, {**queues, "points": ("support",)}),
        (hour(7), "target.answer_rate", {**target, "number": 85.0}, None),
    ]


def test_an_answer_counts_from_when_it_was_recorded_and_only_once_known(tmp_path: Path) -> None:
    log = answered(tmp_path)
    assert [change.key for change in known(tmp_path, log).alterations("register", Span(hour(5), hour(6)))] == [
        "target.answer_rate"
    ]
    assert known(tmp_path, log, 3).alterations("register", Span(hour(5), hour(9))) == []
