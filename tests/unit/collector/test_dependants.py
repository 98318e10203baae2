from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector.judging import Judge
from ccmm_collector.packs import activate_pack
from ccmm_collector.rebuild import rebuild
from tests.unit.collector.chapters import hour
from tests.unit.collector.worlds import World, pack_folder

READER = """
id: D-SEC-91
heading: D6_security
level: 1
title: {en: Nothing else is open, zh: 无其他未达项}
fresh_for: 2h
reads:
  others: {rules: "D-SEC-*"}
require: others.open == 0
remedy: {en: Mend the others., zh: 先完成其他项。}
given: {others: {n: 1, satisfied: 1, open: 0}}
cases:
  - {outcome: satisfied}
  - {others: {open: 1}, outcome: not_satisfied}
  - {others: missing, outcome: missing}
  - {others: unsure, outcome: inconclusive}
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def test_a_rule_that_reads_verdicts_follows_them_without_evidence_of_its_own(world: World, tmp_path: Path) -> None:
    folder = pack_folder(tmp_path / "two")
    (folder / "D6" / "D-SEC-91.yaml").write_text(READER, encoding="utf-8")
    activate_pack(world.folder, world.log, folder)
    for number, value in enumerate([0.0, 5.0, 0.0], start=1):
        world.tell(hour(number), value)
        world.settle(hour(number) + 5000)
    world.settle(hour(9))
    judge = Judge(world.folder, world.log)
    found = [(row[0], row[1], row[4]) for row in judge.store.history("north")]
    judge.close()
    own, follows = ([change[1:] for change in found if change[0] == rule] for rule in ("D-SEC-90", "D-SEC-91"))
    assert [outcome for _, outcome in follows] == ["satisfied", "not_satisfied", "satisfied", "missing"]
    assert own == follows
    assert rebuild(world.folder, lambda *_: None).differences == []
