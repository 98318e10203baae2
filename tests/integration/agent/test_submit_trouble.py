"""Submission in trouble: refusals, ended streams, certificates."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from ccmm_agent import spool_sql as sql
from ccmm_agent.home import Home
from ccmm_agent.identity import KeyFolder
from ccmm_agent.refusals import SUSPICION_OF_THE_ILL
from ccmm_agent.spool import SET_ASIDE
from ccmm_proto.v1.statement_pb2 import Note
from tests.support.fake_collector import Authority, FakeCollector
from tests.support.homes import collector, home_of, joined, put
from tests.support.submitting import all_sent, submit_until

__all__ = ["collector", "joined"]


def set_aside_numbers(home: Home) -> list[int]:
    return [row[1] for row in home.spool.query(sql.RECENT, 1000) if row[3] == SET_ASIDE]


def test_a_statement_that_ends_the_stream_twice_is_set_aside_and_noted(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 8)
        collector.end_over = {3}
        submit_until(home, all_sent(home))
        assert set_aside_numbers(home) == [3]
        notes = [one.note.kind for one in collector.statements() if one.WhichOneof("body") == "note"]
        assert notes == [Note.STATEMENT_SET_ASIDE]
        received = [one.sequence for one in collector.statements()]
        assert received == [0, 1, 2, 4, 5, 6, 7, 8]
        streams = collector.streams
        submit_until(home, lambda: collector.streams > streams)
        assert set_aside_numbers(home) == [3]
        assert len(collector.log) == 8


def test_the_end_of_trouble_is_told_as_its_beginning_was(
    collector: FakeCollector, joined: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ccmm_agent.submit")
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, all_sent(home))
    told = [record.getMessage() for record in caplog.records if record.name == "ccmm_agent.submit"]
    assert told == ["submitting"]  # grpc may still talk of the event loop of a test before


def test_a_collector_that_is_ill_for_a_moment_costs_no_statement(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 6)
        collector.end_all, collector.end_with = True, grpc.StatusCode.UNKNOWN
        submit_until(home, lambda: collector.streams >= 4)
        assert set_aside_numbers(home) == []
        collector.end_all = False
        submit_until(home, all_sent(home))
        assert len(collector.log) == 6


def test_a_collector_that_stumbles_over_everything_costs_one_statement_not_all(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 6)
        collector.end_all = True
        submit_until(home, lambda: collector.streams >= 8)
        assert len(set_aside_numbers(home)) == 1
        collector.end_all = False
        submit_until(home, all_sent(home))
        assert len(collector.log) == 6  # five runs and the note


def test_an_end_whose_reason_grpc_lost_is_no_refusal_and_costs_no_statement(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 1)
        collector.end_all, collector.end_with = True, grpc.StatusCode.INTERNAL
        collector.end_saying = "Internal error from Core"
        submit_until(home, lambda: collector.streams >= SUSPICION_OF_THE_ILL + 2)
        assert set_aside_numbers(home) == []
        assert home.spool.query(sql.REFUSALS, 5) == []
        collector.end_all = False
        submit_until(home, all_sent(home))


def test_a_refused_statement_is_set_aside_and_the_next_ones_go_on(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 4)
        collector.refuse = {1: "malformed"}
        submit_until(home, all_sent(home))
        assert set_aside_numbers(home) == [1]
        assert [name for _, name, _, _ in home.spool.query(sql.REFUSALS, 5)] == ["malformed"]
        assert len(collector.log) == 4  # three runs and the note


def test_a_refusal_of_the_agent_keeps_every_statement(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 4)
        collector.refuse = dict.fromkeys(range(4), "foreign_center")
        submit_until(home, lambda: collector.streams >= 2)
        assert set_aside_numbers(home) == []
        assert len(home.spool.waiting()) == 4
        collector.refuse = {}
        submit_until(home, all_sent(home))


def test_a_revoked_agent_keeps_its_evidence_and_status_can_say_why(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 1)
        collector.revoked = True
        submit_until(home, lambda: collector.streams >= 2)
        assert len(home.spool.waiting()) == 1
        assert [name for _, name, _, _ in home.spool.query(sql.REFUSALS, 5)] == ["revoked"]


def test_a_false_receipt_acknowledges_nothing(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        put(home, 3)
        collector.false_receipts = True
        submit_until(home, lambda: collector.streams >= 2)
        assert len(home.spool.waiting()) == 3


def test_the_collector_can_hold_back_the_agent(collector: FakeCollector, joined: Path) -> None:
    with home_of(joined) as home:
        collector.retry_after_ms = 700
        put(home, 1)
        held: list[float] = []

        def second_is_sent() -> bool:
            if not held and not home.spool.waiting(limit=1):
                held.append(time.monotonic())  # the receipt of the first came after the collector's wish
                put(home, 1, begin=1)
            return len(collector.log) == 2

        submit_until(home, second_is_sent)
        assert time.monotonic() - held[0] > 0.6


def test_a_certificate_past_half_life_is_renewed_and_the_channel_switched(
    collector: FakeCollector, joined: Path
) -> None:
    keys = KeyFolder(joined)
    old = collector.authority.issue(
        keys.transport_key().public_key(), life=timedelta(hours=2), since=datetime.now(UTC) - timedelta(hours=1.5)
    )
    keys.save_transport(keys.transport_key(), (old,))
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    assert collector.renewals == 1
    assert KeyFolder(joined).transport().not_after > datetime.now(UTC) + timedelta(days=6)


def test_an_agent_comes_back_after_its_certificate_expired(collector: FakeCollector, joined: Path) -> None:
    keys = KeyFolder(joined)
    expired = collector.authority.issue(
        keys.transport_key().public_key(), life=timedelta(hours=2), since=datetime.now(UTC) - timedelta(days=30)
    )
    keys.save_transport(keys.transport_key(), (expired,))
    with home_of(joined) as home:
        put(home, 2)
        submit_until(home, all_sent(home))
    assert collector.renewals == 1


def test_a_certificate_of_another_issuer_is_named_before_any_connection(collector: FakeCollector, joined: Path) -> None:
    keys = KeyFolder(joined)
    foreign = Authority().issue(keys.transport_key().public_key(), life=timedelta(days=5))
    keys.save_transport(keys.transport_key(), (foreign,))
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, lambda: bool(home.spool.query(sql.REFUSALS, 5)))
        assert home.spool.query(sql.REFUSALS, 5)[0][1] == "bad_certificate"
    assert collector.streams == 0


def test_a_session_renews_while_it_lives(
    collector: FakeCollector, joined: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_agent.submit.LOOK_AT_CERTIFICATE_S", 0.1)
    keys = KeyFolder(joined)
    collector.life = timedelta(days=7)
    since = datetime.now(UTC) - timedelta(seconds=26)  # half its life is over in 4 s: after the stream is up
    young = collector.authority.issue(keys.transport_key().public_key(), life=timedelta(seconds=60), since=since)
    keys.save_transport(keys.transport_key(), (young,))
    with home_of(joined) as home:
        put(home, 1)
        submit_until(home, lambda: collector.renewals == 1 and collector.streams >= 2)
        put(home, 1, begin=1)
        submit_until(home, all_sent(home))


def test_a_collector_that_ends_every_stream_in_good_order_is_not_hammered(
    collector: FakeCollector, joined: Path
) -> None:
    with home_of(joined) as home:
        put(home, 1)
        collector.end_politely = True
        began = time.monotonic()
        submit_until(home, lambda: time.monotonic() - began > 1.5)
        assert 2 <= collector.streams <= 8
        collector.end_politely = False
        submit_until(home, all_sent(home))
