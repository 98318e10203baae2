"""What a person asks of centers at an instant: judged anew for every answer, never read from what was once concluded.

    with Inquiry.open(dir) as inquiry:
        judged = inquiry.judge("north", inquiry.moment(at=None, known_at=None))

Asked again for the same instant it gives the same answer, whatever was recorded since.
"""

import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ccmm_collector.folds import Folds
from ccmm_collector.judge import only_judge
from ccmm_collector.judging import Judge, judge_at
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.nonconformities import Turns
from ccmm_collector.packs import Chosen, Packs
from ccmm_collector.projection import Projection
from ccmm_collector.setting_aside import set_aside_strangers, setting_aside_damaged
from ccmm_collector.transition import Activation, activations, in_force
from ccmm_collector.verdict_store import Judged, VerdictStore
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import from_ms
from ccmm_rules.model import Pack

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant, and the highest log index that was recorded by the instant whose knowledge counts."""

    at_ms: int
    known_ms: int
    index: int
    is_past: bool  # another knowledge than that of the instant itself
    is_now: bool  # no instant was named


class Inquiry:
    """One look at a collector's folder; works beside a running `serve` and without one."""

    def __init__(self, folder: Path, log: EvidenceLog, now_ms: int, packs: Packs | None = None) -> None:
        """Use `open`."""
        self.log = log
        self.now_ms = now_ms
        self.projection = Projection.open(folder, log_id=log.log_id, readonly=True)
        self.store = VerdictStore.open(folder, readonly=True)
        self.packs = packs or Packs(folder)
        self._folds = Folds()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Everything that is recorded by now is projected and judged, or a warning says how far it is behind."""
        log, packs = EvidenceLog.open(folder), Packs(folder)
        now_ms = log.now() - 1  # everything recorded up to here is in the log
        _catch_up(folder, log, now_ms, packs)
        return cls(folder, log, now_ms, packs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.projection.close()
        self.store.close()
        self.log.close()

    def moment(self, at_ms: int | None, known_ms: int | None) -> Moment:
        """The instant asked for: by default now, as known then.

        Raises BadConfig for one that lies ahead: what may still be recorded by then would change the answer.
        """
        at = self.now_ms if at_ms is None else at_ms
        known = at if known_ms is None else known_ms
        if max(at, known) > self.now_ms:
            raise BadConfig(f"{from_ms(max(at, known)).isoformat()} lies ahead; an instant that has passed is expected")
        named = at_ms is not None or known_ms is not None
        return Moment(at, known, self.projection.index_at(known), is_past=known != at, is_now=not named)

    def centers(self, moment: Moment) -> list[str]:
        """Every center known at a moment."""
        return self.projection.centers(moment.index)

    def check_center(self, center: str) -> None:
        """Raises BadConfig for a center that nothing in the log concerns."""
        known = self.projection.centers(self.projection.position)
        if center not in known:
            raise BadConfig(f"no center {center!r}; known: {', '.join(known) or 'none yet'}")

    def activations(self, moment: Moment) -> list[Activation]:
        """Every pack that was put in force, as known at a moment."""
        return activations(self.projection, moment.index)

    def chosen(self, words: str | None, moment: Moment) -> Chosen:
        """The pack that was in force, or the one named; raises BadConfig."""
        known = self.activations(moment)
        if words:
            return self.packs.chosen(words, known, moment.at_ms)
        activation = in_force(known, moment.at_ms)
        if activation is None:
            raise BadConfig("no rule pack was in force then; the first `ccmm-collector serve` puts the built-in one in")
        return self.packs.activated(activation)

    def is_in_force(self, pack: Pack, moment: Moment) -> bool:
        """Whether it is the pack that centers are judged by at a moment."""
        activation = in_force(self.activations(moment), moment.at_ms)
        return activation is not None and activation.digest == pack.digest

    def known(self, center: str, moment: Moment) -> Known:
        """The evidence on a center."""
        view = self.projection.view(center, moment.index)
        return Known(view, log_id=self.log.log_id, at_ms=moment.at_ms, folds=self._folds)

    def judge(self, center: str, moment: Moment, pack: Pack) -> Judged:
        """All verdicts and the level."""
        return judge_at(self.projection, self.log.log_id, pack, center, moment.index, moment.at_ms, self._folds)

    def level(self, center: str, moment: Moment, pack: Pack, *, older: bool = False) -> str:
        """The level as canonical JSON: the one in force where nothing has come and nothing run out since, else anew.

        With `older` the one by the pack before stands, until the center's turn to be judged by a new one has come.
        """
        held = self.store.standing(center)
        if held is None:
            return self.judge(center, moment, pack).level or "{}"
        if older and moment.is_now and held[2] != pack.digest:
            return held[3]
        current = (held[1], held[2]) == (self.projection.center_index(center, moment.index)[0], pack.digest)
        if not current or not held[0] <= moment.at_ms < self.store.holds_until(center):
            return self.judge(center, moment, pack).level or "{}"
        return held[3]

    def rejudging(self, pack: Pack) -> tuple[int, int]:
        """How many of the judged centers the pack in force has judged, and of how many."""
        standings = self.store.standings().values()
        return sum(1 for _, digest in standings if digest == pack.digest), len(standings)

    def turns(self, center: str, moment: Moment, pack: Pack) -> Turns | None:
        """When the outcomes of a center's rules changed; None where the question was never put in that way before."""
        if moment.is_past or not self.is_in_force(pack, moment):
            return None
        return self.store.turns(center, moment.at_ms)


def _catch_up(folder: Path, log: EvidenceLog, now_ms: int, packs: Packs) -> None:
    """Let the running judge catch up, or where none runs do its work."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with only_judge(folder, wait=False) as mine:
            if mine:
                set_aside_strangers(folder, log)
                with setting_aside_damaged(folder), Judge(folder, log, packs) as judge:
                    judge.settle(now_ms)
                return
        behind = _behind(folder, log, now_ms)
        if not behind:
            return
        if time.monotonic() > deadline:
            logger.warning("the projection is behind the log; the answer rests on less", extra={"behind": behind})
            return
        time.sleep(_POLL_SECONDS)


def _behind(folder: Path, log: EvidenceLog, now_ms: int) -> str:
    """What the running judge has not done yet; empty for nothing."""
    try:
        with (
            closing(Projection.open(folder, log_id=log.log_id, readonly=True)) as projection,
            closing(VerdictStore.open(folder, readonly=True)) as store,
        ):
            return _undone(projection, store, log, now_ms)
    except sqlite3.OperationalError:  # a judge that has just started is making the files
        return "all"


def _undone(projection: Projection, store: VerdictStore, log: EvidenceLog, now_ms: int) -> str:
    entries = log.size() - 1 - projection.position
    if entries > 0 and projection.recorded_ms(projection.position) <= now_ms:
        return f"{entries} entries"
    due = store.next_due()
    if due is not None and due <= now_ms:
        return "instants to judge at"
    standings = store.standings()
    late = [
        center
        for center in projection.centers(projection.position)
        if standings.get(center, (-2, ""))[0] < projection.center_index(center, projection.position)[0]
    ]
    return f"{len(late)} centers to judge" if late and projection.activation(projection.position) else ""
