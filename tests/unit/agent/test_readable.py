"""A fact as `check` shows it: every sort, by hand; one person reads the same in each."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ccmm_agent import facts
from ccmm_agent.readable import lines_of, pseudonym
from ccmm_agent.redact import redact
from ccmm_proto.kinds import Sort
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.v1.statement_pb2 import Observation
from tests.unit.agent.test_facts import GOOD

KEY = PseudonymKey(bytes(32))
QUARTER = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)
HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
DAY = datetime(2026, 11, 2, tzinfo=UTC)
ANN = pseudonym(KEY.pseudonym(Sort.PERSON, "E1007"))


def shown(fact: Observation) -> list[str]:
    (redacted,) = redact([fact], KEY)
    return list(lines_of(redacted))


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (
            facts.count("calls_offered", QUARTER, 3, queue="support", unfinished=1),
            ["calls_offered = 3; 2026-11-02T08:15:00Z for 900 s; queue=support; 1 unfinished"],
        ),
        (
            facts.count("calls_offered", QUARTER, 3, revision=1, reason="a late line"),
            ["calls_offered = 3; 2026-11-02T08:15:00Z for 900 s; revision 1 (a late line)"],
        ),
        (
            facts.seconds("pause_time", DAY, 600, 1, agent="E1007", reason="lunch"),
            [f"pause_time = 600 over 1; 2026-11-02T00:00:00Z for 86400 s; agent={ANN}, reason=lunch"],
        ),
        (
            facts.seconds("talk_time", QUARTER, 12345678.25, 900, queue="support"),
            ["talk_time = 12345678.25 over 900; 2026-11-02T08:15:00Z for 900 s; queue=support"],
        ),
        (
            facts.gauge("reading", QUARTER, 20.5, 22.0, 21.0, 15, sensor="s1", quantity="temperature"),
            ["reading = 20.5 to 22, last 21, of 15; 2026-11-02T08:15:00Z for 900 s; quantity=temperature, sensor=s1"],
        ),
        (
            facts.inventory("person", HOUR, [("E1007", {"active": True, "joined": DAY})], complete=False),
            [
                "person: a list that is not whole, as of 2026-11-02T08:00:00Z",
                f"  {ANN}: active=yes, joined=2026-11-02T00:00:00Z",
            ],
        ),
        (
            facts.document("policy-7", bytes(32), class_="policy", topics=["privacy", "tls"]),
            [f"document policy-7; SHA-256 {'0' * 16}...; class=policy, topics=privacy tls"],
        ),
        (
            facts.roll("session", HOUR, [("E1007", QUARTER, {"system": "pbx", "lasted": 60})]),
            [
                "session: rows of the hour from 2026-11-02T08:00:00Z",
                f"  {ANN} at 2026-11-02T08:15:00Z: system=pbx, lasted=60",
            ],
        ),
    ],
)
def test_a_fact_reads_as_written_by_hand(fact: Observation, expected: list[str]) -> None:
    assert shown(fact) == expected


@pytest.mark.parametrize("make", GOOD)
def test_every_sort_of_fact_is_shown_and_no_person_by_name(make: Callable[[], Observation]) -> None:
    lines = shown(make())
    assert lines
    assert all(lines)
    assert "E1007" not in "".join(lines)


def test_the_steps_of_a_histogram_are_counts() -> None:
    (line,) = shown(facts.histogram("wait_answered", QUARTER, [1, 20, 21, 4000], queue="support"))
    assert line.startswith("wait_answered = 4, by length 1 ")
    assert " 4042 s in all;" in line
