"""The demo's centers, read by the real sources and judged without their agents: what `make demo` promises."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmm_collector.packs import built_in
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from demo.characters import CHARACTERS, Character
from tests.support.offline import OfflineCenter

PACK = load_pack(built_in())
LEVELS = {"harbour": 3, "riverside": 2, "glasstower": 0}
TRICKS = {  # what a polisher does -> the rule that finds it in the raw data
    "leavers keep their accounts": "D-SEC-09",
    "leavers keep their badges": "D-SEC-10",
    "people walk in behind others": "D-ENV-08",
    "recordings are lost": "M-DAT-03",
    "calls leave no ticket": "M-DAT-04",
    "calls are dropped at once": "M-KPI-09",
    "more is billed than was answered": "O-USC-05",
}


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda character: str(character.id))
def test_a_center_of_the_demo_has_the_level_that_its_character_deserves(character: Character, tmp_path: Path) -> None:
    with OfflineCenter(tmp_path, character, datetime.now(UTC).replace(microsecond=0)) as center:
        verdicts = center.verdicts(PACK)
        level = center.level(PACK, verdicts)
    assert level.level == LEVELS[character.id], level.held_down_by
    found = {trick for trick, rule in TRICKS.items() if verdicts[rule].outcome is Outcome.NOT_SATISFIED}
    assert found == (set(TRICKS) if character.id == "glasstower" else set())
