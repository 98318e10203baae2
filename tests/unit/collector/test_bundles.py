from pathlib import Path

from ccmm_collector.bundles import columns_of, joined, pack_day, unpack_day
from ccmm_collector.known import Known
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS
from ccmm_proto.v1.statement_pb2 import Column, Observation, Roll
from ccmm_rules.evidence import Columns, Happening, Span
from tests.unit.collector.chapters import START, Agent, Clock, append, hour, new_log

WHOLE = Span(START, START + 3 * DAY_MS)


def row(id_: int, start_ms: int, key_id: str = "k1", **attributes: bool | int | str) -> Happening:
    lasted = int(attributes.get("lasted", 0))
    return Happening(
        agent="pbx",
        source="queue",
        id=id_,
        started_ms=start_ms,
        ended_ms=start_ms + 1000 * lasted,
        key_id=key_id,
        attributes=attributes,
    )


def test_a_day_is_unpacked_as_it_was_packed_with_all_that_is_absent() -> None:
    rows = [
        row(2**64 - 1, START, system="acd", person=7, lasted=30),
        row(5, START + 1000, "k2", system="crm", place="home"),
        row(6, START + 2000, system="acd", person=2**63 + 1),
    ]
    assert list(unpack_day((1, "pbx", "queue"), pack_day("session", START, rows))) == rows
    calls = [row(1, START, answered=True, talk=0), row(2, START, answered=False), row(3, START, queue="a")]
    assert list(unpack_day((1, "pbx", "queue"), pack_day("call", START, calls))) == calls


def test_days_one_after_the_other_keep_what_only_one_of_them_has() -> None:
    first, second = [row(1, START, answered=True)], [row(2, START + DAY_MS, queue="a"), row(3, START + DAY_MS)]
    both = joined([columns_of(first), columns_of(second)])
    assert list(both) == first + second
    assert list(both.between(1, 3)) == both[1:] == second


def calls(hour_ms: int, *keys: int, revision: int = 0) -> Observation:
    column = Column(name="answered", number=[1] * len(keys))
    starts = [60 * n for n in range(len(keys))]
    roll = Roll(kind="call", hour_ms=hour_ms, complete=True, key=keys, start_s=starts, columns=[column])
    roll.revision, roll.revision_reason = revision, "late" if revision else ""
    return Observation(roll=roll)


def test_days_are_read_alike_packed_or_not_and_as_known_then(tmp_path: Path) -> None:
    clock = Clock()
    log, agent, feeds = new_log(tmp_path, clock), Agent(), ("call",)
    told = [calls(hour(0), 1, 2, 3), calls(hour(23), 4), calls(hour(24), 5)]
    first = append(log, agent.run((hour(0), hour(25)), told, feeds=feeds)).index
    clock.now = START + 3 * DAY_MS
    append(log, agent.run((hour(25), hour(26)), [calls(hour(25), 6)], feeds=feeds))
    projection = Projection.open(tmp_path, log_id=log.log_id)

    def seen(index: int | None = None, span: Span = WHOLE) -> list[str | int]:
        at = projection.position if index is None else index
        found = Known(projection.view("north", at), log_id=log.log_id, at_ms=START).happenings("call", span)
        assert isinstance(found, Columns)
        return [happening.id for happening in found]

    projection.apply(log.entries(after=-1, limit=10))
    assert seen() == [1, 2, 3, 4, 5, 6]
    projection.tend()
    assert projection.rows("SELECT packed IS NULL FROM bundle ORDER BY day_ms") == [(0,), (0,)]
    assert (seen(), seen(first)) == ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5])
    assert seen(span=Span(hour(0) + 60_000, hour(24))) == [2, 3, 4]
    append(log, agent.run((hour(26), hour(27)), [calls(hour(0), 1, 9, revision=1)], feeds=feeds))
    projection.apply(log.entries(after=first + 1, limit=10))
    assert projection.rows("SELECT packed IS NULL FROM bundle ORDER BY day_ms") == [(1,), (0,)]
    assert (seen(), seen(first)) == ([1, 9, 4, 5, 6], [1, 2, 3, 4, 5])
