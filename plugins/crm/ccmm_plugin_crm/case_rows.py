"""Rows of a ticket table → cases, by a declared column mapping. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, cast

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_crm.cases import CLAIMS, CLASSES, ORIGINS, Case
from ccmm_proto.kinds import Attribute, Type
from ccmm_tables.columns import Row
from ccmm_tables.declared import Declared

ROUNDED = timedelta(minutes=1)  # a closing told in minutes may stand before an opening told in seconds
WORDS = {"class": CLASSES, "origin": ORIGINS, "claim": CLAIMS, "channel": ("app", "chat", "mail", "social", "voice")}
_TEXTS = ("case", "topic", "ref", "queue", "call", "contact", "customer", "number", "agent", *WORDS)
_TIMES = ("due", "first_due", "closed", "told", "closed_before", "reopened_at", "sampled")
_TYPES = {
    **dict.fromkeys(_TEXTS, Type.TEXT),
    **dict.fromkeys(_TIMES, Type.TIME),
    **dict.fromkeys(("first_contact", "relabelled", "open", "reopened", "wrong"), Type.FLAG),
    **dict.fromkeys(("due_moves", "bare_pauses"), Type.WHOLE),
}
ATTRIBUTES = {name: Attribute(type=type, optional=name != "case") for name, type in _TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRows:
    """The declared columns of cases, and how a row is read. `every_contact`: each contact makes a row."""

    declared: Declared
    every_contact: bool

    @classmethod
    def from_options(cls, options: Options, declared: Declared) -> Self:
        """Raises BadOption."""
        names, every_contact = declared.names, options.flag("every_contact", False)
        if "case" not in names:
            raise BadOption("columns.case", "the number of each case")
        if ("closed_before" in names) != ("reopened_at" in names) or {"reopened", "reopened_at"} <= names:
            raise BadOption("columns.reopened_at", "`reopened_at` and `closed_before`; or `reopened` (yes, no)")
        if ("sampled" in names) != ("wrong" in names):
            raise BadOption("columns.wrong", "`sampled` (when) and `wrong` (yes, no)")
        if every_contact and not {"customer", "topic"} <= names:
            raise BadOption("every_contact", "the columns `customer` and `topic`: who asks about what again?")
        for one in declared.fields:
            given = [*(one.words or {}).values(), *([one.constant] if one.constant is not None else [])]
            if one.name in WORDS and any(word not in WORDS[one.name] for word in given):
                raise BadOption(f"values.{one.name}", f"words of {', '.join(WORDS[one.name])}")
        return cls(declared=declared, every_contact=every_contact)

    @property
    def told(self) -> frozenset[str]:
        """The measures that this table tells; of the others nothing is stated, not even zero."""
        names = self.declared.names
        needs = {
            "complaints": {"class"},
            "complaints_due": {"class", "due"},
            "complaints_on_time": {"class", "due", "closed"},
            "cases_due": {"due"},
            "cases_on_time": {"due", "closed"},
            "cases_closed": {"closed"},
            "cases_sampled": {"sampled"},
            "cases_wrong": {"sampled"},
            "issues_marked_resolved": {"first_contact"},
        }
        found = {measure for measure, wanted in needs.items() if wanted <= names}
        if "due" in names and names & {"due_moves", "first_due"}:
            found.add("cases_due_moved")
        if "closed" in names and names & {"reopened", "reopened_at"}:
            found.add("cases_reopened")
        if self.every_contact or "first_contact" in names:
            found.add("issues")
        if self.every_contact:
            found.add("issues_resolved_first")
        return frozenset(found)

    def case(self, row: Row, opened: datetime, times: LocalTimes) -> Case:
        """Raises BadTable."""
        said: dict[str, object] = dict(self.declared.attributes(row, times))
        for name, words in WORDS.items():
            if said.get(name, words[0]) not in words:
                raise BadTable(f"no word of {', '.join(words)}: `values.{name}`", row=row.number)
        if "open" in self.declared.names and "open" not in said:
            raise BadTable("the cell is empty that says whether the case is open", row=row.number)
        closed = None if said.get("open") else _time(said, "closed")
        told = _time(said, "told") if "told" in self.declared.names else closed
        if any(at is not None and at < opened - ROUNDED for at in (closed, told)):
            raise BadTable("closed or told before it was opened", row=row.number)
        return Case(
            key=str(said["case"]),
            opened=opened,
            **{name: _text(said, name) for name in _TEXTS if name not in ("case", "class")},
            class_=_text(said, "class"),
            first_contact=cast(bool | None, said.get("first_contact")),
            relabelled=cast(bool | None, said.get("relabelled")),
            due=_time(said, "due"),
            closed=closed,
            told=told,
            due_moves=_due_moves(row, said),
            bare_pauses=_whole(row, said, "bare_pauses"),
            reopened=_reopened(said),
            was_reopened=bool(said.get("reopened")),
            sampled=_time(said, "sampled"),
            wrong=cast(bool | None, said.get("wrong")),
        )


def _text(said: dict[str, object], name: str) -> str | None:
    return cast(str | None, said.get(name))


def _time(said: dict[str, object], name: str) -> datetime | None:
    return cast(datetime | None, said.get(name))


def _whole(row: Row, said: dict[str, object], name: str) -> int | None:
    found = cast(int | None, said.get(name))
    if found is not None and found < 0:
        raise BadTable(f"{name}: a number below zero", row=row.number)
    return found


def _due_moves(row: Row, said: dict[str, object]) -> int | None:
    """As counted; or 1 where the due time is later than the first one was, or was taken away."""
    counted, first, due = _whole(row, said, "due_moves"), _time(said, "first_due"), _time(said, "due")
    if first is None:
        return counted
    return max(counted or 0, int(due is None or due > first))


def _reopened(said: dict[str, object]) -> tuple[tuple[datetime, datetime], ...]:
    before, again = _time(said, "closed_before"), _time(said, "reopened_at")
    return ((before, again),) if before is not None and again is not None else ()
