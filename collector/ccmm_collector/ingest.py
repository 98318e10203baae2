"""From received bytes to a durable entry of the log: steps 6 and 7 of the way of one fact.

What an envelope claims is believed in this order: the certificate of the connection says which agent it is, the
agent's enrolled key says whether it signed these bytes, the signed statement says which chain and number. The keyid
says nothing.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice

from ccmm_collector import store
from ccmm_collector.chains import Placed, place
from ccmm_collector.log import EvidenceLog
from ccmm_collector.roster import Roster
from ccmm_collector.transaction import Transaction
from ccmm_proto.envelope import STATEMENT_TYPE, Opened, parse_envelope, verify_opened
from ccmm_proto.errors import BadSignature, ForeignCenter, Malformed, Oversize, Permanent, StoreFull, WrongKey
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import MAX_STATEMENT_BYTES, parse_statement

KEYS_TRIED = 32  # naming a wrong key is a courtesy: no bad envelope may cost more


@dataclass(slots=True, kw_only=True)
class Sender:
    """One authenticated stream: whose certificate it showed, and whether something of it could not be stored."""

    center: str
    agent: str
    not_after_ms: int
    broken: bool = False  # then nothing later of this stream is stored: it would look like a gap

    def note(self, stored: Future[Placed | Permanent]) -> None:
        """Called by the writer before it goes on."""
        self.broken = self.broken or stored.exception() is not None


def ingest(envelope: bytes, sender: Sender, roster: Roster, log: EvidenceLog) -> Future[Placed | Permanent]:
    """Verify and append one envelope: its place in the log once that is durable, or why it is refused (and counted).

    The future raises StoreFull: nothing was stored, the agent keeps it and sends it again.
    """
    try:
        opened = open_statement(envelope)
        verify_sender(opened, sender, roster)  # certificate <-> agent <-> signature
        statement = parse_statement(opened.payload)
        check_home(statement, sender)  # certificate <-> statement
    except Permanent as refused:
        return refuse(refused, sender, log)
    # Not durable before the future is resolved. Crashed before: no receipt went out, the agent sends it again.
    return log.write(_placing(envelope, opened, statement, sender), len(envelope), done=sender.note)


def refuse(error: Permanent, sender: Sender, log: EvidenceLog) -> Future[Placed | Permanent]:
    """Count a refusal by its name; nothing else is stored."""
    return log.write(_counting(sender, error))


def open_statement(envelope: bytes) -> Opened:
    """The envelope taken apart; raises Oversize or Malformed."""
    if len(envelope) > MAX_STATEMENT_BYTES:
        raise Oversize(f"{len(envelope)} bytes; at most {MAX_STATEMENT_BYTES} are taken")
    opened = parse_envelope(envelope)
    if opened.payload_type != STATEMENT_TYPE:
        raise Malformed(f"payload type {opened.payload_type[:80]!r} where {STATEMENT_TYPE!r} is expected")
    return opened


def verify_sender(opened: Opened, sender: Sender, roster: Roster) -> None:
    """Signed by the evidence key enrolled for this certificate's agent; raises BadSignature, WrongKey or Revoked."""
    member = roster.admit(sender.center, sender.agent)
    try:
        verify_opened(opened, member.key)
    except BadSignature as error:
        _blame(opened, sender, roster)
        raise BadSignature(f"not signed by the evidence key of {sender.agent}") from error


def check_home(statement: Statement, sender: Sender) -> None:
    """The statement speaks for the agent that the certificate names; raises ForeignCenter."""
    if (statement.center, statement.agent) != (sender.center, sender.agent):
        raise ForeignCenter(
            f"a statement of {statement.agent} of {statement.center} came with the certificate of "
            f"{sender.agent} of {sender.center}"
        )


def _blame(opened: Opened, sender: Sender, roster: Roster) -> None:
    """Not this agent's signature: whose? Raises WrongKey, or ForeignCenter for a true statement of another agent."""
    for member in islice(roster.colleagues(sender.center), KEYS_TRIED):
        try:
            verify_opened(opened, member.key)
        except BadSignature:
            continue
        check_home(parse_statement(opened.payload), sender)
        raise WrongKey(f"signed by the key of {member.agent.agent}, sent by {sender.agent}")


def _placing(
    envelope: bytes, opened: Opened, statement: Statement, sender: Sender
) -> Callable[[Transaction], Placed | Permanent]:
    def job(transaction: Transaction) -> Placed | Permanent:
        if sender.broken:
            raise StoreFull("an earlier statement of this stream could not be stored")
        try:
            return place(transaction, envelope, opened, statement)
        except Permanent as refused:
            return _counting(sender, refused)(transaction)

    return job


def _counting(sender: Sender, refused: Permanent) -> Callable[[Transaction], Placed | Permanent]:
    def job(transaction: Transaction) -> Placed | Permanent:
        store.count_refusal(transaction.connection, sender.center, sender.agent, refused.name, transaction.recorded_ms)
        return refused

    return job
