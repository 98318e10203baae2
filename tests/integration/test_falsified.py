"""Cross-checks bite: where one of two systems is polished, the rule that compares them turns, and no other one.

The center is the good one of the demo, read by the real sources into a projection; a trick alters what is known of it.
"""

from collections.abc import Iterator, Mapping

import pytest

from ccmm_collector.packs import built_in
from ccmm_rules.evaluate import judge
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from demo.characters import CHARACTERS
from tests.support.altered import Altered
from tests.support.falsified import NOW, NOW_MS, TRICKS
from tests.support.offline import OfflineCenter
from tests.support.whole_center import whole_center

PACK = load_pack(built_in())
# Check points that compare two systems which nobody controls both of.
CROSS_CHECKS = """
    D-SYS-01 D-ENV-01 D-ENV-08 D-INF-01 D-INF-07 D-EMG-05 D-EMG-14 D-EMG-17 D-EMG-18 D-EMG-22 D-SEC-04 D-SEC-09
    D-SEC-10 D-SEC-14 D-SEC-16 D-SEC-23 D-SEC-27 D-SEC-28 D-IMP-04 E-PRO-05 E-OPS-05 E-OPS-06 E-OPS-07 E-HRM-02
    E-HRM-03 E-HRM-04 M-DAT-03 M-DAT-04 M-DAT-05 M-DAT-06 M-DAT-07 M-DAT-08 M-DAT-09 M-KPI-09 O-DSC-05 O-DSC-06
    O-DSC-08 O-DSC-09 O-USC-05
"""
UNDECIDED = {"D-IMP-04", "O-DSC-06"}  # no gain is claimed; four quarters of agreement are not over


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Altered]:
    with OfflineCenter(tmp_path_factory.mktemp("harbour"), CHARACTERS[0], NOW) as harbour:
        yield whole_center(harbour.known, NOW_MS)


@pytest.fixture(scope="module")
def before(center: Altered) -> Mapping[str, Verdict]:
    return judge(PACK, center, NOW_MS)


def test_every_cross_check_has_a_trick() -> None:
    assert {rule for trick in TRICKS.values() for rule in trick.turns} >= {*CROSS_CHECKS.split()}


def test_the_whole_center_passes_every_cross_check(before: Mapping[str, Verdict]) -> None:
    failed = {rule for rule in CROSS_CHECKS.split() if before[rule].outcome is not Outcome.SATISFIED}
    assert failed == UNDECIDED
    assert {before[rule].outcome for rule in UNDECIDED} == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("name", sorted(TRICKS))
def test_a_trick_turns_the_rules_that_compare_and_no_others(
    name: str, center: Altered, before: Mapping[str, Verdict]
) -> None:
    altered = TRICKS[name].played(center)
    readers = [rule.id for rule in PACK.rules.values() if any(altered.feeds & {*read.feeds} for read in rule.reads)]
    after = judge(PACK, altered, NOW_MS, rules=readers)
    turned = {rule for rule in readers if _is_bad(after[rule]) and not _is_bad(before[rule])}
    assert turned == TRICKS[name].turns
    better = {rule for rule in readers if after[rule].reached > before[rule].reached}
    assert better == set(), "nothing is won by it elsewhere"


def _is_bad(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.NOT_SATISFIED
