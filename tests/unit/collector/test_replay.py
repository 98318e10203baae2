"""What `rebuild` sees of a log that somebody altered: entries, leaves, signatures, and the tables beside them."""

import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector.log import EvidenceLog
from ccmm_collector.replay import MOST, replay
from ccmm_proto.v1.service_pb2 import Act, AgentEnrolled, AgentRenewed, AgentRevoked
from tests.unit.collector.small_agent import Signer
from tests.unit.collector.test_chains import put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An enrolled agent with a gap, a late arrival and a fork; another that was renewed and revoked."""
    signer, gone = Signer(), Signer(agent="agent-2")
    with EvidenceLog.create(tmp_path) as log:
        for one in (signer, gone):
            key = one.key.public_key().public_bytes_raw()
            enrolled = AgentEnrolled(center="north", agent=one.agent, evidence_key=key, certificate_serial="1")
            log.append_act(Act(agent_enrolled=enrolled))
        envelopes = signer.statements(8)
        for number in (0, 1, 5, 3, 7):
            put(log, envelopes[number])
        put(log, signer.odd(sequence=3, previous=bytes(32)))
        put(log, gone.statement())
        renewed = AgentRenewed(center="north", agent="agent-2", certificate_serial="2", not_after_ms=7)
        log.append_act(Act(agent_renewed=renewed))
        for reason in ("stolen", "again"):
            log.append_act(Act(agent_revoked=AgentRevoked(center="north", agent="agent-2", reason=reason)))
    return tmp_path


def told(folder: Path) -> list[str]:
    with EvidenceLog.open(folder) as log:
        return replay(log, lambda *_: None)


def alter(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "log.sqlite")
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def test_a_log_as_it_was_appended_holds(folder: Path) -> None:
    assert told(folder) == []
    (folder / "keys" / "log.key").unlink()
    assert told(folder) == []


@pytest.mark.parametrize(
    ("altered", "said"),
    [
        ("UPDATE chain SET next_sequence = 4", "chain: held only"),
        ("UPDATE chain SET uncounted = 0 WHERE uncounted > 0", "chain: held only"),
        ("DELETE FROM hole WHERE from_sequence = 2", "hole: from the entries only"),
        ("INSERT INTO hole VALUES ('north', 'agent-1', 0, 100, 101)", "hole: held only"),
        ("UPDATE agent SET revoked_index = NULL WHERE revoked_index > 0", "agent: agent-2 of north"),
        ("UPDATE agent SET certificate_serial = '9' WHERE agent = 'agent-1'", "agent: agent-1 of north"),
        ("UPDATE entry SET recorded_ms = recorded_ms - 1 WHERE log_index = 3", "log entry 3: digest or leaf"),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE log_index = 2", "log entry 2: digest or leaf"),
        ("UPDATE entry SET recorded_ms = recorded_ms + 9999999 WHERE log_index = 2", "recorded before"),
        ("DELETE FROM entry WHERE log_index = 4", "not the next index"),
        ("UPDATE entry SET envelope = x'00' WHERE log_index = 2", "log entry 2: not a DSSE envelope"),
        ("UPDATE entry SET agent = 'agent-9' WHERE log_index = 2", "log entry 2: a statement of agent-9"),
        ("UPDATE entry SET sequence = 99 WHERE log_index = 2", "log entry 2: it stands at"),
        ("UPDATE entry SET counted = 1 WHERE counted = 0", "raised about a statement that is counted"),
        ("UPDATE entry SET counted = 0 WHERE log_index = 2", "log entry 2: not counted, and nothing says why"),
        (
            "UPDATE entry SET agent = 'agent-2', sequence = 9 WHERE log_index = 2",
            "2: the signature does not",
        ),
    ],
)
def test_what_was_altered_is_told(folder: Path, altered: str, said: str) -> None:
    alter(folder, altered)
    assert any(said in line for line in told(folder)), told(folder)


def test_acts_that_the_log_key_did_not_sign_are_told(folder: Path) -> None:
    with EvidenceLog.open(folder) as log:
        log._log_key = Ed25519PrivateKey.generate()
        log.append_act(Act(agent_revoked=AgentRevoked(center="north", agent="agent-1", reason="forged")))
    assert any("signature does not verify" in line for line in told(folder))


def test_a_statement_behind_a_revocation_is_told(folder: Path) -> None:
    alter(folder, "UPDATE agent SET revoked_index = NULL WHERE agent = 'agent-2'")
    with EvidenceLog.open(folder) as log:
        put(log, Signer(agent="agent-2").statement())
    assert any("behind its revocation" in line or "does not verify" in line for line in told(folder))


def test_a_log_altered_everywhere_gives_a_short_list(folder: Path) -> None:
    with EvidenceLog.open(folder) as log:
        for _ in range(MOST):
            log.append_act(Act(agent_revoked=AgentRevoked(center="north", agent="agent-1", reason="more")))
    alter(folder, "UPDATE entry SET leaf = zeroblob(32)")
    found = told(folder)
    assert len(found) == MOST + 1
    assert found[-1].endswith("more in the log")
