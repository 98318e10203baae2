"""One gapless chain per agent and epoch: what an arriving, verified statement is (the table of FORMATS §1).

arrives                                              classify gives   the collector
next number, right previous digest                   NEXT             stores, counts
same number, same digest                             REPEAT           gives the old receipt again
a number skipped                                     GAP              stores, counts, raises
a missing number that fills a gap, fitting           NEXT             stores, counts
used number with another digest, wrong previous      FORK             stores, does not count, raises
created more than 5 minutes ahead                    FUTURE           stores, does not count, raises
a schema this version does not know                  SCHEMA           stores, does not count, raises
"""

from dataclasses import dataclass
from enum import StrEnum

from ccmm_proto.v1.statement_pb2 import Statement

SCHEMA = 1
ZERO = bytes(32)  # `previous` of sequence 0
MAX_AHEAD_MS = 5 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: the first number not used yet, and the digest under the number before it."""

    next_sequence: int
    digest: bytes


class Arrival(StrEnum):
    """What an arriving statement is."""

    NEXT = "next"
    REPEAT = "repeat"
    GAP = "gap"
    FORK = "fork"
    FUTURE = "future"
    SCHEMA = "schema"


def classify(
    statement: Statement,
    digest: bytes,
    *,
    head: Head | None,
    held_digest: bytes | None,
    previous_digest: bytes | None,
    following_previous: bytes | None = None,
    now_ms: int,
) -> Arrival:
    """What this statement is to its chain.

    `head` is the highest number used so far plus one (None: an unknown chain); `held_digest` the counted digest under
    this number; `previous_digest` the counted digest under the number before; `following_previous` the `previous` that
    the counted statement under the next number names. Each is None where nothing is held. A late statement that fills a
    gap must fit on both sides.
    """
    if held_digest == digest:
        return Arrival.REPEAT
    if statement.schema != SCHEMA:
        return Arrival.SCHEMA
    if statement.created_ms > now_ms + MAX_AHEAD_MS:
        return Arrival.FUTURE
    if held_digest is not None:
        return Arrival.FORK
    expected = ZERO if statement.sequence == 0 else previous_digest
    if expected is not None and statement.previous != expected:
        return Arrival.FORK
    if following_previous is not None and following_previous != digest:
        return Arrival.FORK
    next_sequence = head.next_sequence if head else 0
    return Arrival.GAP if statement.sequence > next_sequence else Arrival.NEXT
