"""Every row of the table of FORMATS §1 that is stored, on a real log."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_collector import schema, store
from ccmm_collector.chains import Placed, place
from ccmm_collector.log import EvidenceLog
from ccmm_proto.chain import Arrival
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import Malformed, Revoked
from ccmm_proto.v1.service_pb2 import Act, AgentEnrolled, AgentRevoked, ChainRaised
from ccmm_proto.v1.statement_pb2 import Note, Statement
from tests.unit.collector.small_agent import Signer, now_ms


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EvidenceLog]:
    with EvidenceLog.create(tmp_path) as opened:
        yield opened


def put(log: EvidenceLog, envelope: bytes) -> Placed:
    opened = parse_envelope(envelope)
    statement = Statement.FromString(opened.payload)
    return log.write(lambda transaction: place(transaction, envelope, opened, statement)).result()


def raised(log: EvidenceLog) -> list[tuple[str, int]]:
    """Kind and sequence of everything that was raised."""
    acts = [entry for entry in log.entries(after=-1, limit=10_000) if entry.kind == "act"]
    found = [Act.FromString(parse_envelope(entry.envelope).payload).chain_raised for entry in acts]
    return [(ChainRaised.Kind.Name(act.kind), act.sequence) for act in found]


def head(log: EvidenceLog, epoch: int = 0) -> tuple[int, int, bytes]:
    heads = {head.epoch: head for head in store.chain_heads(log.reader(), "north", "agent-1")}
    return heads[epoch].first_missing, heads[epoch].next_sequence, heads[epoch].digest


def counted(log: EvidenceLog) -> list[tuple[int, bool]]:
    entries = log.entries(after=-1, limit=10_000)
    return [(entry.sequence, entry.counted) for entry in entries if entry.kind == "statement"]


def test_the_next_number_with_the_right_previous_digest_is_stored_as_received(log: EvidenceLog) -> None:
    signer = Signer()
    envelopes = signer.statements(3)
    assert [put(log, envelope).arrival for envelope in envelopes] == [Arrival.NEXT] * 3
    assert [entry.envelope for entry in log.entries(after=-1, limit=9)] == envelopes
    assert head(log) == (3, 3, signer.previous)
    assert raised(log) == []


def test_the_same_statement_again_gives_the_old_place_and_stores_nothing(log: EvidenceLog) -> None:
    envelope = Signer().statement()
    first = put(log, envelope)
    again = put(log, envelope)
    assert again.arrival is Arrival.REPEAT
    assert (again.index, again.recorded_ms) == (first.index, first.recorded_ms)
    assert log.size() == 1


def test_a_skipped_number_is_stored_counted_and_raised_once(log: EvidenceLog) -> None:
    signer = Signer()
    envelopes = signer.statements(5)
    arrivals = [put(log, envelopes[n]).arrival for n in (0, 3, 4)]
    assert arrivals == [Arrival.NEXT, Arrival.GAP, Arrival.NEXT]
    assert raised(log) == [("GAP", 3)]
    assert counted(log) == [(0, True), (3, True), (4, True)]
    assert head(log) == (1, 5, parse_envelope(envelopes[0]).digest)


def test_a_gap_closes_when_the_missing_statements_come(log: EvidenceLog) -> None:
    signer = Signer()
    envelopes = signer.statements(6)
    for n in (0, 5, 3, 1, 4, 2):
        put(log, envelopes[n])
    assert head(log) == (6, 6, signer.previous)
    assert raised(log) == [("GAP", 5)]


def test_a_late_statement_that_does_not_fit_before_its_successor_is_a_fork(log: EvidenceLog) -> None:
    signer = Signer()
    envelopes = signer.statements(3)
    put(log, envelopes[0])
    put(log, envelopes[2])
    impostor = signer.odd(sequence=1, previous=parse_envelope(envelopes[0]).digest)
    assert put(log, impostor).arrival is Arrival.FORK
    assert put(log, envelopes[1]).arrival is Arrival.NEXT
    assert head(log)[0] == 3


@pytest.mark.parametrize("previous", ["of another", "right"])
def test_a_used_number_with_another_digest_is_kept_as_a_fork_and_not_counted(log: EvidenceLog, previous: str) -> None:
    signer = Signer()
    envelopes = signer.statements(2)
    for envelope in envelopes:
        put(log, envelope)
    before = parse_envelope(envelopes[0]).digest if previous == "right" else b"x" * 32
    fork = signer.odd(sequence=1, previous=before, created_ms=now_ms() - 1)
    placed = put(log, fork)
    assert placed.arrival is Arrival.FORK
    assert raised(log) == [("FORK", 1)]
    assert counted(log) == [(0, True), (1, True), (1, False)]
    (chain,) = store.chain_counts(log.reader())
    assert (chain.counted, chain.uncounted, chain.next_sequence, chain.missing) == (2, 1, 2, 0)
    assert put(log, fork).index == placed.index, "a repeated fork gets its old receipt too"
    assert put(log, signer.statement()).arrival is Arrival.NEXT, "the chain lives on"


def test_a_wrong_previous_digest_on_a_fresh_number_is_a_fork_and_so_is_what_follows_it(log: EvidenceLog) -> None:
    signer = Signer()
    put(log, signer.statement())
    fork = signer.odd(sequence=1, previous=b"x" * 32)
    follower = signer.odd(sequence=2, previous=parse_envelope(fork).digest)
    assert [put(log, fork).arrival, put(log, follower).arrival] == [Arrival.FORK, Arrival.FORK]
    assert counted(log) == [(0, True), (1, False), (2, False)]
    assert [put(log, envelope).arrival for envelope in signer.statements(2)] == [Arrival.NEXT] * 2


def test_a_statement_from_the_future_is_kept_not_counted_and_the_chain_goes_on_behind_it(log: EvidenceLog) -> None:
    signer = Signer()
    put(log, signer.statement())
    assert put(log, signer.statement(created_ms=now_ms() + 6 * 60_000)).arrival is Arrival.FUTURE
    assert put(log, signer.statement()).arrival is Arrival.NEXT
    assert raised(log) == [("FROM_THE_FUTURE", 1)]
    assert counted(log) == [(0, True), (1, False), (2, True)]


def test_five_minutes_of_wrong_clock_are_forgiven(log: EvidenceLog) -> None:
    assert put(log, Signer().statement(created_ms=now_ms() + 4 * 60_000)).arrival is Arrival.NEXT


def test_a_statement_of_an_unknown_schema_is_kept_not_counted_and_raised(log: EvidenceLog) -> None:
    signer = Signer()
    assert put(log, signer.statement(schema=2)).arrival is Arrival.SCHEMA
    assert put(log, signer.statement()).arrival is Arrival.NEXT
    assert raised(log) == [("UNKNOWN_SCHEMA", 0)]


def test_a_future_statement_on_a_used_number_does_not_take_the_number(log: EvidenceLog) -> None:
    signer = Signer()
    put(log, signer.statement())
    late = signer.odd(sequence=0, previous=bytes(32), created_ms=now_ms() + 6 * 60_000)
    assert put(log, late).arrival is Arrival.FUTURE
    assert put(log, signer.statement()).arrival is Arrival.NEXT


def test_a_new_epoch_starts_at_zero_beside_the_old_one(log: EvidenceLog) -> None:
    signer = Signer()
    put(log, signer.statement())
    opening = put(log, signer.next_epoch())
    assert (opening.arrival, opening.epoch, opening.sequence) == (Arrival.NEXT, 1, 0)
    heads = store.chain_heads(log.reader(), "north", "agent-1")
    assert [(head.epoch, head.first_missing) for head in heads] == [(0, 1), (1, 1)]
    assert raised(log) == []


def test_an_agent_that_holds_a_receipt_for_more_than_the_log_has_is_raised(log: EvidenceLog) -> None:
    put(log, Signer().statement(note=Note(kind=Note.HEAD_BEHIND_RECEIPT, detail="receipt 7, head 3")))
    assert raised(log) == [("HEAD_BEHIND_RECEIPT", 0)]


def test_nothing_of_a_revoked_agent_stands_behind_its_revocation(log: EvidenceLog) -> None:
    signer = Signer()
    key = signer.key.public_key().public_bytes_raw()
    log.append_act(Act(agent_enrolled=AgentEnrolled(center="north", agent="agent-1", evidence_key=key)))
    put(log, signer.statement())
    log.append_act(Act(agent_revoked=AgentRevoked(center="north", agent="agent-1", reason="stolen")))
    with pytest.raises(Revoked):
        put(log, signer.statement())
    assert log.size() == 3


def test_the_heads_of_the_newest_epochs_are_told_in_order(log: EvidenceLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_HEADS", 2)
    signer = Signer()
    put(log, signer.statement())
    for _ in range(3):
        put(log, signer.next_epoch())
    assert [head.epoch for head in store.chain_heads(log.reader(), "north", "agent-1")] == [2, 3]


def test_a_number_beyond_every_chain_is_malformed(log: EvidenceLog) -> None:
    with pytest.raises(Malformed):
        put(log, Signer().odd(sequence=(1 << 64) - 1, previous=bytes(32)))
    assert log.size() == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(), count=st.integers(1, 12), repeats=st.integers(0, 12))
def test_any_order_with_any_repeats_ends_in_the_same_whole_chain(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, repeats: int
) -> None:
    signer = Signer()
    envelopes = signer.statements(count)
    order = random.Random(seed)
    arriving = envelopes + order.choices(envelopes, k=repeats)
    order.shuffle(arriving)
    with EvidenceLog.create(tmp_path_factory.mktemp("log")) as log:
        for envelope in arriving:
            put(log, envelope)
        assert head(log) == (count, count, signer.previous)
        assert sorted(counted(log)) == [(n, True) for n in range(count)]
        assert {kind for kind, _ in raised(log)} <= {"GAP"}


NOW_MS = 1_790_000_000_000


def disorder(order: random.Random) -> list[bytes]:
    """Statements of two agents: repeats, gaps, forks, times to come, unknown schemas, new epochs, in any order."""
    said: list[bytes] = []
    for agent in ("agent-1", "agent-2"):
        signer = Signer(agent=agent)
        for _ in range(order.randrange(1, 8)):
            ahead_ms, schema = order.choice((0, 0, 0, 10**9)), order.choice((1, 1, 1, 2))
            said.append(signer.statement(created_ms=NOW_MS + ahead_ms, schema=schema))
        for _ in range(order.randrange(3)):
            previous = order.choice((bytes(32), b"x" * 32, signer.previous))
            said.append(signer.odd(sequence=order.randrange(8), previous=previous, created_ms=NOW_MS))
        if order.random() < 0.5:
            said.append(signer.next_epoch())
    order.shuffle(said)
    return [*said, *order.choices(said, k=2)]


def contents(log: EvidenceLog) -> list[object]:
    """Every entry, and every row that is derived from the entries."""
    tables = [
        log.reader().execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3, 4").fetchall() for name in ("chain", "hole")
    ]
    return [*log.entries(after=-1, limit=10_000), *tables]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers())
def test_placing_the_statements_of_a_log_again_gives_the_same_log_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder, again = tmp_path_factory.mktemp("log"), tmp_path_factory.mktemp("again")
    with EvidenceLog.create(folder, clock=lambda: NOW_MS) as log:
        for envelope in disorder(random.Random(seed)):
            put(log, envelope)
        shutil.copytree(folder / "keys", again / "keys")
        schema.create(again / schema.LOG_FILE, log.log_id)
        with EvidenceLog.open(again, clock=lambda: NOW_MS) as replayed:
            for entry in log.entries(after=-1, limit=10_000):
                if entry.kind == "statement":
                    put(replayed, entry.envelope)
            assert contents(replayed) == contents(log)
