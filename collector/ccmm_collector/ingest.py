"""From received bytes to durable entries of the log: steps 6 and 7 of the way of one fact.

What an envelope claims is believed in this order: the certificate of the connection says which agent it is, the
agent's enrolled key says whether it signed these bytes, the signed statement says which chain and number. The keyid
says nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice

from ccmm_collector import store
from ccmm_collector.chains import Placed, place
from ccmm_collector.log import EvidenceLog
from ccmm_collector.roster import Roster
from ccmm_collector.transaction import Transaction
from ccmm_collector.verifier import Verified, Verifier, open_statement
from ccmm_proto.envelope import verify_opened
from ccmm_proto.errors import BadSignature, ForeignCenter, Malformed, Permanent, StoreFull, WrongKey
from ccmm_proto.v1.statement_pb2 import Statement
from ccmm_proto.wire import parse_statement

KEYS_TRIED = 32  # naming a wrong key is a courtesy: no bad envelope may cost more

Outcome = Placed | Permanent


@dataclass(slots=True, kw_only=True)
class Sender:
    """One authenticated stream: whose certificate it showed, and whether something of it could not be stored."""

    center: str
    agent: str
    not_after_ms: int
    broken: bool = False  # then nothing later of this stream is stored: it would look like a gap

    def note(self, stored: Future[Outcome]) -> None:
        """Called by the writer before it goes on."""
        self.broken = self.broken or stored.exception() is not None


def ingest(
    envelopes: Sequence[bytes], sender: Sender, verifier: Verifier, roster: Roster, log: EvidenceLog
) -> list[Future[Outcome]]:
    """Verify and append: for each envelope its place in the log once that is durable, or why it is refused (counted).

    One bad envelope never stops the next. A future raises StoreFull: nothing was stored, the agent keeps it.
    """
    try:
        member = roster.admit(sender.center, sender.agent)  # certificate <-> agent
    except Permanent as revoked:
        return [refuse(revoked, sender, log) for _ in envelopes]
    stored = []
    for envelope, verdict in zip(envelopes, verifier.verify(envelopes, member.key), strict=True):
        checked = check_sender(envelope, verdict, sender, roster)  # agent <-> signature, certificate <-> statement
        if isinstance(checked, Permanent):
            stored.append(refuse(checked, sender, log))
        else:
            # Sequence and previous digest are looked at inside the writing transaction. Nothing is durable before the
            # future is resolved. Crashed before: no receipt went out, the agent sends it again.
            stored.append(log.write(_placing(envelope, checked, sender), len(envelope), done=sender.note))
    return stored


def refuse(error: Permanent, sender: Sender, log: EvidenceLog) -> Future[Outcome]:
    """Count a refusal by its name; nothing else is stored."""
    return log.write(_counting(sender, error))


def check_sender(
    envelope: bytes, verdict: Verified | Permanent, sender: Sender, roster: Roster
) -> Verified | Permanent:
    """The verdict, or a more telling refusal: WrongKey, ForeignCenter."""
    if isinstance(verdict, BadSignature):
        return _blame(envelope, sender, roster)
    if isinstance(verdict, Verified) and not _is_at_home(verdict.head, sender):
        return ForeignCenter(
            f"a statement of {verdict.head.agent} of {verdict.head.center} came with the certificate of "
            f"{sender.agent} of {sender.center}"
        )
    return verdict


def _is_at_home(head: Statement, sender: Sender) -> bool:
    return (head.center, head.agent) == (sender.center, sender.agent)


def _blame(envelope: bytes, sender: Sender, roster: Roster) -> Permanent:
    """Not signed by this agent: then by whom?"""
    opened = open_statement(envelope)
    roster.refresh()  # the signer may have been enrolled a moment ago
    for member in islice(roster.colleagues(sender.center), KEYS_TRIED):
        try:
            verify_opened(opened, member.key)
            head = parse_statement(opened.payload)
        except BadSignature:
            continue
        except Malformed as error:
            return error
        if _is_at_home(head, sender):
            return WrongKey(f"signed by the key of {member.agent.agent}, sent by {sender.agent}")
        return ForeignCenter(f"a statement of {head.agent} of {head.center}, sent by {sender.agent} of {sender.center}")
    return BadSignature(f"not signed by the evidence key of {sender.agent}")


def _placing(envelope: bytes, verified: Verified, sender: Sender) -> Callable[[Transaction], Outcome]:
    def job(transaction: Transaction) -> Outcome:
        if sender.broken:
            raise StoreFull("an earlier statement of this stream could not be stored")
        try:
            return place(transaction, envelope, verified.opened, verified.head)
        except Permanent as refused:
            return _counting(sender, refused)(transaction)

    return job


def _counting(sender: Sender, refused: Permanent) -> Callable[[Transaction], Outcome]:
    def job(transaction: Transaction) -> Outcome:
        store.count_refusal(transaction.connection, sender.center, sender.agent, refused.name, transaction.recorded_ms)
        return refused

    return job
