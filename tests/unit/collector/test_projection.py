from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_collector import projection_sql as sql
from ccmm_collector.dump import dump
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import LogMismatch, Projection
from ccmm_proto.period import DAY_MS, HOUR_MS, QUARTER_MS
from ccmm_proto.v1.statement_pb2 import UNAVAILABLE, Inventory, Observation
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, hour, new_log, offered


def opened(folder: Path, log: EvidenceLog) -> Projection:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=projection.position, limit=10_000))
    return projection


def known(projection: Projection, log: EvidenceLog, index: int | None = None, center: str = "north") -> Known:
    at = projection.position if index is None else index
    return Known(projection.view(center, at), log_id=log.log_id, at_ms=START)


def test_a_count_is_read_back_with_its_dimensions(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent().run((hour(0), hour(1)), [offered(START, 7), offered(START + QUARTER_MS, 5)]))
    view = known(opened(tmp_path, log), log)
    (total,) = view.totals("calls_offered", Span(START, hour(1)))
    assert (total.count, total.dimensions, total.agent, total.source) == (12, (("queue", "support"),), "pbx", "queue")
    assert [row.count for row in view.slots("calls_offered", Span(START, hour(1)))] == [7, 5]


def test_the_highest_revision_is_read_and_nothing_is_added_up(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    first = append(log, agent.run((hour(0), hour(1)), [offered(START, 7)]))
    append(log, agent.run((hour(1), hour(2)), [offered(START, 9, revision=1)]))
    append(log, agent.run((hour(2), hour(3)), [offered(START, 50)]))  # the same number again: stated once already
    projection = opened(tmp_path, log)
    span = Span(START, hour(1))
    assert [row.count for row in known(projection, log).slots("calls_offered", span)] == [9]
    assert [row.count for row in known(projection, log, first.index).slots("calls_offered", span)] == [7]


def test_sums_of_days_are_the_same_kept_or_computed(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    facts = [offered(START + n * QUARTER_MS, n) for n in range(300)]
    append(log, agent.run((START, START + 4 * DAY_MS), facts))
    projection = opened(tmp_path, log)
    span = Span(START + HOUR_MS, START + 3 * DAY_MS + HOUR_MS)
    first = known(projection, log).totals("calls_offered", span)
    projection.tend()
    assert projection.rows("SELECT count(*) FROM tally WHERE slots > 0") == [(2,)]
    assert known(projection, log).totals("calls_offered", span) == first
    assert first[0].count == sum(range(4, 292))


def test_a_kept_sum_is_dropped_when_its_day_changes_and_not_used_for_the_past(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    before = append(log, agent.run((START, START + DAY_MS), [offered(START, 7)]))
    projection = opened(tmp_path, log)
    span = Span(START, START + DAY_MS)
    assert known(projection, log).totals("calls_offered", span)[0].count == 7
    append(log, agent.run((START + DAY_MS, START + 2 * DAY_MS), [offered(START + QUARTER_MS, 5)]))
    projection.apply(log.entries(after=projection.position, limit=10))
    assert known(projection, log).totals("calls_offered", span)[0].count == 12
    projection.tend()
    assert known(projection, log, before.index).totals("calls_offered", span)[0].count == 7
    projection.tend()
    assert known(projection, log).totals("calls_offered", span)[0].count == 12


def test_a_run_is_projected_when_its_last_part_is_there(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    covers = (hour(0), hour(1))
    parts = [
        agent.run(covers, [offered(START + n * QUARTER_MS, 1)], part=n + 1, parts=3, run_id="big") for n in range(3)
    ]
    projection = opened(tmp_path, log)
    for envelope in (parts[2], parts[0]):
        append(log, envelope)
    projection.apply(log.entries(after=-1, limit=10))
    assert not known(projection, log).totals("calls_offered", Span(*covers))
    assert not known(projection, log).feeding("calls_offered")
    completing = append(log, parts[1])
    projection.apply(log.entries(after=projection.position, limit=10))
    assert known(projection, log).totals("calls_offered", Span(*covers))[0].count == 3
    assert not known(projection, log, completing.index - 1).totals("calls_offered", Span(*covers))
    assert projection.rows("SELECT count(*) FROM part") == [(0,)]


def test_an_incomplete_list_is_never_used(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    feeds = ("setting",)
    whole = Observation(inventory=Inventory(kind="setting", as_of_ms=hour(1), complete=True))
    part = Observation(inventory=Inventory(kind="setting", as_of_ms=hour(2), complete=False))
    append(log, agent.run((hour(0), hour(1)), [whole], feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), [part], feeds=feeds))
    view = known(opened(tmp_path, log), log)
    assert [listing.as_of_ms for listing in view.listings("setting")] == [hour(1)]


def test_what_is_not_counted_gives_no_row(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent().run((hour(0), hour(1)), [offered(START, 7)]), counted=False)
    projection = opened(tmp_path, log)
    assert {table for table, _ in dump(projection)} == {"entry"}


def test_projecting_twice_and_in_pieces_changes_nothing(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    for n in range(6):
        append(log, agent.run((hour(n), hour(n + 1)), [offered(hour(n), n)]))
    projection = opened(tmp_path, log)
    before = list(dump(projection))
    projection.apply(log.entries(after=-1, limit=100))
    assert list(dump(projection)) == before
    pieces = Projection.open(tmp_path, log_id=log.log_id, file="other.sqlite")
    for _ in range(6):
        pieces.apply(log.entries(after=pieces.position, limit=1))
    assert list(dump(pieces)) == before


def test_a_projection_of_another_log_is_refused(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    opened(tmp_path, log).close()
    with pytest.raises(LogMismatch):
        Projection.open(tmp_path, log_id="another")


def test_a_failed_write_leaves_the_old_position(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    append(log, agent.run((hour(0), hour(1)), [offered(START, 7)]))
    projection = opened(tmp_path, log)
    append(log, agent.run((hour(1), hour(2)), [offered(hour(1), 7, queue="sales")], source="other"))
    projection.connection.execute("ALTER TABLE measure RENAME TO hidden")
    with pytest.raises(Exception, match="no such table"):
        projection.apply(log.entries(after=projection.position, limit=10))
    projection.connection.execute("ALTER TABLE hidden RENAME TO measure")
    assert projection.position == 0
    projection.apply(log.entries(after=projection.position, limit=10))
    queues = {row.dimensions for row in known(projection, log).slots("calls_offered", Span(START, hour(2)))}
    assert queues == {(("queue", "support"),), (("queue", "sales"),)}


def test_runs_that_could_not_look_cover_nothing_and_are_the_newest_word(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    append(log, agent.run((hour(0), hour(1)), [offered(START, 7)]))
    append(log, agent.run(None, outcome=UNAVAILABLE, created_ms=hour(2)))
    (source,) = known(opened(tmp_path, log), log).feeding("calls_offered")
    assert source.covered == (Span(hour(0), hour(1)),)
    assert (source.newest_outcome, source.newest_reason) == ("UNAVAILABLE", "unreachable")


def _agents() -> dict[str, list[bytes]]:
    """Three agents of two centers, each with revisions, parts, lists and silence."""
    chains = {}
    for center, name in (("north", "pbx"), ("north", "door"), ("south", "pbx")):
        agent = Agent(center=center, name=name)
        agent.run((hour(0), hour(1)), [offered(START, 7)])
        agent.run((hour(1), hour(2)), [offered(hour(1), 3)], part=1, parts=2, run_id="two")
        agent.run((hour(1), hour(2)), [offered(hour(1), 4, queue="sales")], part=2, parts=2, run_id="two")
        agent.run((hour(2), hour(3)), [offered(START, 8, revision=1)])
        agent.run(None, outcome=UNAVAILABLE, created_ms=hour(4))
        agent.note(hour(5))
        chains[f"{center}/{name}"] = agent.made
    return chains


@settings(max_examples=10, deadline=None)
@given(order=st.permutations([name for name in _agents() for _ in range(6)]), doubled=st.integers(0, 17))
def test_order_between_agents_and_double_arrival_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], doubled: int
) -> None:
    def content(names: list[str], again: int | None) -> list[tuple[str, str]]:
        folder = tmp_path_factory.mktemp("order")
        log, left = new_log(folder, Clock()), {name: list(made) for name, made in _agents().items()}
        for number, name in enumerate(names):
            envelope = left[name].pop(0)
            append(log, envelope)
            if number == again:
                append(log, envelope, counted=False)  # ingest gives the old receipt; even stored, it counts once
        found = [line for line in dump(opened(folder, log), indexes=False) if line[0] != "entry"]
        log.close()
        return found

    assert content(order, doubled) == content(sorted(order), None)


def test_answers_are_those_known_at_the_index(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    answer(log, "zone", '"Asia/Shanghai"')
    second = answer(log, "zone", '"Europe/Berlin"', until_ms=hour(9))
    answer(log, "zone", "")
    answer(log, "zone", '"UTC"', center="south")
    projection = opened(tmp_path, log)
    assert known(projection, log, 0).profile()["zone"].value == "Asia/Shanghai"
    then = known(projection, log, second.index).profile()["zone"]
    assert (then.value, then.until_ms, then.log_index) == ("Europe/Berlin", hour(9), 1)
    assert not known(projection, log).profile()


def test_centers_are_those_known_at_the_index(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    agents = {name: Agent(center=name) for name in ("north", "east", "south")}
    told = [append(log, agents[name].note()) for name in ("north", "east", "north", "south")]
    projection = opened(tmp_path, log)
    assert [projection.centers(entry.index) for entry in told] == [
        ["north"],
        ["east", "north"],
        ["east", "north"],
        ["east", "north", "south"],
    ]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        (sql.ACTIVATIONS, "SEARCH activation"),
        (sql.CHAIN, "SEARCH chain USING INDEX chain_arrival"),
        (sql.OPEN_HAPPENINGS, "SEARCH h USING INDEX happening_open"),
    ],
)
def test_what_every_judgement_asks_costs_the_same_however_long_the_log_is(
    tmp_path: Path, query: str, first: str
) -> None:
    projection = Projection.open(tmp_path, log_id="log")
    plan = projection.rows(f"EXPLAIN QUERY PLAN {query}", *[1] * query.count("?"))
    assert plan[0][3].startswith(first)
