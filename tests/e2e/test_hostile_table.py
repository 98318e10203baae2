"""Every row of the table of FORMATS §1, over a real stream: what arrives, and what becomes of it."""

import time
from collections.abc import Iterator

import pytest

from ccmm_proto.envelope import ACT_TYPE, STATEMENT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import Dimension, Run, Statement
from tests.e2e.hostile import Door, hear, opened, refusals
from tests.unit.collector.small_agent import SmallAgent, some_run

HOUR_MS = 3_600_000
REFUSED = ("bad_signature", "wrong_key", "foreign_center", "oversize", "malformed")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with opened(tmp_path_factory.mktemp("table")) as door:
        yield door


def promised(agent: SmallAgent, *envelopes: bytes) -> list[Receipt]:
    """Submit; each must get a receipt that names its own digest."""
    receipts = agent.receipts(envelopes)
    assert [receipt.digest for receipt in receipts] == [parse_envelope(one).digest for one in envelopes]
    return receipts


def test_the_next_number_with_the_right_previous_digest_is_stored_and_counted(door: Door) -> None:
    agent = door.admitted()
    receipts = promised(agent, *agent.signer.statements(3))
    held = door.about(agent)
    assert held.places == [(0, True), (1, True), (2, True)]
    assert [receipt.log_index for receipt in receipts] == [entry.index for entry in held.statements]
    assert held.raised == []


def test_the_same_number_with_the_same_digest_gets_the_old_receipt_again(door: Door) -> None:
    agent = door.admitted()
    envelope = agent.signer.statement()
    with agent.stream() as talk:
        talk.say(envelope, envelope)
        first, again = hear(talk).receipt, hear(talk).receipt
    with agent.stream() as talk:
        talk.say(envelope)
        assert first == again == hear(talk).receipt != b""
    assert door.about(agent).places == [(0, True)]


def test_a_skipped_number_is_stored_and_counted_and_the_gap_raised(door: Door) -> None:
    agent = door.admitted()
    zero, one, two, three = agent.signer.statements(4)
    promised(agent, zero, three)
    assert door.about(agent).places == [(0, True), (3, True)]
    assert door.about(agent).raised == ["GAP"]
    with agent.stream() as talk:
        assert [(head.next_sequence, head.highest_sequence) for head in talk.heads.heads] == [(1, 3)]
    promised(agent, one, two)
    assert door.about(agent).places == [(0, True), (3, True), (1, True), (2, True)]
    assert door.about(agent).raised == ["GAP"]


def test_a_used_number_with_another_digest_is_a_fork(door: Door) -> None:
    agent = door.admitted()
    zero, one = agent.signer.statements(2)
    promised(agent, zero, one)
    other = agent.signer.odd(sequence=1, previous=parse_envelope(zero).digest, run=some_run(2))
    (receipt,) = promised(agent, other)
    held = door.about(agent)
    assert held.places == [(0, True), (1, True), (1, False)]
    assert held.statements[-1].envelope == other
    assert receipt.log_index == held.statements[-1].index
    assert held.raised == ["FORK"]
    promised(agent, agent.signer.statement())
    assert door.about(agent).places[-1] == (2, True)


def test_a_wrong_previous_digest_is_a_fork(door: Door) -> None:
    agent = door.admitted()
    promised(agent, agent.signer.statement())
    promised(agent, agent.signer.odd(sequence=1, previous=b"\1" * 32))
    assert door.about(agent).places == [(0, True), (1, False)]
    assert door.about(agent).raised == ["FORK"]
    promised(agent, agent.signer.statement())
    assert door.about(agent).places[-1] == (1, True)


def test_what_comes_from_the_future_is_stored_and_not_counted(door: Door) -> None:
    agent = door.admitted()
    promised(agent, agent.signer.statement(created_ms=time.time_ns() // 1_000_000 + HOUR_MS))
    assert door.about(agent).places == [(0, False)]
    assert door.about(agent).raised == ["FROM_THE_FUTURE"]
    promised(agent, agent.signer.statement())  # it names the one from the future as the one before
    assert door.about(agent).places == [(0, False), (1, True)]


def test_an_unknown_schema_is_stored_and_not_counted(door: Door) -> None:
    agent = door.admitted()
    promised(agent, agent.signer.statement(schema=9))
    assert door.about(agent).places == [(0, False)]
    assert door.about(agent).raised == ["UNKNOWN_SCHEMA"]
    promised(agent, agent.signer.statement())
    assert door.about(agent).places == [(0, False), (1, True)]


def test_what_is_refused_is_refused_by_name_counted_and_not_stored(door: Door) -> None:
    agent, colleague, stranger = door.admitted(), door.admitted(), door.admitted("south")
    hostile = {name: hostile_envelopes(name, agent, colleague, stranger) for name in REFUSED}
    with agent.stream() as talk:
        for name, envelopes in hostile.items():
            for envelope in envelopes:
                talk.say(envelope)
                refusal = hear(talk).refusal
                assert refusal.name == name, refusal
                assert refusal.message
                assert refusal.digest == parse_digest(envelope) or name == "malformed"
        talk.say(agent.signer.statement())
        assert agent.read_receipt(hear(talk)).sequence == 0
    assert door.about(agent).places == [(0, True)]
    assert door.about(agent).raised == door.about(stranger).raised == []
    assert door.about(stranger).places == door.about(colleague).places == []
    counted = refusals(door)
    assert {name: counted[agent.signer.agent, name] for name in REFUSED} == {
        name: len(envelopes) for name, envelopes in hostile.items()
    }


def hostile_envelopes(name: str, agent: SmallAgent, colleague: SmallAgent, stranger: SmallAgent) -> list[bytes]:
    """Envelopes that must be refused to `agent` under this name."""
    mine, theirs = agent.signer, stranger.signer
    match name:
        case "bad_signature":
            good = mine.odd(sequence=0, previous=bytes(32))
            return [good[:-1] + bytes([good[-1] ^ 1])]
        case "wrong_key":
            colleague_signs = type(mine)(center=mine.center, agent=mine.agent, key=colleague.signer.key)
            return [colleague_signs.odd(sequence=0, previous=bytes(32))]
        case "foreign_center":
            another = {"center": theirs.center, "agent": theirs.agent}
            return [theirs.odd(sequence=0, previous=bytes(32)), mine.odd(sequence=0, previous=bytes(32), **another)]
        case "oversize":
            return [sign_envelope(STATEMENT_TYPE, bytes(4 << 20), mine.key)]
        case _:
            return [*malformed(agent)]


def malformed(agent: SmallAgent) -> Iterator[bytes]:
    """Signed by the right key, and still no statement."""
    good = parse_envelope(agent.signer.odd(sequence=0, previous=bytes(32)))
    yield b""
    yield b"\xff" * 80
    yield sign_envelope(ACT_TYPE, good.payload, agent.signer.key)
    yield sign_envelope(STATEMENT_TYPE, good.payload[:-3], agent.signer.key)
    yield sign_envelope(STATEMENT_TYPE, Statement(schema=1).SerializeToString(), agent.signer.key)
    yield agent.signer.odd(sequence=0, previous=b"short")
    yield agent.signer.odd(sequence=0, previous=bytes(32), run=with_a_name_in_clear())


def with_a_name_in_clear() -> Run:
    """A person's name where only a pseudonym may stand."""
    run = some_run()
    run.observations[0].measure.dimensions.append(Dimension(name="staff", text="Zhang Wei"))
    return run


def parse_digest(envelope: bytes) -> bytes:
    """What names it; empty where it is no envelope."""
    return parse_envelope(envelope).digest if len(envelope) > 80 else b""
