"""Streams over real TLS: receipts, heads, and everything of FORMATS §1 that is refused, by name."""

import hashlib
import random
import sqlite3
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import enrollment, store
from ccmm_proto.envelope import ACT_TYPE, parse_envelope, sign_envelope
from ccmm_proto.v1.service_pb2 import AgentMessage, CollectorMessage
from ccmm_proto.v1.statement_pb2 import Envelope
from tests.unit.collector.conftest import Collector, serving
from tests.unit.collector.small_agent import SmallAgent, some_run


def refused(collector: Collector) -> dict[str, int]:
    """The counters, by name."""
    counts: dict[str, int] = {}
    for refusal in store.refusals(collector.log.reader()):
        counts[refusal.name] = counts.get(refusal.name, 0) + refusal.count
    return counts


def answer_to(agent: SmallAgent, envelope: bytes) -> CollectorMessage:
    """What is answered; a good statement after it must still be taken."""
    with agent.stream() as talk:
        talk.say(envelope, agent.signer.statement())
        answer, receipt = talk.hear(), talk.hear()
        assert receipt.WhichOneof("message") == "receipt"
        return answer


def assert_refused(collector: Collector, agent: SmallAgent, envelope: bytes, name: str) -> None:
    before = collector.log.size()
    answer = answer_to(agent, envelope)
    assert answer.refusal.name == name
    assert answer.refusal.message
    assert refused(collector) == {name: 1}
    assert collector.log.size() == before + 1, "only the good statement behind it was stored"


def test_a_statement_is_answered_with_a_receipt_that_names_its_place_in_the_log(collector: Collector) -> None:
    agent = collector.agent()
    (first, second) = agent.receipts(agent.signer.statements(2))
    assert (first.center, first.agent, first.epoch, first.sequence) == ("north", "agent-1", 0, 0)
    entry = collector.log.entries(after=second.log_index - 1, limit=1)[0]
    assert (entry.digest, entry.recorded_ms, entry.sequence) == (second.digest, second.recorded_ms, 1)
    assert first.log_id == collector.log.log_id


def test_the_same_statement_again_gets_the_same_receipt_byte_for_byte(collector: Collector) -> None:
    agent = collector.agent()
    envelope = agent.signer.statement()
    with agent.stream() as talk:
        talk.say(envelope, envelope)
        assert talk.hear().receipt == talk.hear().receipt
    assert collector.log.size() == 2  # enrolled, statement


def test_a_stream_opens_with_the_heads_that_the_agent_resends_from(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        assert len(talk.heads.heads) == 0
    statements = agent.signer.statements(4)
    agent.receipts([statements[0], statements[1], statements[3]])
    agent.receipts([agent.signer.next_epoch()])
    with agent.stream() as talk:
        old, new = talk.heads.heads
    assert (old.epoch, old.next_sequence, old.highest_sequence) == (0, 2, 3)
    assert old.digest == parse_envelope(statements[1]).digest
    assert (new.epoch, new.next_sequence, new.digest) == (1, 1, agent.signer.previous)


def test_large_and_small_statements_keep_their_order(collector: Collector) -> None:
    agent = collector.agent()
    statements = [agent.signer.statement(run=some_run(size)) for size in (300, 1, 1, 500, 1, 200)]
    receipts = agent.receipts(statements)
    assert [receipt.sequence for receipt in receipts] == list(range(6))
    assert not any(entry.kind == "act" for entry in collector.log.entries(after=0, limit=99)), "no gap was seen"


def test_everything_said_is_answered_before_the_stream_ends(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        talk.say(agent.signer.statement())
        assert talk.hear().receipt
        talk.done()


def test_an_altered_byte_is_a_bad_signature(collector: Collector) -> None:
    agent = collector.agent()
    envelope = Envelope.FromString(agent.signer.odd(sequence=0, previous=bytes(32)))
    envelope.payload = envelope.payload.replace(b"asterisk", b"asterixk")
    assert_refused(collector, agent, envelope.SerializeToString(), "bad_signature")


def test_an_altered_byte_in_a_large_statement_is_a_bad_signature(collector: Collector) -> None:
    agent = collector.agent()
    large = agent.signer.odd(sequence=0, previous=bytes(32), run=some_run(2000))
    envelope = Envelope.FromString(large)
    envelope.payload = envelope.payload.replace(b"asterisk", b"asterixk")
    assert_refused(collector, agent, envelope.SerializeToString(), "bad_signature")


def test_the_key_of_an_enrolled_colleague_is_a_wrong_key(collector: Collector) -> None:
    agent, colleague = collector.agent(), collector.agent()
    borrowed = replace(agent.signer, key=colleague.signer.key)
    assert_refused(collector, agent, borrowed.odd(sequence=0, previous=bytes(32)), "wrong_key")


def test_a_key_that_nobody_enrolled_is_a_bad_signature(collector: Collector) -> None:
    agent = collector.agent()
    stranger = replace(agent.signer, key=Ed25519PrivateKey.generate())
    assert_refused(collector, agent, stranger.odd(sequence=0, previous=bytes(32)), "bad_signature")


def test_the_certificate_of_one_center_with_statements_of_another_is_a_foreign_center(collector: Collector) -> None:
    agent, other = collector.agent("north"), collector.agent("south")
    assert_refused(collector, agent, other.signer.odd(sequence=0, previous=bytes(32)), "foreign_center")


def test_an_agent_that_speaks_for_another_center_is_a_foreign_center(collector: Collector) -> None:
    agent = collector.agent("north")
    envelope = agent.signer.odd(sequence=0, previous=bytes(32), center="south")
    assert_refused(collector, agent, envelope, "foreign_center")


def test_four_mebibytes_are_the_limit(collector: Collector) -> None:
    agent = collector.agent()
    assert_refused(collector, agent, bytes(4 * 1024 * 1024 + 1), "oversize")


@pytest.mark.parametrize("envelope", [b"", b"\xff" * 40, bytes(5000)])
def test_what_is_no_envelope_is_malformed(collector: Collector, envelope: bytes) -> None:
    assert_refused(collector, collector.agent(), envelope, "malformed")


def test_a_well_signed_statement_that_breaks_the_rules_is_malformed(collector: Collector) -> None:
    agent = collector.agent()
    assert_refused(collector, agent, agent.signer.odd(sequence=0, previous=b"short"), "malformed")


def test_another_payload_type_is_malformed(collector: Collector) -> None:
    agent = collector.agent()
    assert_refused(collector, agent, sign_envelope(ACT_TYPE, b"", agent.signer.key), "malformed")


def test_a_message_that_is_none_is_refused_and_the_next_one_taken(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        talk.say_raw(b"\xff\xff")
        talk.say_raw(AgentMessage().SerializeToString())
        talk.say(agent.signer.statement())
        answers = [talk.hear() for _ in range(3)]
    assert [answer.refusal.name for answer in answers] == ["malformed", "malformed", ""]
    assert refused(collector) == {"malformed": 2}


def test_a_refusal_names_the_digest_where_the_envelope_could_be_read(collector: Collector) -> None:
    agent = collector.agent()
    foreign = agent.signer.odd(sequence=0, previous=bytes(32), center="south")
    assert answer_to(agent, foreign).refusal.digest == parse_envelope(foreign).digest
    assert answer_to(agent, b"no envelope").refusal.digest == hashlib.sha256(b"no envelope").digest()


def test_the_keyid_is_not_believed(collector: Collector) -> None:
    agent, other = collector.agent(), collector.agent()
    envelope = Envelope.FromString(agent.signer.statement())
    envelope.signatures[0].keyid = other.signer.key.public_key().public_bytes_raw().hex()
    with agent.stream() as talk:
        talk.say(envelope.SerializeToString())
        first = talk.hear().receipt
        envelope.signatures[0].keyid = "relayed"
        talk.say(envelope.SerializeToString())
        assert talk.hear().receipt == first, "another keyid makes no other statement"


def test_ten_thousand_random_byte_strings_do_no_harm(collector: Collector) -> None:
    agent = collector.agent()
    noise = random.Random(20261122)
    good = agent.signer.odd(sequence=0, previous=bytes(32))
    with agent.stream() as talk:
        for n in range(10_000):
            if n % 2:
                talk.say(noise.randbytes(noise.randrange(200)))
            else:  # a good envelope with a few bytes changed
                altered = bytearray(good)
                for _ in range(noise.randrange(1, 4)):
                    altered[noise.randrange(len(altered))] ^= noise.randrange(1, 256)
                talk.say(bytes(altered))
        names = Counter(talk.hear().refusal.name for _ in range(10_000))
        talk.say(agent.signer.statement())
        assert talk.hear().WhichOneof("message") == "receipt"
    taken = names.pop("", 0)  # a change that hit the keyid only
    assert names == refused(collector)
    assert names.keys() == {"malformed", "bad_signature"}
    assert taken < 100


def test_a_revoked_agent_loses_its_live_stream_within_five_seconds_and_gets_no_new_one(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        talk.say(agent.signer.statement())
        talk.hear()
        enrollment.revoke(collector.log, "agent-1", "stolen")
        revoked_at = time.monotonic()
        with pytest.raises(grpc.RpcError) as ended:
            talk.hear()
        assert time.monotonic() - revoked_at < 5
        assert "revoked" in str(ended.value)
    with pytest.raises(grpc.RpcError, match=r"revoked: .*stolen"), agent.stream():
        pass


def test_a_statement_sent_right_after_the_revocation_is_refused_by_name(collector: Collector) -> None:
    agent = collector.agent()
    with agent.stream() as talk:
        enrollment.revoke(collector.log, "agent-1", "stolen")
        talk.say(agent.signer.statement())
        assert talk.hear().refusal.name == "revoked"
    assert refused(collector) == {"revoked": 1}


def test_a_collector_restored_from_an_old_backup_is_filled_up_again(folder: Path, tmp_path: Path) -> None:
    with serving(folder) as collector:
        agent = collector.agent()
        statements = agent.signer.statements(8)
        agent.receipts(statements[:3])
    copytree(folder, tmp_path / "backup")
    with serving(folder) as collector:
        agent.welcome.evidence_port = collector.ports.evidence
        agent.receipts(statements[3:])
    with serving(tmp_path / "backup") as restored:
        agent.welcome.evidence_port = restored.ports.evidence
        with agent.stream() as talk:
            (head,) = talk.heads.heads
            assert head.digest == parse_envelope(statements[2]).digest
            talk.say(*statements[head.next_sequence :], agent.signer.statement())
            assert [agent.read_receipt(talk.hear()).sequence for _ in range(6)] == [3, 4, 5, 6, 7, 8]
        assert not any(entry.kind == "act" for entry in restored.log.entries(after=0, limit=99)), "nothing is raised"


def test_a_full_disk_ends_the_stream_and_the_agent_loses_nothing(collector: Collector) -> None:
    agent = collector.agent()
    statements = [agent.signer.statement(run=some_run(size)) for size in (2000, 1, 1)]
    collector.log.write(lambda transaction: limit_pages(transaction.connection, 4)).result()  # room for small ones only
    with agent.stream() as talk:
        talk.say(*statements)
        assert talk.hear().retry_after.milliseconds > 0
        with pytest.raises(grpc.RpcError, match="store_full"):
            talk.hear()
    assert collector.log.size() == 1, "nothing behind it was stored either: it would look like a gap"
    collector.log.write(lambda transaction: limit_pages(transaction.connection, 1 << 30)).result()
    assert [receipt.sequence for receipt in agent.receipts(statements)] == [0, 1, 2]
    assert not any(entry.kind == "act" for entry in collector.log.entries(after=0, limit=9)), "no gap was raised"


def limit_pages(connection: sqlite3.Connection, more: int) -> None:
    """Let the file grow by so many pages and no further: the disk is full."""
    (now,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {now + more}")
