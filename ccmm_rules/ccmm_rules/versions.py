"""Which version of a pack is in force on a day, and how each of the others stands.

A version is in force from its `effective_from`. One that a newer version in force replaces has ended, unless its own
`effective_until` gives it a transition: until then it is still accepted beside the new one.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from ccmm_rules.model import Pack


class Stage(StrEnum):
    """Where a version stands on a day."""

    COMING = "coming"
    IN_FORCE = "in_force"
    TRANSITION = "transition"
    ENDED = "ended"


def stage_of(pack: Pack, versions: Sequence[Pack], day: date) -> Stage:
    """`versions` are all that are known of the pack, itself included or not. `day` is civil time of the center."""
    if day < date.fromisoformat(pack.effective_from):
        return Stage.COMING
    if _is_over(pack, day):
        return Stage.ENDED
    if not any(_follows(other, pack, day) for other in versions):
        return Stage.IN_FORCE
    return Stage.TRANSITION if pack.effective_until else Stage.ENDED


def in_force(versions: Sequence[Pack], day: date) -> Pack | None:
    """The version to judge by: of those in force the one that began last. None before the first and after the last."""
    found = [pack for pack in versions if stage_of(pack, versions, day) == Stage.IN_FORCE]
    return max(found, key=lambda pack: (pack.effective_from, pack.version), default=None)


def _is_over(pack: Pack, day: date) -> bool:
    return bool(pack.effective_until) and day > date.fromisoformat(pack.effective_until)


def _follows(other: Pack, pack: Pack, day: date) -> bool:
    """Whether `other` took the place of `pack` by that day. One that is over itself replaces nothing any more."""
    began = date.fromisoformat(other.effective_from) <= day
    return other.id == pack.id and pack.version in other.replaces and began and not _is_over(other, day)
