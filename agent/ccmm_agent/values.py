"""From Python values to typed attribute values, strictly: a bool is no number, a text has 1 to 1000 characters."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from ccmm_proto.kinds import Attribute, Type
from ccmm_proto.roll import MAX_TEXT
from ccmm_proto.shape import MAX_COUNT
from ccmm_proto.v1 import statement_pb2 as pb

V = TypeVar("V")


class BadFact(ValueError):
    """A fact of an undeclared shape: names kind, attribute and what was expected, never the value."""


_EXPECTED = {
    Type.FLAG: "a bool",
    Type.WHOLE: "an int of 64 bits",
    Type.NUMBER: f"a number, at most {MAX_COUNT}",
    Type.TEXT: f"a text of 1 to {MAX_TEXT} characters",
    Type.TIME: "an aware datetime in UTC",
    Type.WORDS: "a list of texts",
    Type.PSEUDONYM: f"a clear text of 1 to {MAX_TEXT} characters",
}


def present(attributes: Mapping[str, V | None]) -> dict[str, V]:
    """Without what is None, and `class_` as `class`."""
    return {name.removesuffix("_"): value for name, value in attributes.items() if value is not None}


def label(where: str, text: object) -> str:
    """A text of 1 to 1000 characters that UTF-8 can hold; raises BadFact."""
    if not isinstance(text, str) or not 0 < len(text) <= MAX_TEXT or not _is_unicode(text):
        raise BadFact(f"{where}: expected a text of 1 to {MAX_TEXT} characters")
    return text


def checked(where: str, attribute: Attribute, value: object) -> bool | int | float | str | datetime | list[str]:
    """The value where it is of the attribute's type; raises BadFact. Values never stand in the message."""
    match attribute.type, value:
        case Type.FLAG, bool():
            return value
        case Type.WHOLE, int() if not isinstance(value, bool) and -(2**63) <= value < 2**63:
            return value
        case Type.NUMBER, int() | float() if not isinstance(value, bool) and abs(value) <= MAX_COUNT:
            return float(value)
        case ((Type.TEXT | Type.PSEUDONYM), str()) if 0 < len(value) <= MAX_TEXT and _is_unicode(value):
            return value
        case Type.TIME, datetime() if value.utcoffset() == timedelta(0):
            return value
        case Type.WORDS, list() | tuple() if all(isinstance(word, str) and word for word in value):
            return [label(where, word) for word in value]
    raise BadFact(f"{where}: expected {_EXPECTED[attribute.type]}, not this {type(value).__name__}")


def attribute_of(where: str, attribute: Attribute, value: object) -> pb.Value:
    """The value as it travels between reader and agent; raises BadFact."""
    match checked(where, attribute, value):
        case bool() as flag:
            return pb.Value(flag=flag)
        case int() as whole:
            return pb.Value(whole=whole)
        case float() as number:
            return pb.Value(number=number)
        case datetime() as moment:
            return pb.Value(time_ms=round(moment.timestamp() * 1000))
        case list() as words:
            return pb.Value(words=pb.Words(word=words))
        case text:
            return pb.Value(text=text)


def _is_unicode(text: str) -> bool:
    """Without lone surrogates, which a wrongly decoded file brings and UTF-8 refuses."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
