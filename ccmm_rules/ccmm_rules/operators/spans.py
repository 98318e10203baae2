"""Stretches of time, cut and joined."""

from collections.abc import Sequence

from ccmm_rules.evidence import Span


def parts_within(spans: Sequence[Span], whole: Span) -> list[Span]:
    """What of the spans lies in `whole`."""
    cut = [Span(max(part.from_ms, whole.from_ms), min(part.to_ms, whole.to_ms)) for part in spans]
    return [part for part in cut if part.from_ms < part.to_ms]


def whole_periods(spans: Sequence[Span], period_ms: int) -> list[Span]:
    """Cut back to whole periods: a period that counts in part only is left out."""
    cut = [Span(-(-part.from_ms // period_ms) * period_ms, part.to_ms // period_ms * period_ms) for part in spans]
    return [part for part in cut if part.from_ms < part.to_ms]


def united(parts: Sequence[Span]) -> list[Span]:
    """Sorted; those that overlap or touch are one."""
    found: list[Span] = []
    for part in sorted(parts):
        if found and part.from_ms <= found[-1].to_ms:
            found[-1] = Span(found[-1].from_ms, max(found[-1].to_ms, part.to_ms))
        else:
            found.append(part)
    return found
