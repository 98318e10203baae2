import gc
from collections.abc import Callable

import pytest

from ccmm_collector.garbage import garbage_later
from ccmm_rules.evaluate import judge
from ccmm_rules.spec import DAY_MS, HOUR_MS
from tests.unit.collector.signed_history import collected, in_order, signed
from tests.unit.rules.center_facts import NOW, evidence_of, ms
from tests.unit.rules.good_center import good_center
from tests.unit.rules.history import DAYS, START_MS, history, small_pack
from tests.unit.rules.test_pack_cc_cmm_centers import pack
from tests.unit.rules.test_properties import SOURCES

PACK = small_pack()


def left_by(judging: Callable[[], object]) -> int:
    """Things that only refer to one another once it is done, what is loaded at the first time left aside."""
    judging()
    gc.collect()
    gc.disable()
    try:
        judging()
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("seed", range(3))
def test_a_judgement_on_the_projection_leaves_no_garbage(seed: int) -> None:
    facts, at_ms = history(seed), START_MS + DAYS * DAY_MS + HOUR_MS
    with collected(in_order(facts, signed(facts)), SOURCES) as known:
        assert left_by(lambda: known.judge(PACK, at_ms)) == 0


def test_a_judgement_by_the_whole_standard_leaves_no_garbage() -> None:
    evidence, standard = evidence_of(good_center(6)), pack()
    assert left_by(lambda: judge(standard, evidence, ms(NOW))) == 0


def test_what_came_before_is_looked_through_and_what_is_kept_is_not() -> None:
    circle: list[object] = []
    circle.append(circle)
    del circle
    with garbage_later():
        assert not gc.isenabled()
        assert gc.collect() == 0
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
