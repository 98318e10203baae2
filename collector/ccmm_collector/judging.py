"""Steps 8 and 9: the log becomes rows, and centers are judged when evidence arrives and when it runs out.

    with Judge(dir, log) as judge:
        while not stopping.is_set():
            if not judge.step(now_ms()):
                log.wait_for(judge.projection.position + 1, 0.25)

Instants of judgement are recorded times and expiry instants. The wall clock decides only which of them have come.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Self

from ccmm_collector.engine import engine_digest
from ccmm_collector.folds import Folds
from ccmm_collector.garbage import garbage_later
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.pace import Pace
from ccmm_collector.packs import Packs
from ccmm_collector.project import ALL
from ccmm_collector.projection import Projection
from ccmm_collector.resting import AllResting
from ccmm_collector.shares import WHOLE, News, Share
from ccmm_collector.transition import Transition, activations, in_force
from ccmm_collector.verdict_store import Judged, VerdictStore
from ccmm_proto.errors import CcmmError
from ccmm_rules.evaluate import judge as judge_rules
from ccmm_rules.evidence import Hole
from ccmm_rules.level import level_json, level_of
from ccmm_rules.model import Pack

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 200  # projected in one transaction
BATCH_SECONDS = 0.5  # then it is the turn of the verdicts
TRY_AGAIN_SECONDS = 60.0  # after judging a center failed


class Judge:
    """Brings the projection and the verdicts of one folder up to date: of all its centers, or of a share of them.

    Exactly one may project, and exactly one judge a center. `listeners` are told of what is projected, as it is.
    """

    def __init__(
        self,
        folder: Path,
        log: EvidenceLog,
        packs: Packs | None = None,
        *,
        share: Share = WHOLE,
        position: int | None = None,
    ) -> None:
        """Opens both stores; `log` stays the caller's. `packs` loaded by somebody else need not be loaded again.

        `position`: up to where it has heard what is projected, if not of everything.
        """
        self.log = log
        self.share = share
        self.listeners: list[Callable[[News], None]] = []
        self.projection = Projection.open(folder, log_id=log.log_id)
        self.store = VerdictStore.open(folder)
        self._packs = packs or Packs(folder)
        self._folds = Folds()
        self._pace = Pace()
        self._failed: dict[str, float] = {}  # until when a center that cannot be judged is left alone
        self._holes: dict[str, tuple[Hole, ...]] = {}  # of each center, when it was last judged: see `_holes_before`
        self._resting = AllResting()
        self.position = self.projection.position if position is None else position  # nothing later is judged yet
        self._transition = Transition(self.store, activations(self.projection, self.position))
        self._touched = self._behind()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both stores."""
        self.projection.close()
        self.store.close()

    def _behind(self) -> dict[str, set[str]]:
        """Centers about which the projection knows more than was judged, or which other code judged: at every start."""
        standings, stale = self.store.standings(), self.store.judged_by_others(engine_digest())
        return {
            center: {ALL}
            for center in filter(self.share.has, self.projection.centers(self.position))
            if center in stale
            or standings.get(center, (-2, ""))[0] != self.projection.center_index(center, self.position)[0]
        }

    def step(self, now_ms: int) -> bool:
        """Do a bounded piece of work; False when nothing was to be done."""
        projected = self.project()
        judged = self.judge_arrivals(busy=projected)
        expired = self.expire(now_ms)
        if not projected:
            self.tend()
        return projected or judged or expired

    def tend(self) -> None:
        """Keep what makes reading faster, while nothing arrives."""
        self.projection.tend()

    def settle(self, now_ms: int) -> None:
        """Do everything there is to do by now."""
        while self.project():
            pass
        for center in sorted(self._touched):
            self._apart(center, self.judge_center)
        while self.expire(now_ms):
            pass
        self.tend()

    def project(self) -> bool:
        """Project what came since, for a bounded time; whether there was anything."""
        until, found = time.monotonic() + BATCH_SECONDS, False
        while entries := self.log.entries(after=self.projection.position, limit=BATCH_ENTRIES):
            found = True
            feeds = self.projection.apply(entries)
            acts = any(entry.kind == "act" and not entry.center for entry in entries)
            news = News(self.projection.position, feeds, acts)
            for hear in (self.hear, *self.listeners):
                hear(news)
            if time.monotonic() > until:
                break
        return found

    def hear(self, news: News) -> None:
        """More was projected, by this process or by another one."""
        self.position = news.position
        self.touch(news.feeds)
        if news.acts:
            self.touch(self._behind())  # the first pack: who waited for it is judged now
            self._transition.learn(activations(self.projection, self.position))

    def touch(self, feeds: Mapping[str, set[str]]) -> None:
        """What of each center is new, or ALL: it is judged when its turn comes."""
        for center, found in feeds.items():
            if self.share.has(center):
                self._touched.setdefault(center, set()).update(found)

    def judge_arrivals(self, *, busy: bool = False) -> bool:
        """Judge the centers about which something came, each at most about once a second; whether any was."""
        started = time.monotonic()
        ready = [
            center
            for center in self._touched  # who waits longest comes first
            if self._pace.is_ready(center, started, busy=busy) and self._failed.get(center, 0.0) <= started
        ]
        for center in ready:
            began = time.monotonic()
            self._apart(center, self.judge_center)
            self._pace.judged(center, began, time.monotonic())
            if time.monotonic() - started > BATCH_SECONDS:
                break
        return bool(ready)

    def expire(self, now_ms: int) -> bool:
        """Judge what ran out by now, the longest due first, then by a pack that came into force what it has not judged.

        For a bounded time; whether there was anything. Until a center's turn comes its older verdicts stand.
        """
        if self.share.number == 0:
            self._transition.tell(now_ms, time.monotonic())
        if not self._due(now_ms):
            return False
        until_ms = min(now_ms, self._known_until())
        started = time.monotonic()
        due = [center for center in self._due(until_ms) if self._failed.get(center, 0.0) <= started]
        for center in due:
            if center in self._touched:
                self._apart(center, self.judge_center)
            self._apart(center, lambda center: self._pass_time(center, until_ms + 1))
            if time.monotonic() - started > BATCH_SECONDS:
                break
        return bool(due)

    def _due(self, until_ms: int) -> list[str]:
        """Of its centers those with something due by an instant, and those that the pack in force has not judged."""
        due = dict.fromkeys((*self.store.due(until_ms), *self._transition.left(until_ms)))
        return [center for center in due if self.share.has(center)]

    def _apart(self, center: str, judging: Callable[[str], None]) -> None:
        """A bug that one center's evidence meets ends no other center's verdicts; its own run out, and say so."""
        try:
            judging(center)
        except (CcmmError, OSError, sqlite3.Error):
            raise  # the store, not the center
        except Exception:
            logger.exception("a center cannot be judged; this is a bug", extra={"center": center})
            self._failed[center] = time.monotonic() + TRY_AGAIN_SECONDS
            self._touched[center] = {ALL}

    def _known_until(self) -> int:
        """The newest instant up to which everything recorded is projected: what ran out later waits."""
        next_ms = self.log.now()
        if self.position >= self.log.size() - 1:
            return next_ms - 1
        return self.projection.recorded_ms(self.position) - 1

    def judge_center(self, center: str) -> None:
        """Judge at the newest recorded time that concerns the center, after what ran out before it.

        So after a restart what expired meanwhile is judged before what has arrived since.
        """
        arrived_ms = self.projection.center_index(center, self.position)[1]
        standing = self.store.standing(center)  # the center may have been there before the first pack was
        arrived_ms = max(arrived_ms, self._transition.first_ms if standing is None else standing[0])
        self._pass_time(center, arrived_ms)
        self._judge(center, arrived_ms, self._touched.pop(center, {ALL}), ())

    def _pass_time(self, center: str, before_ms: int) -> None:
        """Judge what is due at each instant before another one, in order: what ran out, and by packs that began."""
        while (instant := self._next_instant(center, before_ms)) is not None:
            self._judge(center, instant, set(), self.store.due_rules(center, instant))

    def _next_instant(self, center: str, before_ms: int) -> int | None:
        standing = self.store.standing(center)
        starts_ms = self._transition.next_start(standing[0], standing[2], before_ms) if standing else None
        instants = (self.store.first_due(center, before_ms), starts_ms)
        return min((instant for instant in instants if instant is not None), default=None)

    def _judge(self, center: str, at_ms: int, feeds: set[str], due: Collection[str]) -> None:
        """Judge at an instant and keep what was found, in force and in the history."""
        with self.projection.snapshot():
            found = self._judged(center, at_ms, feeds, due)
        if found is None:
            return
        judged, holes = found
        changed = self.store.write(judged)
        self._holes[center] = holes
        if changed:
            logger.info("verdicts changed", extra={"center": center, "changed": changed, "at_ms": at_ms})

    def _judged(
        self, center: str, at_ms: int, feeds: set[str], due: Collection[str]
    ) -> tuple[Judged, tuple[Hole, ...]] | None:
        """By what was known at an instant: the rules that read something new, and those that are due; and the holes.

        The others rest on the same evidence as before and on no passing of time, so their verdicts stand.
        """
        index = min(self.projection.index_at(at_ms), self.position)
        activation = in_force(activations(self.projection, index), at_ms)
        if activation is None:
            return None
        pack = self._packs.of_digest(activation.digest)
        before = self._holes_before(center)
        known = self._known(center, index, at_ms)
        held = self.store.verdicts(center, pack.digest)
        holes = tuple(known.holes())
        everything = ALL in feeds or len(held) != len(pack.rules) or before != holes
        resting = self._resting.of(center, pack)
        rules = None if everything else [rule for rule in pack.rules if rule in due or resting.feeds(rule) & feeds]
        with garbage_later():
            verdicts = judge_rules(pack, known, at_ms, rules, held)
            resting.learn(verdicts, known, at_ms)
        level = level_json(level_of(pack, {**held, **verdicts}, known, at_ms))
        engine = engine_digest() if everything else None
        return Judged(center, pack.digest, at_ms, known.log_index, verdicts, level, engine), holes

    def _known(self, center: str, index: int, at_ms: int) -> Known:
        return Known(self.projection.view(center, index), log_id=self.log.log_id, at_ms=at_ms, folds=self._folds)

    def _holes_before(self, center: str) -> tuple[Hole, ...] | None:
        """As they were when the center was last judged, be it before a restart: another hole may change any rule."""
        standing = self.store.standing(center) if center not in self._holes else None
        if standing is not None:
            self._holes[center] = tuple(self._known(center, standing[1], standing[0]).holes())
        return self._holes.get(center)


def judge_at(
    projection: Projection,
    log_id: str,
    pack: Pack,
    center: str,
    index: int,
    at_ms: int,
    folds: Folds | None = None,
    rules: list[str] | None = None,
) -> Judged:
    """The verdicts on a center at an instant as known at an index, and where all rules are judged the level."""
    known = Known(projection.view(center, index), log_id=log_id, at_ms=at_ms, folds=folds)
    verdicts = judge_rules(pack, known, at_ms, rules)
    level = level_json(level_of(pack, verdicts, known, at_ms)) if rules is None else None
    return Judged(center, pack.digest, at_ms, known.log_index, verdicts, level)
