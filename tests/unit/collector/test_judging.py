import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector.answers import center_line, verdicts_answer
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.judging import Judge
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import activate_pack
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import HOUR_MS
from ccmm_proto.v1.statement_pb2 import Attribute, Entry, Identity, Inventory, Observation, Value
from tests.unit.collector.chapters import Agent, Clock, answer, append, hour, new_log

PACK = """
id: tiny
version: "1"
effective_from: "2026-01-01"
title: {en: Tiny, zh: 小}
scoring:
  model: cumulative_levels
  min_pass_share: 0.9
  min_dimension_share: 0.5
  min_fresh_share: 0.9
  max_backfill_share: 1.0
dimensions:
  D: {en: Design, zh: 设计}
headings:
  D6_security: {dimension: D, title: {en: Security, zh: 安全}}
"""
RULE = """
id: D-SEC-90
heading: D6_security
level: 1
gate: true
title: {en: Every switch setting is safe, zh: 交换机设置安全}
fresh_for: 2h
reads:
  bad: {inventory: setting, of: "number >= 0.0", bad: "number > 1.0"}
require: bad.bad == 0 && bad.n >= 1
remedy: {en: Mend the settings., zh: 修正设置。}
given: {bad: {bad: 0, n: 1}}
cases:
  - {outcome: satisfied}
  - {bad: {bad: 1}, outcome: not_satisfied}
  - {bad: missing, outcome: missing}
  - {bad: unsure, outcome: inconclusive}
"""


def pack_folder(folder: Path, rule: str = RULE) -> Path:
    (folder / "D6").mkdir(parents=True)
    (folder / "pack.yaml").write_text(PACK, encoding="utf-8")
    (folder / "D6" / "D-SEC-90.yaml").write_text(rule, encoding="utf-8")
    return folder


class World:
    """A collector's folder with the tiny pack in force, and a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "collector"
        self.clock = Clock()
        self.log = new_log(self.folder, self.clock)
        self.agent = Agent(name="it")
        activate_pack(self.folder, self.log, pack_folder(folder / "pack"))
        answer(self.log, "zone", '"Asia/Shanghai"')

    def tell(self, at_ms: int, *numbers: float, recorded_ms: int | None = None) -> int:
        """The agent lists the settings at a time; recorded a second later, where nothing else is said."""
        entries = [
            Entry(
                key=Identity(text=f"s{n}"),
                attributes=[
                    Attribute(name="number", value=Value(number=number)),
                    Attribute(name="system", value=Value(text="pbx")),
                ],
            )
            for n, number in enumerate(numbers)
        ]
        listing = Inventory(kind="setting", as_of_ms=at_ms, complete=True, entries=entries)
        envelope = self.agent.run(
            (at_ms - HOUR_MS, at_ms), [Observation(inventory=listing)], source="settings", feeds=("setting",)
        )
        self.clock.now = recorded_ms or at_ms + 1000
        return append(self.log, envelope).index

    def settle(self, now_ms: int) -> None:
        self.clock.now = now_ms
        judge = Judge(self.folder, self.log)
        judge.settle(now_ms)
        judge.close()

    def ask(self, at_ms: int, known_ms: int | None = None) -> dict[str, object]:
        inquiry = Inquiry(self.folder, self.log, self.clock.now)
        found = verdicts_answer(inquiry, "north", inquiry.moment(at_ms, known_ms), None)
        inquiry.projection.close()
        inquiry.store.close()
        return found

    def outcome(self, at_ms: int) -> object:
        verdicts = self.ask(at_ms)["verdicts"]
        assert isinstance(verdicts, list)
        return verdicts[0]["outcome"]

    def history(self) -> list[tuple[int, str]]:
        judge = Judge(self.folder, self.log)
        found = [(row[1], row[4]) for row in judge.store.history("north")]
        judge.close()
        return found


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
    assert [then["verdicts"][0]["outcome"] for _, then in shown] == [  # type: ignore[index]
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
    assert world.ask(hour(5))["verdicts"][0]["outcome"] == "missing"  # type: ignore[index]
    known_later = world.ask(hour(5), known_ms=hour(11))["verdicts"][0]  # type: ignore[index]
    assert (known_later["outcome"], known_later["since"]) == ("not_satisfied", None)


def test_since_is_when_the_outcome_began(world: World) -> None:
    for number in range(1, 4):
        world.tell(hour(number), *([0.0] * number))
        world.settle(hour(number) + 5000)
    verdict = world.ask(hour(3) + 6000)["verdicts"][0]  # type: ignore[index]
    assert verdict["since"] == "2026-01-01T01:00:01.000+00:00"


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


def test_a_burst_is_judged_about_once_a_second(world: World) -> None:
    judge = Judge(world.folder, world.log)
    judged = 0
    for number in range(30):
        world.tell(hour(1) + number, 0.0)
        judge.project()
        judged += judge.judge_arrivals()
    assert judged == 1
    judge.close()


def test_a_crash_between_projecting_and_judging_is_caught_up(world: World) -> None:
    world.tell(hour(1), 0.0)
    judge = Judge(world.folder, world.log)
    judge.project()
    judge.close()
    world.settle(hour(1) + 5000)
    assert world.history() == [(hour(1) + 1000, "satisfied")]


def test_a_log_without_a_pack_says_so(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent().note())
    with Inquiry.open(tmp_path) as inquiry:
        moment = inquiry.moment(None, None)
        assert center_line(inquiry, "north", moment, None)["level"] is None
        with pytest.raises(BadConfig, match="no rule pack"):
            inquiry.pack(None, moment)
    log.close()


def test_a_source_that_is_read_too_seldom_is_named(world: World) -> None:
    world.agent.run((hour(0), hour(1)))  # never sent: its number is missing
    world.tell(hour(2), 0.0)
    world.settle(hour(2) + 5000)
    inquiry = Inquiry(world.folder, world.log, world.clock.now)
    line = center_line(inquiry, "north", inquiry.moment(None, None), None)
    assert line["slow_sources"] == []
    slower = pack_folder(world.folder / "strict", RULE.replace("fresh_for: 2h", "fresh_for: 10m"))
    line = center_line(inquiry, "north", inquiry.moment(None, None), str(slower))
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
