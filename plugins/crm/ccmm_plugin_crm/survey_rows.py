"""Rows of a survey → who was asked, who answered, how; and invitations that were due but not made. Pure.

A row is an invitation, perhaps with its answer. No answer is no satisfied one: what counts as favourable, as another
answer and as none is declared, and told with each run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self, cast

from ccmm_agent import facts
from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.kinds import Attribute, Type
from ccmm_proto.measures import MEASURES
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared
from ccmm_tables.slots import Slots

ANSWERS = ("favourable", "other", "none")
LONG_CALL_S = 600
# who is asked -> measures of the asked, the answers, the favourable ones
WHO: Mapping[str, tuple[str | None, str, str]] = {
    "customers": ("survey_asked", "survey_answered", "survey_favourable"),
    "customers_by_outsiders": (None, "outside_answered", "outside_favourable"),
    "clients": ("client_contacts_asked", "client_answered", "client_favourable"),
    "staff": ("staff_asked", "staff_answered", "staff_favourable"),
}
INVITES = ("invites_due", "invites_skipped")
_DIMENSIONS = ("channel", "queue", "client", "drawn", "team", "site")
_TEXTS = ("id", "answer", "cell", "call", "contact", "agent", *_DIMENSIONS)
_TYPES = {
    **dict.fromkeys(_TEXTS, Type.TEXT),
    **dict.fromkeys(("invited", "transferred", "ended_by_agent", "outsider"), Type.FLAG),
    "talk": Type.NUMBER,
}
ATTRIBUTES = {name: Attribute(type=type, optional=True) for name, type in _TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Answers as whole numbers: which of them may stand there, and which are favourable."""

    least: int
    most: int
    low: int
    high: int

    @classmethod
    def from_options(cls, options: Options | None) -> Self | None:
        """The option table `scale`. Raises BadOption for anything but one end of the scale."""
        if options is None:
            return None
        least, most = options.whole("least"), options.whole("most", most=100)
        up, down = options.whole("favourable_from", None), options.whole("favourable_to", None)
        if (up is None) == (down is None):
            raise BadOption("scale.favourable_from", "`favourable_from` or `favourable_to`: which end is the good one?")
        low, high = (least, down) if up is None else (up, most)
        if high is None or not least <= low <= high <= most or (low, high) == (least, most):
            raise BadOption("scale.favourable_from", "a part of the scale")
        return cls(least=least, most=most, low=low, high=high)

    def word(self, row: Row, text: str) -> str:
        """`favourable` or `other`. Raises BadTable for what is not of the scale."""
        if not (text.isascii() and text.isdecimal() and len(text) < 4 and self.least <= int(text) <= self.most):
            raise BadTable(f"no whole number from {self.least} to {self.most}", row=row.number)
        return "favourable" if self.low <= int(text) <= self.high else "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One who was to be asked. `answer` None: there is none (yet)."""

    at: datetime
    invited: bool
    answer: str | None
    id: str | None
    cell: str | None
    outsider: bool | None
    call: str | None
    contact: str | None
    agent: str | None
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRows:
    """The declared columns of a survey, and how a row is read."""

    declared: Declared
    who: str
    scale: Scale | None
    answers_only: bool
    long_call_s: int

    @classmethod
    def from_options(cls, options: Options, declared: Declared) -> Self:
        """Raises BadOption."""
        names, who = declared.names, options.text("who", "customers")
        if who not in WHO:
            raise BadOption("who", f"one of {', '.join(WHO)}")
        answers_only = options.flag("answers_only", False)
        if answers_only and "invited" in names:
            raise BadOption("answers_only", "no column `invited` beside it")
        if who == "clients" and ("outsider" in names) == answers_only:
            raise BadOption("columns.outsider", "was the contact asked by someone outside the account team?")
        if who != "clients" and "outsider" in names:
            raise BadOption("columns.outsider", 'a survey of clients: who = "clients"')
        scale = Scale.from_options(options.table("scale", None))
        words = next((one.words for one in declared.fields if one.name == "answer"), None)
        if "answer" not in names or (scale is None) == (words is None):
            raise BadOption("columns.answer", "a column, and either `values.answer` or `scale`")
        if any(word not in ANSWERS for word in (words or {}).values()):
            raise BadOption("values.answer", f"words of {', '.join(ANSWERS)}")
        known = MEASURES[WHO[who][1]].dimensions
        if unknown := sorted(set(_DIMENSIONS) & names - known.keys()):
            raise BadOption(f"columns.{unknown[0]}", f"one of {', '.join(known)} for {who}")
        found = cls(
            declared=declared,
            who=who,
            scale=scale,
            answers_only=answers_only,
            long_call_s=options.seconds("long_call", LONG_CALL_S),
        )
        if found.has_cells and ("invited" not in names or who != "customers"):
            raise BadOption("columns.invited", "was the customer invited: each contact that was due makes a row")
        return found

    @property
    def has_cells(self) -> bool:
        """Are the contacts told apart by how they went?"""
        return bool(self.declared.names & {"cell", "talk", "transferred", "ended_by_agent"})

    @property
    def told(self) -> frozenset[str]:
        """The measures that these rows tell."""
        asked, answered, favourable = WHO[self.who]
        found = {answered, favourable, *(() if asked is None or self.answers_only else (asked,))}
        if self.who == "clients" and not self.answers_only:
            found.add("client_contacts")
        return frozenset(found | set(INVITES if self.has_cells else ()))

    def note(self) -> str:
        """What counts as favourable, for the detail of each run."""
        if self.scale is not None:
            one = self.scale
            return f"favourable are answers from {one.low} to {one.high} of {one.least} to {one.most}"
        words = next(one.words for one in self.declared.fields if one.name == "answer") or {}
        return f"favourable are {sum(word == 'favourable' for word in words.values())} of {len(words)} declared answers"

    def asked(self, row: Row, at: datetime, times: LocalTimes) -> Asked:
        """Raises BadTable."""
        said: dict[str, object] = dict(self.declared.attributes(row, times))
        if "invited" in self.declared.names and "invited" not in said:
            raise BadTable("the cell is empty that says whether the contact was invited", row=row.number)
        if self.who == "clients" and not self.answers_only and "outsider" not in said:
            raise BadTable("the cell is empty that says who asked", row=row.number)
        answer = cast(str | None, said.get("answer"))
        if answer is not None and self.scale is not None:
            answer = self.scale.word(row, answer)
        invited = bool(said.get("invited", True))
        if answer in ("favourable", "other") and not invited:
            raise BadTable("an answer of somebody who was not invited", row=row.number)
        return Asked(
            at=at,
            invited=invited,
            answer=answer,
            id=cast(str | None, said.get("id")),
            cell=self._cell(row, said),
            outsider=cast(bool | None, said.get("outsider")),
            call=cast(str | None, said.get("call")),
            contact=cast(str | None, said.get("contact")),
            agent=cast(str | None, said.get("agent")),
            dimensions={name: str(said[name]) for name in _DIMENSIONS if name in said},
        )

    def _cell(self, row: Row, said: Mapping[str, object]) -> str | None:
        """As the table names it; or by how the call went."""
        if not self.has_cells:
            return None
        if "cell" in self.declared.names:
            if "cell" not in said:
                raise BadTable("the cell is empty that tells how the contact went", row=row.number)
            return str(said["cell"])
        talk = cast(float | None, said.get("talk"))
        words = (
            ("long", talk is not None and talk >= self.long_call_s),
            ("transferred", bool(said.get("transferred"))),
            ("ended by agent", bool(said.get("ended_by_agent"))),
        )
        return ", ".join(word for word, holds in words if holds) or "plain"


def add_asked(slots: Slots, asked: list[Asked], rows: SurveyRows) -> None:
    """Adds each row to the time at which it was asked: so answers stand beside the invitation that they answer."""
    invited, answered, favourable = WHO[rows.who]
    for one in asked:
        if one.cell is not None:
            slots.add("invites_due", one.at, 1.0, cell=one.cell)
            if not one.invited:
                slots.add("invites_skipped", one.at, 1.0, cell=one.cell)
        if "client_contacts" in rows.told:
            slots.add("client_contacts", one.at, 1.0, **one.dimensions)
        counts = one.outsider if rows.who == "clients" else one.invited
        if invited is not None and invited in rows.told and counts:
            slots.add(invited, one.at, 1.0, **one.dimensions)
        if one.answer in ("favourable", "other"):
            slots.add(answered, one.at, 1.0, **one.dimensions)
        if one.answer == "favourable":
            slots.add(favourable, one.at, 1.0, **one.dimensions)


def marks_of(asked: list[Asked]) -> Iterator[facts.Row]:
    """That a call or contact was invited, for the cross-check with the calls."""
    for one in asked:
        key = one.contact or one.call
        if one.invited and key is not None:
            named = {"call": one.call, "contact": one.contact, "agent": one.agent}
            yield key, one.at, {"mark": "invited", **named, "queue": one.dimensions.get("queue")}
