"""`silence`: spans in which a source that was due said nothing.

What was filled in more than two days later does not undo a silence; what a source had not begun to tell is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ccmm_rules.evidence import Happening, SourceFacts, Span
from ccmm_rules.memory import merged
from ccmm_rules.operators.windows import gaps

GRACE_MS = 120_000  # a run may take so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """One source: when it spoke, and from when on it is overdue."""

    source: SourceFacts
    spoken: tuple[Span, ...]

    @property
    def due_ms(self) -> int:
        """The instant after which it is silent; a source that is expected and never spoke is so at once."""
        if not self.spoken:
            return 0
        return self.spoken[-1].to_ms + self.source.every_s * 1000 + GRACE_MS


def quiet_of(feedings: Sequence[Sequence[SourceFacts]]) -> list[Quiet]:
    """One for each source that is expected, whatever it feeds; sorted by agent and source."""
    told: dict[tuple[str, str], list[SourceFacts]] = {}
    for feeding in feedings:
        for facts in feeding:
            told.setdefault((facts.agent, facts.source), []).append(facts)
    found = []
    for key in sorted(told):
        live = merged([span for facts in told[key] for span in _live(facts)])
        spoken = live or merged([span for facts in told[key] for span in facts.covered])
        found.append(Quiet(source=min(told[key], key=lambda facts: facts.every_s), spoken=spoken))
    return found


def _live(facts: SourceFacts) -> list[Span]:
    """What it told in time."""
    return [part for span in facts.covered for part in gaps(facts.backfilled, span)]


def silences(quiet: Sequence[Quiet], window: Span, now_ms: int) -> Iterator[Happening]:
    """Those that touch the window; one that began before counts from its beginning."""
    for one in quiet:
        for before, after in pairwise(one.spoken):
            if after.from_ms > window.from_ms:
                yield _row(one.source, max(before.to_ms, window.from_ms), after.from_ms)
        if now_ms > one.due_ms:
            heard = one.spoken[-1].to_ms if one.spoken else 0
            yield _row(one.source, max(heard, window.from_ms), None)


def _row(source: SourceFacts, start_ms: int, end_ms: int | None) -> Happening:
    return Happening(
        agent=source.agent,
        source=source.source,
        id=f"{source.agent}/{source.source}/{start_ms}",
        started_ms=start_ms,
        ended_ms=end_ms,
        key_id="",
        attributes={"source": source.source, "class": source.plugin},
    )
