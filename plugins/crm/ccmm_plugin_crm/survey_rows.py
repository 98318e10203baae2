"""Rows of a survey → who was asked, who answered, how; and invitations that were due but not made. Pure.

A row is an invitation, perhaps with its answer. No answer is no satisfied one: what counts as favourable, as another
answer and as none is declared, and told with each run. A row may answer three questions: satisfaction, recommendation
(0 to 10, whichever the survey: on another scale promoters are others) and effort.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self, cast

from ccmm_agent import facts
from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_crm.survey_scale import DETRACTOR_TO, RECOMMENDATION, Scale
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
RECOMMENDED = ("nps_promoters", "nps_passives", "nps_detractors")
EFFORT = ("effort_answered", "effort_easy")
INVITES = ("invites_due", "invites_skipped")
_DIMENSIONS = ("channel", "queue", "client", "drawn", "team", "site")
QUESTIONS = ("answer", "recommendation", "effort")
_TEXTS = ("id", *QUESTIONS, "cell", "call", "contact", "agent", *_DIMENSIONS)
_TYPES = {
    **dict.fromkeys(_TEXTS, Type.TEXT),
    **dict.fromkeys(("invited", "transferred", "ended_by_agent", "outsider"), Type.FLAG),
    "talk": Type.NUMBER,
}
ATTRIBUTES = {name: Attribute(type=type, optional=True) for name, type in _TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One who was to be asked. An answer that is None: there is none (yet)."""

    at: datetime
    invited: bool
    answer: str | None
    recommendation: int | None
    effort: int | None
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
    effort_scale: Scale | None
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
        known = MEASURES[WHO[who][1]].dimensions
        if unknown := sorted(set(_DIMENSIONS) & names - known.keys()):
            raise BadOption(f"columns.{unknown[0]}", f"one of {', '.join(known)} for {who}")
        scale = Scale.from_options(options.table("scale", None), "scale", "favourable")
        effort_scale = Scale.from_options(options.table("effort_scale", None), "effort_scale", "easy")
        _refuse_questions(declared, who, scale, effort_scale)
        found = cls(
            declared=declared,
            who=who,
            scale=scale,
            effort_scale=effort_scale,
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
    def stated(self) -> Mapping[str, tuple[str, ...]]:
        """The measures of the answers to each question that has a column."""
        by_question = {"answer": WHO[self.who][1:], "recommendation": RECOMMENDED, "effort": EFFORT}
        return {question: measures for question, measures in by_question.items() if question in self.declared.names}

    @property
    def counts_asked(self) -> tuple[str | None, ...]:
        """The measures of those who were asked, by the same questions."""
        by_question = {"answer": WHO[self.who][0], "recommendation": "nps_asked", "effort": "effort_asked"}
        return tuple(by_question[question] for question in self.stated)

    @property
    def told(self) -> frozenset[str]:
        """The measures that these rows tell."""
        found = {measure for measures in self.stated.values() for measure in measures}
        if self.effort_scale is not None and self.effort_scale.has_points:
            found.add("effort_points")
        if not self.answers_only:
            found.update(measure for measure in self.counts_asked if measure is not None)
        if self.who == "clients" and not self.answers_only:
            found.add("client_contacts")
        return frozenset(found | set(INVITES if self.has_cells else ()))

    def note(self) -> str:
        """What counts as favourable, for the detail of each run."""
        found = []
        if self.scale is not None:
            found.append(self.scale.words("favourable"))
        elif "answer" in self.declared.names:
            words = _words_of(self.declared, "answer") or {}
            good = sum(word == "favourable" for word in words.values())
            found.append(f"favourable are {good} of {len(words)} declared answers")
        if "recommendation" in self.declared.names:
            found.append(RECOMMENDATION.words("promoters"))
        if self.effort_scale is not None:
            found.append(self.effort_scale.words("easy"))
        return "; ".join(found)

    def asked(self, row: Row, at: datetime, times: LocalTimes) -> Asked:
        """Raises BadTable."""
        said: dict[str, object] = dict(self.declared.attributes(row, times))
        if "invited" in self.declared.names and "invited" not in said:
            raise BadTable("the cell is empty that says whether the contact was invited", row=row.number)
        if self.who == "clients" and not self.answers_only and "outsider" not in said:
            raise BadTable("the cell is empty that says who asked", row=row.number)
        answer = cast(str | None, said.get("answer"))
        if answer is not None and self.scale is not None:
            is_good = self.scale.is_good(self.scale.number(row.number, answer))
            answer = "favourable" if is_good else "other"
        numbers = {
            question: scale.number(row.number, str(said[question]))
            for question, scale in (("recommendation", RECOMMENDATION), ("effort", self.effort_scale))
            if scale is not None and question in said
        }
        invited = bool(said.get("invited", True))
        if (answer in ("favourable", "other") or numbers) and not invited:
            raise BadTable("an answer of somebody who was not invited", row=row.number)
        return Asked(
            at=at,
            invited=invited,
            answer=answer,
            recommendation=numbers.get("recommendation"),
            effort=numbers.get("effort"),
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
    told, counts_asked = rows.told, rows.counts_asked
    for one in asked:
        if one.cell is not None:
            slots.add("invites_due", one.at, 1.0, cell=one.cell)
            if not one.invited:
                slots.add("invites_skipped", one.at, 1.0, cell=one.cell)
        if "client_contacts" in told:
            slots.add("client_contacts", one.at, 1.0, **one.dimensions)
        counts = one.outsider if rows.who == "clients" else one.invited
        for measure in counts_asked:
            if measure in told and counts:
                slots.add(measure, one.at, 1.0, **one.dimensions)
        for measure in _answered(one, rows):
            slots.add(measure, one.at, 1.0, **one.dimensions)
        if one.effort is not None and rows.effort_scale is not None and rows.effort_scale.has_points:
            points = float(rows.effort_scale.effort_points(one.effort))
            slots.add("effort_points", one.at, points, **one.dimensions)


def _answered(one: Asked, rows: SurveyRows) -> Iterator[str]:
    """The measures that count each answer of a row."""
    if one.answer in ("favourable", "other"):
        yield WHO[rows.who][1]
    if one.answer == "favourable":
        yield WHO[rows.who][2]
    if one.recommendation is not None:
        is_low = one.recommendation <= DETRACTOR_TO
        yield RECOMMENDED[0 if RECOMMENDATION.is_good(one.recommendation) else 2 if is_low else 1]
    if one.effort is not None and rows.effort_scale is not None:
        yield EFFORT[0]
        if rows.effort_scale.is_good(one.effort):
            yield EFFORT[1]


def marks_of(asked: list[Asked]) -> Iterator[facts.Row]:
    """That a call or contact was invited, for the cross-check with the calls."""
    for one in asked:
        key = one.contact or one.call
        if one.invited and key is not None:
            named = {"call": one.call, "contact": one.contact, "agent": one.agent}
            yield key, one.at, {"mark": "invited", **named, "queue": one.dimensions.get("queue")}


def _words_of(declared: Declared, name: str) -> Mapping[str, object] | None:
    return next((one.words for one in declared.fields if one.name == name), None)


def _refuse_questions(declared: Declared, who: str, scale: Scale | None, effort_scale: Scale | None) -> None:
    """Raises BadOption for questions without a scale, and where bad answers would fall out unseen."""
    words = _words_of(declared, "answer")
    if "answer" in declared.names and (scale is None) == (words is None):
        raise BadOption("columns.answer", "either `values.answer` or `scale` beside it")
    if not declared.names & set(QUESTIONS) or ("answer" not in declared.names and scale is not None):
        raise BadOption("columns.answer", "a column, or one of recommendation or effort")
    if any(word not in ANSWERS for word in (words or {}).values()):
        raise BadOption("values.answer", f"words of {', '.join(ANSWERS)}")
    for question in QUESTIONS[1:]:
        if question in declared.names and who != "customers":
            raise BadOption(f"columns.{question}", 'a question to customers: who = "customers"')
        if _words_of(declared, question) is not None:
            raise BadOption(f"values.{question}", "whole numbers: nothing stands for another answer")
    if ("effort" in declared.names) != (effort_scale is not None):
        raise BadOption("effort_scale", "beside the column `effort`: its least, its most, and what is easy")
    scales = {"answer": scale, "recommendation": RECOMMENDATION, "effort": effort_scale}
    for field in declared.fields:
        if field.name in scales:
            _refuse_hidden(declared, field.columns, scales[field.name])


def _refuse_hidden(declared: Declared, columns: tuple[str, ...], scale: Scale | None) -> None:
    """An answer of the scale is never "nothing", and no row is left out for what was answered."""
    for column in columns:
        if column in declared.where:
            raise BadOption("where", f"not {column!r}: an answer decides nothing about whether its row counts")
        nothing = declared.absent.get(column, frozenset()) | declared.absent.get("*", frozenset())
        if scale is not None and any(scale.holds(text) for text in nothing):
            raise BadOption("absent", f"not an answer of the scale of {column!r}")
