"""At the start of every stream: the collector's heads against our spool (FORMATS §1 and §3).

the collector                            the agent
is behind, or level                      sends what waits
is behind a receipt that we hold         sends everything from its head again, and notes it
has more, or another digest, or a newer  was restored from a snapshot, or lost its spool: opens the next epoch with the
epoch                                    reason signed; what never had a receipt moves there. Never a fork
"""

import logging
from collections.abc import Iterable

from ccmm_agent import clock
from ccmm_agent import spool_sql as sql
from ccmm_agent.home import Home
from ccmm_agent.outbox import Draft
from ccmm_agent.spool import Chain, Spool
from ccmm_agent.spool_open import new_epoch
from ccmm_proto.v1.service_pb2 import Head
from ccmm_proto.v1.statement_pb2 import EpochStart, Note

log = logging.getLogger(__name__)


def reconcile(home: Home, heads: Iterable[Head]) -> None:
    """Make the spool fit what the collector says it holds. Each step is one transaction of the spool."""
    by_epoch = {head.epoch: head for head in heads}
    chain = home.spool.chain()
    start = divergence(home.spool, chain, by_epoch)
    if start is not None:
        epoch = max(chain.epoch, *by_epoch) + 1
        moved = new_epoch(home.spool, home.epoch_file, epoch, start, home.signer.seal)
        log.warning("new epoch opened", extra={"epoch": epoch, "moved": moved, "why": start.detail})
    for (epoch,) in home.spool.query(sql.EPOCHS):
        _fill_up(home, epoch, by_epoch.get(epoch) or Head(epoch=epoch))
    if chain.boot_id != clock.boot_id():
        home.spool.set_boot_id(clock.boot_id())


def divergence(spool: Spool, chain: Chain, by_epoch: dict[int, Head]) -> EpochStart | None:
    """Why our chain cannot go on where it stands; None: it can."""
    newest = max(by_epoch, default=0)
    head = by_epoch.get(chain.epoch)
    last_receipt = chain.last_receipt
    if newest > chain.epoch:
        detail = f"the collector knows epoch {newest}, this spool stands in {chain.epoch}"
        return EpochStart(reason=_reason(chain), detail=detail, last_receipt=last_receipt)
    if head is None:
        return None
    held = max(head.next_sequence, head.highest_sequence + 1 if head.highest_sequence else 0)
    if held > chain.next_sequence:
        detail = f"the collector holds {held} statements of epoch {chain.epoch}, this spool knows {chain.next_sequence}"
        return EpochStart(reason=_reason(chain), detail=detail, last_receipt=last_receipt)
    if head.next_sequence == 0:
        return None
    number = head.next_sequence - 1
    ours = chain.digest if head.next_sequence == chain.next_sequence else spool.digest_at(chain.epoch, number)
    if ours is None or ours == head.digest:
        return None
    detail = f"the collector holds another statement as number {number} of epoch {chain.epoch}"
    return EpochStart(reason=EpochStart.SNAPSHOT_RESTORED, detail=detail, last_receipt=last_receipt)


def _reason(chain: Chain) -> "EpochStart.Reason.ValueType":
    """A spool that was last at work under another boot points to a restored machine; else only the fact is known."""
    rebooted = chain.boot_id not in ("", clock.boot_id())
    return EpochStart.SNAPSHOT_RESTORED if rebooted else EpochStart.COLLECTOR_AHEAD


def _fill_up(home: Home, epoch: int, head: Head) -> None:
    """A collector restored from a backup gets again what it had acknowledged, as far as it is still kept."""
    begin = head.next_sequence
    if home.spool.query(sql.IS_SET_ASIDE, epoch, begin):
        begin = head.highest_sequence + 1  # the hole is ours and stays; what came after it is there
    lost, highest = home.spool.query(sql.COUNT_LOST, epoch, begin)[0]
    if not lost:
        return
    detail = f"epoch {epoch}: the collector's head is {begin}, a receipt for {highest} is here; {lost} are sent again"
    note = Draft(body=Note(kind=Note.HEAD_BEHIND_RECEIPT, detail=detail))
    home.spool.send_again(epoch, begin, note, home.signer.seal)
    log.warning("collector behind our receipts", extra={"epoch": epoch, "head": begin, "again": lost})
