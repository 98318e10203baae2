from pathlib import Path

from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, new_log, offered

EAST = -8 * HOUR_MS  # a day of Shanghai begins so long before that of UTC
WHOLE = Span(START + EAST, START + EAST + 5 * DAY_MS)


def opened(folder: Path, log: EvidenceLog) -> Projection:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=-1, limit=10_000))
    return projection


def days(projection: Projection, log: EvidenceLog, index: int | None = None, zone_ms: int = 0) -> list[tuple[int, int]]:
    at = projection.position if index is None else index
    known = Known(projection.view("north", at), log_id=log.log_id, at_ms=START)
    known.totals("calls_offered", Span(START + DAY_MS, WHOLE.to_ms))  # later days first
    spans = [Span(start, start + DAY_MS) for start in range(WHOLE.from_ms, WHOLE.to_ms, DAY_MS)]
    shifted = [Span(span.from_ms + zone_ms, span.to_ms + zone_ms) for span in spans]
    assert sum(row.count for row in known.totals("calls_offered", WHOLE)) == sum(
        row.count for span in spans for row in known.totals("calls_offered", span)
    )
    rows = [row for span in shifted for row in known.totals("calls_offered", span)]
    return [((row.start_ms - START) // HOUR_MS, row.count) for row in rows]


def told(agent: Agent, slots: int = 4 * 96) -> bytes:
    return agent.run((START, START + 4 * DAY_MS), [offered(START + n * QUARTER_MS, 1) for n in range(slots)])


def test_days_are_those_of_the_center_whether_summed_before_or_not(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    answer(log, "zone", '"Asia/Shanghai"')
    append(log, told(Agent()))
    projection = opened(tmp_path, log)
    at_once = days(projection, log)
    assert at_once == [(-8, 64), (16, 96), (40, 96), (64, 96), (88, 32)]
    assert projection.tend()
    kept = projection.rows("SELECT count(*) FROM tally WHERE slots > 0")
    assert kept == [(5,)]
    assert days(projection, log) == at_once


def test_an_answer_about_the_zone_gives_all_slots_to_other_days_and_none_is_lost(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    before = append(log, told(Agent())).index
    agent = Agent(name="other")
    projection = opened(tmp_path, log)
    in_utc = days(projection, log, zone_ms=-EAST)
    projection.tend()
    answer(log, "zone", '"Asia/Shanghai"')
    append(log, agent.run((START, START + DAY_MS), [offered(START, 7)]))
    projection.apply(log.entries(after=before, limit=10))
    assert in_utc == [(0, 96), (24, 96), (48, 96), (72, 96)]
    assert [count for _, count in days(projection, log)] == [7, 64, 96, 96, 96, 32]
    assert days(projection, log, before, -EAST) == in_utc  # as known then, in the days of then


def test_slots_that_come_late_are_in_the_sum_and_not_in_that_of_the_past(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    answer(log, "zone", '"Asia/Shanghai"')
    first = append(log, told(agent, 96)).index
    projection = opened(tmp_path, log)
    assert days(projection, log) == [(-8, 64), (16, 32)]
    projection.tend()
    append(log, agent.run((START, START + DAY_MS), [offered(START, 11, revision=1)]))
    projection.apply(log.entries(after=first, limit=10))
    assert days(projection, log) == [(-8, 74), (16, 32)]
    assert days(projection, log, first) == [(-8, 64), (16, 32)]


def test_days_that_are_over_are_summed_while_nothing_arrives(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock(START + 3 * DAY_MS))
    append(log, told(Agent()))
    projection = opened(tmp_path, log)
    while projection.tend(limit=1):
        pass
    kept = projection.rows("SELECT day_ms, count FROM tally WHERE slots > 0 ORDER BY 1")
    assert kept == [(START, 96), (START + DAY_MS, 96)]  # the third may still grow
