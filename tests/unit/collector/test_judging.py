import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccmm_collector.answers import center_line, centers_answer, verdicts_answer
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.judging import Judge, judge_at
from ccmm_collector.kept_form import essence, verdict_of
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import Chosen, Packs, activate_pack, built_in, load
from ccmm_collector.trust import UNSIGNED
from ccmm_proto.errors import BadConfig
from ccmm_rules.evaluate import judge as judge_rules
from ccmm_rules.evidence import Evidence, Waiver
from ccmm_rules.model import Pack
from ccmm_rules.verdict import Verdict, canonical_json
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, hour, new_log, offered
from tests.unit.collector.worlds import RULE, World, pack_folder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def test_evidence_that_arrives_is_judged_at_the_time_it_was_recorded(world: World) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    assert world.history() == [(hour(1) + 1000, "satisfied")]


def test_evidence_that_runs_out_is_judged_at_the_instant_it_ran_out(world: World) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    world.settle(hour(9))
    changes = world.history()
    assert [outcome for _, outcome in changes] == ["satisfied", "missing"]
    assert changes[1][0] == hour(3) + 1
    assert world.outcome(hour(3)) == "satisfied"
    assert world.outcome(hour(3) + 1) == "missing"


def test_a_collector_that_was_down_overnight_comes_back_with_missing_never_with_an_old_satisfied(
    world: World,
) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    world.clock.now = hour(20)
    assert world.outcome(hour(20)) == "missing"  # a reader, before anybody judged
    world.settle(hour(20))
    assert world.history()[-1] == (hour(3) + 1, "missing")


def test_what_ran_out_while_down_is_judged_before_what_arrives_next(world: World) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(1) + 5000)
    world.tell(hour(20), 0.0)
    world.settle(hour(20) + 5000)
    assert world.history() == [
        (hour(1) + 1000, "satisfied"),
        (hour(3) + 1, "missing"),
        (hour(20) + 1000, "satisfied"),
    ]


def test_a_verdict_is_written_only_where_outcome_or_values_changed(world: World) -> None:
    for number in range(1, 5):
        world.tell(hour(number), 0.0)
        world.settle(hour(number) + 5000)
    assert len(world.history()) == 1
    world.tell(hour(5), 0.0, 0.0)  # two settings now: a value changed, the outcome did not
    world.settle(hour(5) + 5000)
    world.tell(hour(6), 0.0, 5.0)
    world.settle(hour(6) + 5000)
    assert [outcome for _, outcome in world.history()] == ["satisfied", "satisfied", "not_satisfied"]


def test_verdicts_for_a_past_instant_are_what_was_shown_then(world: World) -> None:
    shown = []
    for number, values in enumerate([(0.0,), (0.0, 3.0), (0.0,), (0.0, 0.0)], start=1):
        world.tell(hour(number), *values)
        world.settle(hour(number) + 5000)
        at = hour(number) + 6000
        shown.append((at, world.ask(at)))
    world.settle(hour(12))
    shown.append((hour(12), world.ask(hour(12))))
    world.tell(hour(13), 9.0)
    answer(world.log, "retired_sources", '["it/settings"]')
    world.settle(hour(14))
    for at, then in shown:
        assert world.ask(at) == then
    assert [then["verdicts"][0]["outcome"] for _, then in shown] == [
        "satisfied",
        "not_satisfied",
        "satisfied",
        "satisfied",
        "missing",
    ]


def test_known_at_judges_an_instant_with_later_knowledge(world: World) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(10))
    world.tell(hour(4), 7.0, recorded_ms=hour(11))
    world.settle(hour(11) + 1000)
    assert world.ask(hour(5))["verdicts"][0]["outcome"] == "missing"
    known_later = world.ask(hour(5), known_ms=hour(11))["verdicts"][0]
    assert (known_later["outcome"], known_later["since"]) == ("not_satisfied", None)


def test_since_is_when_the_outcome_began(world: World) -> None:
    for number in range(1, 4):
        world.tell(hour(number), *([0.0] * number))
        world.settle(hour(number) + 5000)
    verdict = world.ask(hour(3) + 6000)["verdicts"][0]
    assert verdict["since"] == "2026-01-01T01:00:01.000+00:00"


def test_a_center_that_cannot_be_judged_ends_no_other_centers_verdicts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tell(hour(1), 0.0)
    append(world.log, Agent(name="it", center="aaa").run((hour(0), hour(1)), source="s", feeds=("setting",)))

    def broken_for_one(
        pack: Pack, evidence: Evidence, at_ms: int, rules: Collection[str] | None, held: Mapping[str, Verdict]
    ) -> object:
        if evidence.center == "aaa":
            raise ZeroDivisionError("a bug")
        return judge_rules(pack, evidence, at_ms, rules, held)

    monkeypatch.setattr("ccmm_collector.judging.judge_rules", broken_for_one)
    world.settle(hour(1) + 5000)
    assert world.history() == [(hour(1) + 1000, "satisfied")]
    world.settle(hour(9))
    assert [outcome for _, outcome in world.history()] == ["satisfied", "missing"]


def test_double_and_late_judging_change_nothing(world: World) -> None:
    world.tell(hour(1), 0.0)
    world.settle(hour(2))
    before = world.history()
    for _ in range(3):
        world.settle(hour(2))
    assert world.history() == before


def test_another_pack_in_force_judges_every_center_anew(world: World, tmp_path: Path) -> None:
    world.tell(hour(1), 1.5)
    world.settle(hour(1) + 5000)
    assert world.history()[-1][1] == "not_satisfied"
    world.clock.now = hour(1) + 10_000
    looser = pack_folder(tmp_path / "looser", RULE.replace("number > 1.0", "number > 2.0"))
    activate_pack(world.folder, world.log, looser)
    world.settle(hour(1) + 20_000)
    assert world.history()[-1] == (hour(1) + 10_000, "satisfied")
    assert world.outcome(hour(1) + 5000) == "not_satisfied"


@pytest.mark.parametrize("pack_name", ["tiny", "cc_cmm"])
def test_judging_only_what_changed_gives_what_judging_everything_gives(world: World, pack_name: str) -> None:
    """Two sources, one of them with a hole that is filled late, step by step."""
    world.clock.now = START
    if pack_name == "cc_cmm":
        activate_pack(world.folder, world.log, built_in())
    pbx = Agent()
    runs = [pbx.run((hour(n - 1), hour(n)), [offered(hour(n - 1), n)]) for n in range(1, 8)]
    judge = Judge(world.folder, world.log)
    for number, run in [(1, 0), (2, 1), (3, 3), (4, 4), (5, 2), (6, 6), (7, 5)]:
        world.tell(hour(number), float(number), recorded_ms=hour(number) + 500)
        judge.project()
        judge.judge_center("north")
        world.clock.now = hour(number) + 1000
        append(world.log, runs[run])
        judge.project()
        judge.judge_center("north")
        at, index, digest, level = judge.store.standing("north") or (0, 0, "", "")
        held = judge.store.verdicts("north", digest)
        pack = Packs(world.folder).of_digest(digest)
        anew = judge_at(judge.projection, world.log.log_id, pack, "north", index, at)
        assert {rule: essence(verdict) for rule, verdict in held.items()} == {
            rule: essence(verdict) for rule, verdict in anew.verdicts.items()
        }
        assert level == anew.level
    judge.close()


def test_a_verdict_is_read_back_as_it_was_written(world: World) -> None:
    world.tell(hour(1), 5.0)
    world.settle(hour(1) + 5000)
    judge = Judge(world.folder, world.log)
    for current in judge.store.all_current():
        verdict = verdict_of(current.verdict)
        assert canonical_json(verdict) == current.verdict
        assert verdict.reads["bad"].spot is not None
        waiver = Waiver(rule="D-SEC-90", from_ms=1, until_ms=2, approvers=("a", "b"), reason="r", log_index=3)
        waived = replace(verdict, waiver=waiver, held_since_ms=4)
        assert verdict_of(canonical_json(waived)) == waived
    judge.close()


def test_a_log_without_a_pack_says_so(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent().note())
    with Inquiry.open(tmp_path) as inquiry:
        moment = inquiry.moment(None, None)
        found = centers_answer(inquiry, moment, None)
        assert (found["pack"], [line["level"] for line in found["centers"]]) == (None, [None])
        with pytest.raises(BadConfig, match="no rule pack"):
            inquiry.chosen(None, moment)
    log.close()


def test_a_source_that_is_read_too_seldom_is_named(world: World) -> None:
    world.agent.run((hour(0), hour(1)))  # never sent: its number is missing
    world.tell(hour(2), 0.0)
    world.settle(hour(2) + 5000)
    inquiry = Inquiry(world.folder, world.log, world.clock.now)
    moment = inquiry.moment(None, None)
    assert centers_answer(inquiry, moment, None)["centers"][0]["slow_sources"] == []
    slower = pack_folder(world.folder / "strict", RULE.replace("fresh_for: 2h", "fresh_for: 10m"))
    line = center_line(inquiry, "north", moment, Chosen(pack=load(slower), folder=slower, trust=UNSIGNED))
    assert line["slow_sources"] == [{"source": "it/settings", "every_s": 900, "rules": ["D-SEC-90"]}]
    assert json.dumps(line)
    inquiry.projection.close()
    inquiry.store.close()


def test_an_inquiry_without_a_running_judge_does_its_work(tmp_path: Path) -> None:
    folder = tmp_path / "collector"
    folder.mkdir()
    log = EvidenceLog.create(folder)
    activate_pack(folder, log, pack_folder(tmp_path / "pack"))
    append(log, Agent().note())
    with Inquiry.open(folder) as inquiry:
        moment = inquiry.moment(None, None)
        found = verdicts_answer(inquiry, "north", moment, None)
        assert found["verdicts"][0]["outcome"] == "missing"
        assert found["level"]["level"] == 0
        assert inquiry.store.standing("north") is not None
    log.close()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(["settings"] * 4 + ["calls"] * 4), doubled=st.integers(0, 7))
def test_order_between_agents_and_double_arrival_give_equal_verdicts(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], doubled: int
) -> None:
    def concluded(names: list[str], again: int | None) -> list[tuple[str, bytes]]:
        world = World(tmp_path_factory.mktemp("order"))
        pbx = Agent()
        left = {
            "settings": [world.listed(hour(n), float(n % 3)) for n in range(1, 5)],
            "calls": [pbx.run((hour(n), hour(n + 1)), [offered(hour(n), n)]) for n in range(4)],
        }
        world.clock.now = hour(5)
        for number, name in enumerate(names):
            envelope = left[name].pop(0)
            append(world.log, envelope)
            if number == again:
                append(world.log, envelope, counted=False)
            if number % 3 == 0:
                world.settle(hour(5))
        world.settle(hour(6))
        verdicts = world.ask(hour(5) + 1000)["verdicts"]
        world.log.close()
        moving = {"log_index", "log_id", "since"}
        return [
            (verdict["rule"], json.dumps({k: v for k, v in verdict.items() if k not in moving}).encode())
            for verdict in verdicts
        ]

    assert concluded(order, doubled) == concluded(sorted(order), None)
