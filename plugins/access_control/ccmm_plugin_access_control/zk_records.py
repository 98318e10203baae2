"""What the bytes of a ZKTeco terminal mean: its users and its attendance log. Pure; raises Malformed.

Records have 8, 16 or 40 bytes and users 28 or 72, by the terminal's age; none of them says which. The terminal's own
counts, asked before and after, do. Names and passwords of users stand in the bytes and are not looked at.
Shapes: https://github.com/adrobinoga/zk-protocol/blob/master/sections/data-record.md (40, 72), pyzk 0.9 (8, 16, 28).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ccmm_proto.errors import Malformed

_RECORDS = {  # bytes of one -> shape
    8: struct.Struct("<HBIB"),  # user's place, how verified, time, state
    16: struct.Struct("<IIBB2xI"),  # user id, time, how verified, state, work code
    40: struct.Struct("<H24sBIB8x"),  # user's place, user id, how verified, time, state
}
_USERS = {28: struct.Struct("<HB5x8xIxB2xI"), 72: struct.Struct("<HB8x24xIx7sx24s")}  # place, rights, card, group, id
_DISABLED = 1
_MOST_USERS = 200_000


@dataclass(frozen=True, slots=True)
class User:
    """One enrolled person. `card` is 0 where there is none; `group` is a number as text."""

    place: int
    id: str
    card: int
    group: str
    enabled: bool
    is_manager: bool


@dataclass(frozen=True, slots=True)
class Punch:
    """One record. `id` is None where only the place of a deleted user is told; `at` where it is no date."""

    place: int | None
    id: str | None
    at: datetime | None
    state: int


def parse_users(data: bytes, least: int, most: int) -> list[User]:
    """Of an answer to the question for users; the terminal says it holds `least` to `most`."""
    content = _content(data)
    size = _size_of(_USERS, len(content), least, most, "users")
    if len(content) // size > _MOST_USERS:
        raise Malformed(f"more than {_MOST_USERS} users")
    found = []
    for place, rights, card, group, id in _USERS[size].iter_unpack(content):
        named = str(id) if isinstance(id, int) else _text(id)
        grouped = str(group) if isinstance(group, int) else _text(group)
        found.append(User(place, named, card, grouped, not rights & _DISABLED, bool(rights & ~_DISABLED)))
    if len({user.id for user in found}) < len(found) or not all(user.id for user in found):
        raise Malformed("a user without an id, or two with the same")
    return found


def parse_log(data: bytes, least: int, most: int, users: Mapping[int, User]) -> Iterator[Punch]:
    """Of an answer to the question for the log, in its order; `users` by their place. Raises before the first."""
    content = _content(data)
    return _punches(content, _size_of(_RECORDS, len(content), least, most, "records"), users)


def _punches(content: bytes, size: int, users: Mapping[int, User]) -> Iterator[Punch]:
    shape = _RECORDS[size]
    if size == 8:
        for place, _, time, state in shape.iter_unpack(content):
            user = users.get(place)
            yield Punch(place, user.id if user else None, parse_time(time), state)
    elif size == 16:
        for id, time, _, state, _ in shape.iter_unpack(content):
            yield Punch(None, str(id), parse_time(time), state)
    else:
        for place, id, _, time, state in shape.iter_unpack(content):
            yield Punch(place, _text(id) or None, parse_time(time), state)


def parse_time(packed: int) -> datetime | None:
    """A terminal's time, without a zone; None where it is no date. Months count 31 days in it."""
    rest, second = divmod(packed, 60)
    rest, minute = divmod(rest, 60)
    rest, hour = divmod(rest, 24)
    rest, day = divmod(rest, 31)
    year, month = divmod(rest, 12)
    try:
        return datetime(2000 + year, month + 1, day + 1, hour, minute, second)  # noqa: DTZ001 - the zone comes later
    except ValueError:
        return None


def _content(data: bytes) -> bytes:
    """What follows the four bytes that tell its length."""
    if len(data) < 4:
        raise Malformed("an answer without its length")
    total = int.from_bytes(data[:4], "little")
    if len(data) - 4 < total:
        raise Malformed(f"{len(data) - 4} bytes of {total}")
    return data[4 : 4 + total]


def _size_of(shapes: Mapping[int, struct.Struct], length: int, least: int, most: int, what: str) -> int:
    """The one length of a record by which the bytes are as many as the terminal counts."""
    fitting = [size for size in shapes if length % size == 0 and least <= length // size <= most]
    if length == 0 and least == 0:
        return min(shapes)
    if len(fitting) != 1 or least > most:
        raise Malformed(f"{length} bytes are not the {least} to {most} {what} that the terminal counts")
    return fitting[0]


def _text(padded: bytes) -> str:
    """Up to the first NUL. What is no text is kept as it is written in Python: two ids never become one."""
    return padded.split(b"\0", 1)[0].decode("utf-8", "backslashreplace").strip()
