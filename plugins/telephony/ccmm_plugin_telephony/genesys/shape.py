"""Parts of answers that are JSON: what is there under a key, of the kind that it has to be. Raises Malformed."""

from collections.abc import Mapping
from datetime import UTC, datetime

from ccmm_proto.errors import Malformed

Object = Mapping[str, object]
MOST_TEXT = 200
_MOST_MS = 100 * 86_400_000


def objects(part: Object, key: str) -> list[Object]:
    """The list of objects; empty where the key is not there."""
    found = part.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"no list of objects under {key}")
    return found


def object_of(part: Object, key: str) -> Object:
    """The object; empty where the key is not there."""
    found = part.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Malformed(f"no object under {key}")
    return found


def text_of(part: Object, key: str) -> str:
    """The text without what cannot be printed, at most 200 characters of it; "" where the key is not there."""
    found = part.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Malformed(f"no text under {key}")
    return "".join(letter for letter in found[:MOST_TEXT] if letter.isprintable()).strip()


def instant_of(part: Object, key: str) -> int | None:
    """Milliseconds since the epoch of `2024-04-29T17:31:47.652Z`; None where the key is not there."""
    told = text_of(part, key)
    if not told:
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError as error:
        raise Malformed(f"no time under {key}") from error
    if moment.tzinfo is None or not 2000 <= moment.year < 2100:
        raise Malformed(f"no time under {key}")
    return round(moment.astimezone(UTC).timestamp() * 1000)


def number_of(part: Object, key: str) -> float | None:
    """A number that is not negative; None where the key is not there."""
    found = part.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= _MOST_MS:
        raise Malformed(f"no number under {key}")
    return found
