"""One center with every installed source type at once: each tells something, and every rule gets a verdict."""

from collections.abc import Iterator

import pytest

from ccmm_agent.plugins import load_sources
from ccmm_collector.packs import built_in
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from demo.characters import CHARACTERS
from tests.support.every_source import every_source
from tests.support.falsified import NOW
from tests.support.offline import OfflineCenter

pytestmark = pytest.mark.live

PACK = load_pack(built_in())


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCenter]:
    with OfflineCenter(tmp_path_factory.mktemp("all"), CHARACTERS[0], NOW, every_source) as harbour:
        yield harbour


def test_each_source_type_has_told_something(center: OfflineCenter) -> None:
    assert {word for word in load_sources() if not center.told[word]} == set()


def test_every_rule_gets_a_verdict(center: OfflineCenter) -> None:
    missing = {rule for rule, verdict in center.verdicts(PACK).items() if verdict.outcome is Outcome.MISSING}
    assert missing == set()
