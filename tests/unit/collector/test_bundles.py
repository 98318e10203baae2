from collections.abc import Sequence
from pathlib import Path

from ccmm_collector.columns import columns_of, day_of, pack_day, unpack_day
from ccmm_collector.known import Known
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS
from ccmm_proto.v1.statement_pb2 import Column, Observation, Roll
from ccmm_rules.columns import Coded, Columns
from ccmm_rules.evidence import Happening, Span
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
    assert list(unpacked("session", rows)) == rows
    calls = [row(1, START, answered=True, talk=0), row(2, START, answered=False), row(3, START, queue="a")]
    assert list(unpacked("call", calls)) == calls


def unpacked(kind: str, *days: Sequence[Happening]) -> Columns:
    packed = [pack_day(day_of(kind, rows[0].started_ms // DAY_MS * DAY_MS, rows)) for rows in days]
    return columns_of((1, "pbx", "queue"), [unpack_day(day) for day in packed])


def test_days_one_after_the_other_keep_what_only_one_of_them_has() -> None:
    first = [row(1, START, answered=True), row(2, START, "k2", queue="b", agent=7)]
    second = [row(2, START + DAY_MS, queue="a"), row(3, START + DAY_MS, talk=9)]
    both = unpacked("call", first, second)
    assert list(both) == first + second
    assert list(both.between(1, 3)) == both[1:3] == [first[1], second[0]]
    assert both.between(0, 4) is both
    lasting = [[row(1, START, lasted=9)], [row(1, START + DAY_MS, system="acd")]]
    assert list(unpacked("session", *lasting)) == lasting[0] + lasting[1]


def test_words_of_many_days_are_few_or_told_one_by_one() -> None:
    many = [[row(at, START + day * DAY_MS, queue=f"q{day}-{at}") for at in range(200)] for day in range(2)]
    few = [[row(at, START + day * DAY_MS, queue=f"q{at % 9 + day}") for at in range(200)] for day in range(2)]
    assert list(unpacked("call", *many)) == many[0] + many[1]
    assert not isinstance(unpacked("call", *many).told["queue"], Coded)
    assert list(unpacked("call", *few)) == few[0] + few[1]
    assert isinstance(unpacked("call", *few).told["queue"], Coded)
    busy = [row(at, START, queue=f"q{at:03}") for at in range(300)]
    assert list(unpacked("call", busy)) == busy


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
