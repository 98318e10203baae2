"""All SQL on agents and join tokens in the evidence log's file (`log.sqlite`): one function per question."""

import sqlite3
from dataclasses import dataclass

from ccmm_proto.v1.service_pb2 import AgentEnrolled, AgentRenewed, AgentRevoked


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An enrolled agent: its identity is the evidence key."""

    center: str
    agent: str
    evidence_key: bytes  # Ed25519, 32 raw bytes
    certificate_serial: str
    not_after_ms: int
    enrolled_index: int
    revoked_index: int | None
    revoked_reason: str

    @property
    def is_revoked(self) -> bool:
        return self.revoked_index is not None


_AGENT_COLUMNS = """
    center, agent, evidence_key, certificate_serial, not_after_ms, enrolled_index, revoked_index, revoked_reason
"""


def _agent(row: tuple[str, str, bytes, str, int, int, int | None, str]) -> Agent:
    return Agent(
        center=row[0],
        agent=row[1],
        evidence_key=row[2],
        certificate_serial=row[3],
        not_after_ms=row[4],
        enrolled_index=row[5],
        revoked_index=row[6],
        revoked_reason=row[7],
    )


def agents(connection: sqlite3.Connection) -> list[Agent]:
    """Every agent ever enrolled, in the order of enrollment."""
    sql = f"SELECT {_AGENT_COLUMNS} FROM agent ORDER BY enrolled_index"  # noqa: S608 - constant columns
    return [_agent(row) for row in connection.execute(sql)]


def find_agent(connection: sqlite3.Connection, center: str, agent: str) -> Agent | None:
    """One agent by name."""
    sql = f"SELECT {_AGENT_COLUMNS} FROM agent WHERE center = ? AND agent = ?"  # noqa: S608 - constant columns
    row = connection.execute(sql, (center, agent)).fetchone()
    return _agent(row) if row else None


def agent_of_key(connection: sqlite3.Connection, evidence_key: bytes) -> Agent | None:
    """The agent whose evidence key this is."""
    sql = f"SELECT {_AGENT_COLUMNS} FROM agent WHERE evidence_key = ?"  # noqa: S608 - constant columns
    row = connection.execute(sql, (evidence_key,)).fetchone()
    return _agent(row) if row else None


def agents_changed(connection: sqlite3.Connection) -> int:
    """Index of the newest act that changed an agent; -1 where there is none."""
    (index,) = connection.execute("SELECT coalesce(max(changed_index), -1) FROM agent").fetchone()
    return int(index)


def is_revoked(connection: sqlite3.Connection, center: str, agent: str) -> bool:
    """Asked inside the writing transaction: nothing of a revoked agent stands behind the revocation in the log."""
    row = connection.execute(
        "SELECT revoked_index IS NOT NULL FROM agent WHERE center = ? AND agent = ?", (center, agent)
    ).fetchone()
    return bool(row and row[0])


def insert_agent(connection: sqlite3.Connection, index: int, enrolled: AgentEnrolled) -> None:
    """A new agent; its name and its key must not be taken."""
    connection.execute(
        "INSERT INTO agent VALUES (?, ?, ?, ?, ?, ?, NULL, '', ?)",
        (
            *(enrolled.center, enrolled.agent, enrolled.evidence_key, enrolled.certificate_serial),
            *(enrolled.not_after_ms, index, index),
        ),
    )


def renew_agent(connection: sqlite3.Connection, index: int, renewed: AgentRenewed) -> None:
    """A newer certificate of the same agent."""
    connection.execute(
        "UPDATE agent SET certificate_serial = ?, not_after_ms = ?, changed_index = ? WHERE center = ? AND agent = ?",
        (renewed.certificate_serial, renewed.not_after_ms, index, renewed.center, renewed.agent),
    )


def revoke_agent(connection: sqlite3.Connection, index: int, revoked: AgentRevoked) -> None:
    """The first revocation stands."""
    connection.execute(
        "UPDATE agent SET revoked_index = ?, revoked_reason = ?, changed_index = ?"
        " WHERE center = ? AND agent = ? AND revoked_index IS NULL",
        (index, revoked.reason, index, revoked.center, revoked.agent),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A join token, as far as it is stored: never the token itself."""

    center: str
    agent: str
    expires_ms: int
    spent_key: bytes | None  # the evidence key that spent it


def insert_token(connection: sqlite3.Connection, token_sha256: bytes, token: Token) -> None:
    """A fresh token."""
    connection.execute(
        "INSERT INTO token (token_sha256, center, agent, expires_ms) VALUES (?, ?, ?, ?)",
        (token_sha256, token.center, token.agent, token.expires_ms),
    )


def find_token(connection: sqlite3.Connection, token_sha256: bytes) -> Token | None:
    """The token with this hash."""
    row = connection.execute(
        "SELECT center, agent, expires_ms, spent_key FROM token WHERE token_sha256 = ?", (token_sha256,)
    ).fetchone()
    return Token(center=row[0], agent=row[1], expires_ms=row[2], spent_key=row[3]) if row else None


def spend_token(connection: sqlite3.Connection, token_sha256: bytes, evidence_key: bytes) -> None:
    """From now on the token is good for this key only."""
    connection.execute("UPDATE token SET spent_key = ? WHERE token_sha256 = ?", (evidence_key, token_sha256))


def invited_names(connection: sqlite3.Connection, center: str, now_ms: int) -> set[str]:
    """Agent names of the center that open invitations hold."""
    rows = connection.execute(
        "SELECT agent FROM token WHERE center = ? AND spent_key IS NULL AND expires_ms > ?", (center, now_ms)
    )
    return {row[0] for row in rows}


def forget_tokens(connection: sqlite3.Connection, before_ms: int) -> None:
    """Unspent tokens that ran out before this time leave the store."""
    connection.execute("DELETE FROM token WHERE spent_key IS NULL AND expires_ms < ?", (before_ms,))


def has_chain(connection: sqlite3.Connection, center: str, agent: str) -> bool:
    """Has the agent ever been given a receipt?"""
    row = connection.execute("SELECT 1 FROM chain WHERE center = ? AND agent = ? LIMIT 1", (center, agent)).fetchone()
    return row is not None


def is_first_agent(connection: sqlite3.Connection, center: str, agent: str) -> bool:
    """Was this the first agent that the center ever enrolled?"""
    row = connection.execute(
        "SELECT agent FROM agent WHERE center = ? ORDER BY enrolled_index LIMIT 1", (center,)
    ).fetchone()
    return row is not None and bool(row[0] == agent)
