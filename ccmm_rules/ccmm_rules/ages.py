"""Which names are times, ages and durations: `approved_days`, `lasted_minutes`."""

from functools import lru_cache

from ccmm_rules.naming import attribute_title
from ccmm_rules.vocabulary.tables import load_vocabulary

AGES = {
    "days": ("days", "天"),
    "hours": ("hours", "小时"),
    "minutes": ("minutes", "分钟"),
    "workdays": ("working days", "个工作日"),
}


@lru_cache(maxsize=4096)
def is_time(name: str) -> bool:
    """Whether an attribute of some kind of this name is a time."""
    own = name.rpartition(".")[2]
    kinds = load_vocabulary().kinds.values()
    return own in ("started", "ended") or any(kind.known[own].word == "time" for kind in kinds if own in kind.known)


def is_done(attribute: str) -> bool:
    """Whether the time is that of something done, so that having it means that it was done: `closed`, not `due`."""
    title = attribute_title(attribute, "en").partition(" ")[0]
    return is_time(attribute) and (title.endswith("ed") or title in ("left", "told", "begun"))


@lru_cache(maxsize=4096)
def age_of(name: str) -> tuple[str, str]:
    """(attribute, unit) of an age or a duration such as `approved_days`, `lasted_minutes`; else two empty texts."""
    stem, _, unit = name.rpartition("_")
    if unit not in AGES or not stem or name.rpartition(".")[2] in _plain_attributes():
        return "", ""
    return (stem, unit) if is_time(stem) or stem.rpartition(".")[2] == "lasted" else ("", "")


def is_lasting(stem: str, unit: str) -> bool:
    """Minutes and working days count from the start; days and hours are ages, but for a duration."""
    return stem.rpartition(".")[2] == "lasted" or unit in ("minutes", "workdays")


@lru_cache(maxsize=1)
def _plain_attributes() -> frozenset[str]:
    return frozenset(name for kind in load_vocabulary().kinds.values() for name in kind.known)
