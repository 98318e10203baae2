"""What the collector refuses: about this one statement it is set aside, about this agent a human is told."""

import logging

import grpc

from ccmm_agent import spool_sql as sql
from ccmm_agent.flight import Sent
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft
from ccmm_agent.spool import WAITING
from ccmm_proto.errors import BY_NAME, BadSignature, CcmmError, Malformed, Oversize, Permanent, Retryable
from ccmm_proto.v1.service_pb2 import Refusal
from ccmm_proto.v1.statement_pb2 import Note

log = logging.getLogger(__name__)

OF_THE_STATEMENT = (Malformed, BadSignature, Oversize)
# Stream ends after which a statement that travelled alone is set aside: where gRPC itself turned the message away, and
# where the collector stumbled. The latter is more often the collector's illness, so it gets minutes to recover.
SUSPICION = 2
SUSPICION_OF_THE_ILL = 8
_TURNED_AWAY = frozenset(
    {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE}
)
# A lost connection is no suspicion.
_STUMBLED = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})


def refused(home: Home, refusal: Refusal, sent: Sent | None) -> CcmmError | None:
    """Keep the refusal for `status`; the error that ends this session, or None where the next statement may go on."""
    error = BY_NAME.get(refusal.name, Permanent)
    log.warning("statement refused", extra={"refusal": refusal.name, "why": refusal.message})
    home.spool.put_refusal(refusal.digest, refusal.name, refusal.message)
    if sent is not None and issubclass(error, OF_THE_STATEMENT):
        detail = f"epoch {sent.epoch}, number {sent.sequence}: refused as {refusal.name}: {refusal.message}"
        set_aside(home, sent.epoch, sent.sequence, detail)
        return None
    return error(refusal.message) if issubclass(error, Permanent | Retryable) else Permanent(refusal.message)


def stream_ended(
    home: Home, in_flight: list[Sent], code: grpc.StatusCode, details: str, *, may_set_aside: bool
) -> bool:
    """Count a stream that ended in a way that a statement may have caused. True: the guilty one was set aside."""
    if code not in _TURNED_AWAY | _STUMBLED:
        return False
    why = f"{code.name.lower()}: {details}"
    for sent in in_flight:
        ends = home.spool.note_stream_end(sent.epoch, sent.sequence)
        enough = SUSPICION if code in _TURNED_AWAY else SUSPICION_OF_THE_ILL
        if ends >= enough and len(in_flight) == 1 and may_set_aside:
            detail = f"epoch {sent.epoch}, number {sent.sequence}: the stream ended {ends} times over it: {why}"
            home.spool.put_refusal(b"", "ended_the_stream", detail)
            set_aside(home, sent.epoch, sent.sequence, detail)
            return True
    return False


def set_aside(home: Home, epoch: int, sequence: int, detail: str) -> None:
    """Stop sending it; a note says so, unless it is itself such a note."""
    rows = home.spool.query(sql.SOURCE_AT, epoch, sequence, WAITING)
    is_run = bool(rows and rows[0][0])
    note = Draft(body=Note(kind=Note.STATEMENT_SET_ASIDE, detail=detail[:500])) if is_run else None
    home.spool.set_aside(epoch, sequence, note, home.signer.seal)
    log.error("statement set aside", extra={"epoch": epoch, "sequence": sequence, "why": detail})
