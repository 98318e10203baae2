"""From one rule pack to the next: every activation is an act of the log and says from when its pack is in force.

known = activations(projection, index)
in_force(known, at_ms)                 # the activation that counts at an instant
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ccmm_collector import projection_sql as sql
from ccmm_collector.projection import Projection
from ccmm_collector.verdict_store import VerdictStore

logger = logging.getLogger(__name__)

TELL_SECONDS = 5.0  # between two lines about centers that the pack in force has not judged yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One pack was put in force."""

    pack: str
    version: str
    digest: str  # hex
    log_index: int
    starts_ms: int  # in force from then on, never before the act itself
    trust: int  # PackActivated.Trust: why it was let in
    signed_by: bytes  # Ed25519 public key; empty where nobody signed


def activations(projection: Projection, index: int) -> list[Activation]:
    """All that are known at an index, in the order in which they come into force."""
    return [
        Activation(
            pack=pack,
            version=version,
            digest=digest.hex(),
            log_index=log_index,
            starts_ms=starts_ms,
            trust=trust,
            signed_by=signed_by,
        )
        for pack, version, digest, log_index, starts_ms, trust, signed_by in projection.rows(sql.ACTIVATIONS, index)
    ]


def in_force(known: Sequence[Activation], at_ms: int) -> Activation | None:
    """The newest that has started; None before the first."""
    return next((one for one in reversed(known) if one.starts_ms <= at_ms), None)


class Transition:
    """Which centers the pack in force has yet to judge. What it keeps in the store survives a crash: each standing."""

    def __init__(self, store: VerdictStore, known: Sequence[Activation]) -> None:
        """`known` as `activations` gives them."""
        self._store = store
        self._known = known
        self._told: float | None = None  # when a line was last written, by the monotonic clock; None: all is done

    def learn(self, known: Sequence[Activation]) -> None:
        """The log has another activation."""
        self._known = known

    @property
    def first_ms(self) -> int:
        """When the first pack of all came into force; 0 before."""
        return self._known[0].starts_ms if self._known else 0

    def next_start(self, at_ms: int, digest: str, before_ms: int) -> int | None:
        """The earliest instant before another one at which a center must be judged by the pack that began then.

        The center was last judged at `at_ms` by the pack of this digest.
        """
        for one in self._known:
            if at_ms <= one.starts_ms < before_ms:
                begun = in_force(self._known, one.starts_ms)
                if one.starts_ms > at_ms or (begun is not None and begun.digest != digest):
                    return one.starts_ms
        return None

    def left(self, now_ms: int) -> list[str]:
        """Centers that were last judged before the pack in force began."""
        begun = in_force(self._known, now_ms)
        return [] if begun is None else self._store.judged_before(begun.starts_ms, begun.digest)

    def tell(self, now_ms: int, monotonic: float) -> None:
        """A line for operators now and then while centers are left, and one when none is."""
        begun, left = in_force(self._known, now_ms), len(self.left(now_ms))
        if begun is None or (not left and self._told is None):
            return
        if left and self._told is not None and monotonic - self._told < TELL_SECONDS:
            return
        of = self._store.size()
        fields = {"pack": begun.pack, "version": begun.version, "done": of - left, "of": of}
        logger.info("re-judging by the pack in force" if left else "every center is re-judged", extra=fields)
        self._told = monotonic if left else None
