"""What left, in sentences that a person can read."""

from pathlib import Path

import pytest

from ccmm_agent.facts import count, inventory, roll
from ccmm_agent.outbox_view import show_outbox, told_of
from ccmm_agent.pipeline import run_source
from ccmm_agent.redact import redact
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.v1.statement_pb2 import MISSED, OBSERVED, SKIPPED, UNAVAILABLE, DueTimes, Run
from tests.support.fake_sources import Fake, calls
from tests.support.homes import NOON, collector, home_of, joined

__all__ = ["collector", "joined"]


def test_a_run_tells_what_came_of_it_why_and_how_many_facts_of_which_sort_left() -> None:
    facts = [
        inventory("person", NOON, [("E1", {"active": True}), ("E2", {"active": False})]),
        roll(
            "call",
            NOON,
            [("c1", NOON, {"system": "acd"}), ("c2", NOON, {"system": "acd"}), ("c3", NOON, {"system": "acd"})],
        ),
        count("calls_offered", NOON, 3, queue="support"),
    ]
    observed = Run(
        outcome=OBSERVED, part=1, parts=2, observations=redact(facts, PseudonymKey(bytes(32))), detail="1 torn line"
    )
    assert told_of(observed) == "OBSERVED (part 1 of 2); 3 call, 1 calls_offered, 2 person; 1 torn line"
    missed = Run(outcome=MISSED, reason="agent_down", parts=1, missed=DueTimes(count=12), detail="nobody was there")
    assert told_of(missed) == "MISSED agent_down at 12 due times; nobody was there"
    assert told_of(Run(outcome=SKIPPED, reason="vetoed", parts=1, missed=DueTimes(count=1))) == "SKIPPED vetoed"
    assert told_of(missed, "zh") == "MISSED（未读） agent_down，共 12 个应读时刻; nobody was there"
    assert told_of(Run(outcome=UNAVAILABLE, reason="refused", detail="wrong")) == "UNAVAILABLE refused; wrong"


def test_the_command_shows_the_newest_first(joined: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = Fake([[calls(3)]])
    with home_of(joined) as home:
        run_source(home, fake.planned(), NOON, bell=lambda: None)
        fake.unavailable = True
        run_source(home, fake.planned(), NOON, bell=lambda: None)
    show_outbox(joined, as_json=False, limit=10)
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.index("UNAVAILABLE") < printed.index("OBSERVED")
    assert "waiting" in printed
    show_outbox(joined, as_json=False, limit=10, language="zh")
    printed = capsys.readouterr().out
    assert "待发" in printed
    assert "waiting" not in printed
