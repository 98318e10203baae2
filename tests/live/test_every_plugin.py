"""One center with every installed source type at once: each tells something, and every rule gets a verdict."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_agent.plugins import load_sources
from ccmm_collector.packs import built_in
from ccmm_proto.v1.statement_pb2 import Observation, Run
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from demo.characters import CHARACTERS
from tests.support.every_base import CLEAR
from tests.support.every_source import every_source
from tests.support.falsified import NOW
from tests.support.offline import OfflineCenter

pytestmark = pytest.mark.live

PERSONS = re.compile(b"|".join(CLEAR), re.IGNORECASE)
PACK = load_pack(built_in())


class Watched(OfflineCenter):
    """Notes who told of the person of `every_base` before the agent made pseudonyms, and what would be signed."""

    def _signed(self, run: Run, observations: list[Observation]) -> list[Run]:
        if PERSONS.search(b"".join(one.SerializeToString() for one in observations)):
            self.named.add(run.plugin)
        parts = super()._signed(run, observations)
        self.leaves += [part.SerializeToString() for part in parts]
        return parts

    def _tell(self, folder: Path) -> None:
        self.named, self.leaves = set[str](), list[bytes]()
        super()._tell(folder)


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with Watched(tmp_path_factory.mktemp("all"), CHARACTERS[0], NOW, every_source) as harbour:
        yield harbour


def test_each_source_type_has_told_something(center: Watched) -> None:
    assert {word for word in load_sources() if not center.told[word]} == set()


def test_every_rule_gets_a_verdict(center: Watched) -> None:
    missing = {rule for rule, verdict in center.verdicts(PACK).items() if verdict.outcome is Outcome.MISSING}
    assert missing == set()


def test_no_person_whom_a_source_read_leaves_in_clear(center: Watched) -> None:
    assert center.named >= {"freeswitch_cdr", "hikvision", "linux_auth", "linux_log", "odoo", "zkteco"}
    assert [leaving[:200] for leaving in center.leaves if PERSONS.search(leaving)] == []
