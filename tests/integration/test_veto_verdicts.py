"""What a center vetoes makes its rules missing: no verdict becomes better by what is held back."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.pace import Pace
from ccmm_agent.pipeline import look
from ccmm_agent.plugin import Observation
from ccmm_agent.reading import Reading
from ccmm_agent.schedule import Schedule
from ccmm_agent.sources import PlannedSource
from ccmm_agent.veto import Veto, parse_veto
from ccmm_collector.packs import built_in
from ccmm_proto.period import from_ms
from ccmm_proto.v1.statement_pb2 import Run, Software
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict
from demo.characters import CHARACTERS
from tests.support.offline import KEY, OfflineCenter

PACK = load_pack(built_in())
NOW = datetime.now(UTC).replace(microsecond=0)
WORDS = ("account.enabled", "badge", "talk_time", "incident", "call.queue", "document.title")
GOOD = (Outcome.SATISFIED, Outcome.NOT_APPLICABLE, Outcome.WAIVED)


class VetoingCenter(OfflineCenter):
    """Signs what the agent's own way through veto and redaction leaves of each reading."""

    veto: Veto = parse_veto(WORDS)

    def _signed(self, run: Run, observations: list[Observation]) -> list[Run]:
        covers = (from_ms(run.covers.from_ms), from_ms(run.covers.to_ms)) if run.HasField("covers") else None
        feeds = tuple(run.feeds)
        reading = Reading(
            outcome=run.outcome,
            reason="",
            covers=covers,
            observations=observations,
            feeds=feeds,
            plugin_software=Software(),
        )
        source = PlannedSource(
            name=run.source,
            plugin=run.plugin,
            schedule=Schedule(every_s=run.every_s, zone=ZoneInfo("UTC")),
            quiet=None,
            pace=Pace(),
            backfill=None,
            veto=self.veto,
            read=lambda cursor, now: reading,
            describe=lambda: (feeds, 50),
        )
        ran = look(source, b"", from_ms(run.due_ms), KEY, history=False)
        return [draft.body for draft in ran.drafts if isinstance(draft.body, Run)]


def test_no_verdict_becomes_better_by_a_veto_and_what_reads_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_agent.clock.now", lambda: NOW)
    (character,) = [one for one in CHARACTERS if one.id == "harbour"]
    with OfflineCenter(tmp_path / "whole", character, NOW) as center:
        whole = center.verdicts(PACK)
    with VetoingCenter(tmp_path / "vetoed", character, NOW) as center:
        vetoed = center.verdicts(PACK)
    for rule in PACK.rules:
        for level, outcome in vetoed[rule].outcomes.items():
            assert outcome not in GOOD or whole[rule].outcomes[level] in GOOD, f"{rule} is better at {level}"
    readers = [rule for rule in PACK.rules if rests_on_a_veto(rule, whole[rule])]
    assert len(readers) > 10
    lost = {rule: levels_lost(whole[rule], vetoed[rule]) for rule in readers}
    assert [rule for rule, outcomes in lost.items() if not outcomes] == []
    assert {outcome for outcomes in lost.values() for outcome in outcomes} <= {Outcome.MISSING, Outcome.INCONCLUSIVE}


def rests_on_a_veto(rule: str, verdict: Verdict) -> bool:
    """Whether it was satisfied, and a read that it used is fed by nothing but what is vetoed."""
    touched = {word.partition(".")[0] for word in WORDS}
    used = {name.partition(".")[0] for name in verdict.seen}
    reads = [read for read in PACK.rules[rule].reads if read.name in used and not read.optional]
    return verdict.outcome is Outcome.SATISFIED and any(set(read.feeds) <= touched for read in reads)


def levels_lost(whole: Verdict, vetoed: Verdict) -> list[Outcome]:
    """What the levels became that were satisfied."""
    pairs = [(outcome, vetoed.outcomes[level]) for level, outcome in whole.outcomes.items()]
    return [after for before, after in pairs if before is Outcome.SATISFIED and after is not Outcome.SATISFIED]
