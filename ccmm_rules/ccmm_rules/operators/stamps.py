"""Times of what has happened: one that lies ahead of who tells it is a slip of the pen, and counts as not told.

A document approved in 2062 would otherwise be a young one for decades. Plans (due, expires, until) may lie ahead.
"""

from collections.abc import Mapping

from ccmm_rules.evidence import AttributeValue
from ccmm_rules.spec import DAY_MS

SLACK_MS = DAY_MS  # clocks differ, and a date without a time may be that of another zone
_OF_LISTS = (
    "approved reviewed copy_checked verified seen tested standby_seen signatures newest oldest began rechecked changed"
    " fired created last_login password_changed screened undertaking"
)
_OF_OCCURRENCES = (
    "acked acted detected declared told restored closed authority client_told final preserved answered live decided"
    " measure_set first_review published archived entered"
)
PAST = frozenset((*_OF_LISTS.split(), *_OF_OCCURRENCES.split()))


def believed(attributes: Mapping[str, AttributeValue], known_ms: int) -> Mapping[str, AttributeValue]:
    """Without what is said to have happened after `known_ms`, up to when its source vouched."""
    ahead = [
        name for name in PAST & attributes.keys() if type(at := attributes[name]) is int and at > known_ms + SLACK_MS
    ]
    return {name: value for name, value in attributes.items() if name not in ahead} if ahead else attributes
