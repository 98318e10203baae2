"""What `check` shows of a run: a few facts, long ones cut short."""

from datetime import UTC, datetime, timedelta

from ccmm_agent.facts import count, inventory, roll
from ccmm_agent.look import _sample
from ccmm_agent.redact import redact
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.roll import rows_of
from ccmm_proto.v1.statement_pb2 import Run

HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
KEY = PseudonymKey(bytes(32))


def test_a_roll_of_thousands_is_shown_by_its_first_rows_and_still_reads() -> None:
    rows = [
        (f"call-{n}", HOUR + timedelta(seconds=n), {"system": "acd", "queue": f"q{n}" if n % 2 else None, "talk": n})
        for n in range(1000)
    ]
    (whole,) = redact([roll("call", HOUR, rows)], KEY)
    (cut,) = _sample(Run(observations=[whole]))
    assert list(rows_of(cut.roll)) == list(rows_of(whole.roll))[:3]
    assert len(cut.SerializeToString()) < 300
    assert len(whole.roll.key) == 1000


def test_a_list_is_cut_and_one_fact_of_each_sort_is_shown() -> None:
    people = inventory("person", HOUR, [(f"E{n}", {"active": True}) for n in range(50)])
    counted = [count("calls_offered", HOUR + timedelta(minutes=15 * n), n, queue="support") for n in range(9)]
    sample = _sample(Run(observations=redact([*counted, people], KEY)))
    assert [one.WhichOneof("fact") for one in sample] == ["measure", "inventory"]
    assert len(sample[1].inventory.entries) == 3


def test_each_sort_of_fact_is_shown_before_a_second_one_of_a_sort() -> None:
    counted = [count(id, HOUR, 1, queue="support") for id in ("calls_offered", "calls_answered", "calls_abandoned")]
    calls = roll("call", HOUR, [("c1", HOUR, {"system": "acd"})])
    sample = _sample(Run(observations=redact([*counted, calls], KEY)))
    assert [one.WhichOneof("fact") for one in sample] == ["measure", "roll", "measure"]
