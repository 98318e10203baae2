"""Records of a ticket system as cases, by the fields that the options name. Pure; raises Malformed.

"Nothing" is absent, null, false or empty, whatever the field holds. A time without a zone is UTC, a link is
[number, name].
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self, cast
from zoneinfo import ZoneInfo

from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_crm.cases import CLAIMS, CLASSES, ORIGINS, Case
from ccmm_proto.errors import Malformed

WORDS = {"class": CLASSES, "origin": ORIGINS, "claim": CLAIMS, "channel": ("app", "chat", "mail", "social", "voice")}
_NAMES = ("topic", "queue")  # told by the name of what a field links to
_IDS = ("ref", "call", "contact", "customer", "number", "agent")  # told by its number
_TIMES = ("due", "closed", "told")
_FLAGS = ("first_contact", "relabelled", "open")
FIELDS = (*WORDS, *_NAMES, *_IDS, *_TIMES, *_FLAGS)
MOST_TEXT = 1000
OTHER = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFields:
    """Attribute of a case -> field of the model, and what the values mean."""

    fields: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    opened: str

    @classmethod
    def from_options(cls, options: Options, opened: str) -> Self:
        """Raises BadOption. `opened` is the system's own field for it."""
        told = options.table("fields")
        fields = {name: field for name in FIELDS if (field := told.text(name, None))}
        given = options.table("values", None)
        values: dict[str, Mapping[str, str]] = {}
        for name, words in WORDS.items():
            table = None if given is None else given.table(name, None)
            values[name] = {} if table is None else {word: table.text(word) for word in table.keys()}  # noqa: SIM118
            if any(word not in words for word in values[name].values()):
                raise BadOption(f"values.{name}", f"words of {', '.join(words)}")
            if values[name] and name not in fields:
                raise BadOption(f"fields.{name}", "the field whose values are named")
        return cls(fields=fields, values=values, opened=told.text("opened", opened))

    @property
    def names(self) -> frozenset[str]:
        """The attributes that are told."""
        return frozenset(self.fields)

    def wanted(self) -> tuple[str, ...]:
        """Every field that is asked for, once."""
        return tuple(dict.fromkeys((self.opened, *self.fields.values())))

    def case(self, key: str, row: Mapping[str, object], users: "Users", zone: ZoneInfo) -> Case:
        """One record. What is due on a day is due at its end, in the center's zone."""
        opened = time_in(row, self.opened, zone)
        if opened is None:
            raise Malformed(f"a record without {self.opened}")
        ids = {name: self._id(row, name, users) for name in _IDS}
        words = {name: self.word(name, self._value(row, name)) for name in WORDS}
        closed = None if self._value(row, "open") else self._told(row, "closed", zone)
        told = self._told(row, "told", zone) if "told" in self.fields else closed
        if any(at is not None and at < opened for at in (closed, told)):
            raise Malformed("a record that is closed or told before it was opened")
        return Case(
            key=key,
            opened=opened,
            class_=words["class"],
            origin=words["origin"],
            claim=words["claim"],
            channel=words["channel"],
            topic=_name(self._value(row, "topic")),
            queue=_name(self._value(row, "queue")),
            ref=ids["ref"],
            call=ids["call"],
            contact=ids["contact"],
            customer=ids["customer"],
            number=ids["number"],
            agent=ids["agent"],
            first_contact=self._flag(row, "first_contact"),
            relabelled=self._flag(row, "relabelled"),
            due=self._told(row, "due", zone),
            closed=closed,
            told=told,
        )

    def _value(self, row: Mapping[str, object], name: str) -> object:
        """None where nothing is told, or the field is not asked for."""
        if name not in self.fields:
            return None
        found = row.get(self.fields[name])
        return None if found is None or found is False or found == "" else found

    def word(self, name: str, value: object) -> str | None:
        """Ours for a value of the field of `class`, `origin`, `claim` or `channel`."""
        text = _name(value)
        if text is None:
            return None
        found = self.values[name].get(text) or (text if text in WORDS[name] else self.values[name].get(OTHER))
        if found is None:
            raise Malformed(f'a value of {self.fields[name]} that values.{name} does not name, and no "*" stands there')
        return found

    def _id(self, row: Mapping[str, object], name: str, users: "Users") -> str | None:
        value = self._value(row, name)
        if _is_link(value):
            number = cast(int, cast(Sequence[object], value)[0])
            return users.logins.get(number, str(number)) if self.fields[name] in users.fields else str(number)
        return _name(value)

    def _flag(self, row: Mapping[str, object], name: str) -> bool | None:
        return bool(self._value(row, name)) if name in self.fields else None

    def _told(self, row: Mapping[str, object], name: str, zone: ZoneInfo) -> datetime | None:
        return time_in(row, self.fields[name], zone) if name in self.fields else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """Log-ins of users by their number, and the fields that link to users."""

    logins: Mapping[int, str]
    fields: frozenset[str]


def time_in(row: Mapping[str, object], field: str, zone: ZoneInfo) -> datetime | None:
    """Of a field; None where it holds nothing."""
    found = row.get(field)
    if found is None or found is False or found == "":
        return None
    try:
        if isinstance(found, datetime):
            return found.replace(tzinfo=UTC)
        text = cast(str, found)
        at = datetime.fromisoformat(text)
        if _is_day(text):
            return at.replace(hour=23, minute=59, second=59, tzinfo=zone).astimezone(UTC)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Malformed(f"{field} is no time") from error


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and type(value[0]) is int and isinstance(value[1], str)


def _name(value: object) -> str | None:
    """A text, a number as text, or the name of a link."""
    found = cast(Sequence[object], value)[1] if _is_link(value) else value
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise Malformed("a value of another type")
    text = str(found).strip()
    if len(text) > MOST_TEXT:
        raise Malformed(f"a text of more than {MOST_TEXT} characters")
    return text or None
