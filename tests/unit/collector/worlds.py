"""A collector's folder with a tiny rule pack in force, for the tests of verdicts and of the commands that show them."""

from pathlib import Path
from typing import Any

from ccmm_collector.answers import verdicts_answer
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.judging import Judge
from ccmm_collector.packs import activate_pack
from ccmm_proto.period import HOUR_MS
from ccmm_proto.v1.statement_pb2 import Attribute, Entry, Identity, Inventory, Observation, Value
from tests.unit.collector.chapters import Agent, Clock, answer, append, new_log

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

    def __init__(self, folder: Path, rule: str = RULE) -> None:
        self.folder = folder / "collector"
        self.clock = Clock()
        self.log = new_log(self.folder, self.clock)
        self.agent = Agent(name="it")
        activate_pack(self.folder, self.log, pack_folder(folder / "pack", rule))
        answer(self.log, "zone", '"Asia/Shanghai"')

    def listed(self, at_ms: int, *numbers: float) -> bytes:
        """The agent's list of the settings at a time."""
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
        return self.agent.run(
            (at_ms - HOUR_MS, at_ms), [Observation(inventory=listing)], source="settings", feeds=("setting",)
        )

    def tell(self, at_ms: int, *numbers: float, recorded_ms: int | None = None) -> int:
        """The agent lists the settings at a time; recorded a second later, where nothing else is said."""
        envelope = self.listed(at_ms, *numbers)
        self.clock.now = recorded_ms or at_ms + 1000
        return append(self.log, envelope).index

    def settle(self, now_ms: int) -> None:
        self.clock.now = now_ms
        judge = Judge(self.folder, self.log)
        judge.settle(now_ms)
        judge.close()

    def ask(self, at_ms: int, known_ms: int | None = None) -> dict[str, Any]:
        inquiry = Inquiry(self.folder, self.log, max(self.clock.now, at_ms))
        found = verdicts_answer(inquiry, "north", inquiry.moment(at_ms, known_ms), None)
        inquiry.projection.close()
        inquiry.store.close()
        return found

    def outcome(self, at_ms: int) -> object:
        return self.ask(at_ms)["verdicts"][0]["outcome"]

    def history(self) -> list[tuple[int, str]]:
        judge = Judge(self.folder, self.log)
        found = [(row[1], row[4]) for row in judge.store.history("north")]
        judge.close()
        return found
