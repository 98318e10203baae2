from pathlib import Path

from ccmm_collector.fold import Fold, kept_fold
from ccmm_collector.folds import Folds
from ccmm_collector.known import Known
from ccmm_collector.projection import Projection
from ccmm_proto.v1.statement_pb2 import UNAVAILABLE
from tests.unit.collector.chapters import Agent, Clock, append, hour, new_log, offered


def test_a_kept_fold_is_what_folding_from_nothing_gives_and_the_past_does_without_it(tmp_path: Path) -> None:
    log, agent, other = new_log(tmp_path, Clock()), Agent(), Agent(name="doors")
    for number in range(40):
        append(log, agent.run((hour(number), hour(number + 1)), [offered(hour(number), 1)]))
        outcome = UNAVAILABLE if number % 7 == 0 else None
        covers = None if outcome else (hour(number), hour(number + 1))
        append(log, other.run(covers, source="badges", feeds=("passage", "badge"), outcome=outcome))
    other.sequence += 2  # two statements that nobody will see
    late = append(log, other.run((hour(90), hour(91)), source="badges", feeds=("passage",))).index
    projection = Projection.open(tmp_path, log_id=log.log_id)
    projection.apply(log.entries(after=-1, limit=1000))
    assert projection.tend()
    (center, index), *_ = projection.rows("SELECT center, log_index FROM fold")
    assert (center, index) == ("north", late)
    append(log, agent.run((hour(40), hour(41)), [offered(hour(40), 1)]))
    projection.apply(log.entries(after=late, limit=10))
    for at in (late + 1, late, late - 1, 20):
        anew = Fold()
        anew.up_to(projection.connection, "north", at)
        kept = kept_fold(projection.connection, "north", at)
        assert kept.index == (late if at >= late else -1)
        kept.up_to(projection.connection, "north", at)
        assert kept == anew
    assert anew.chains.holes() == []
    known = Known(projection.view("north", late), log_id=log.log_id, at_ms=hour(99), folds=Folds())
    assert len(known.holes()) == 1


def test_a_center_of_which_little_came_is_not_folded_ahead(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    append(log, agent.run((hour(0), hour(1)), [offered(hour(0), 1)]))
    projection = Projection.open(tmp_path, log_id=log.log_id)
    projection.apply(log.entries(after=-1, limit=1000))
    assert not projection.tend()
    assert projection.rows("SELECT * FROM fold") == []
