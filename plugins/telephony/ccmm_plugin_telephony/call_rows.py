"""Rows of a call-detail table → contacts: one for each time a call entered a queue, or for a call that no queue took.

What a table says in its own words is declared: no word is guessed, and a row that cannot be read fails the run. A
negative duration, which real exports have, is not taken and told of; the call itself counts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self, cast, get_args

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_telephony.contact import Contact, Outcome
from ccmm_plugin_telephony.odd import Odd, seconds_in, split
from ccmm_plugin_telephony.queue_facts import EXTRAS, WAITS
from ccmm_proto.kinds import Attribute, Type
from ccmm_tables.columns import Field, Row, joined
from ccmm_tables.declared import Declared

WAITED = ("answered", "abandoned")  # without its wait, such a call is in no service level
ENDS = ("agent", "caller", "system", "transfer")
DIRECTIONS = ("in", "out", "internal")
LASTING = ("wait", "talk", "hold", "after_call")
WORDS: Mapping[str, tuple[str, ...]] = {
    "outcome": get_args(Outcome),
    "ended_by": ENDS,
    "direction": DIRECTIONS,
}
_TEXTS = ("call", "queue", "agent", "outcome", "ended_by", "direction", "number", "shown_number")
_FLAGS = ("answered", "transferred", "from_ivr", "on_standby")
_TYPES = {
    **dict.fromkeys(_TEXTS, Type.TEXT),
    **dict.fromkeys(_FLAGS, Type.FLAG),
    **dict.fromkeys(("answered_at", "ended_at"), Type.TIME),
    **dict.fromkeys(LASTING, Type.NUMBER),
    "rings": Type.WHOLE,
}
ATTRIBUTES = {name: Attribute(type=type, optional=name != "call") for name, type in _TYPES.items()}
_DAY = timedelta(days=1)

System = Literal["acd", "carrier", "dialler"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRows:
    """The declared columns of calls, and how a row is read."""

    declared: Declared
    others: Declared  # without the durations
    lasting: tuple[Field, ...]
    started: tuple[str, ...]
    system: str = "acd"
    staff: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_options(cls, options: Options, declared: Declared, started: tuple[str, ...]) -> Self:
        """Raises BadOption for a mapping that leaves out what every call has, or a word that is none."""
        system = options.text("system", "acd")
        if system not in get_args(System):
            raise BadOption("system", f"one of {', '.join(get_args(System))}")
        names = declared.names
        for name, why in (("call", "the id of each call"), ("queue", "the queue, or a constant")):
            if name not in names and (name == "call" or system == "acd"):
                raise BadOption(f"columns.{name}", why)
        if not names & {"outcome", "answered", "answered_at"}:
            raise BadOption("columns.outcome", "`outcome`, `answered` or `answered_at`: was the call answered?")
        if "wait" not in names and not {"answered_at", "ended_at"} <= names:
            raise BadOption("columns.wait", "`wait`, or both `answered_at` and `ended_at`: how long did it wait?")
        others, lasting = split(declared, LASTING)
        for one in others.fields:
            _refuse_other_words(one)
        return cls(declared=declared, others=others, lasting=lasting, started=started, system=system)

    @property
    def told(self) -> frozenset[str]:
        """The measures that this table tells; of the others nothing is stated, not even zero."""
        names = self.declared.names
        found = {"calls_offered", "calls_answered", "calls_abandoned", *WAITS}
        needs = {
            "calls_left": {"outcome", "ended_by"} & names,
            "calls_transferred": "transferred" in names or "transfer" in self._words("ended_by"),
            "agent_releases": "agent" in self._words("ended_by"),
            "ring_no_answer": "rings" in names,
            "talk_time": self._tells_talk,
            "short_calls": self._tells_talk,
            "hold_time": "hold" in names,
            "after_call_time": "after_call" in names,
            **{measure: measure.removeprefix("calls_") in names for measure in EXTRAS},
        }
        return frozenset(found | {measure for measure, is_told in needs.items() if is_told})

    @property
    def _tells_talk(self) -> bool:
        return "talk" in self.declared.names or {"answered_at", "ended_at"} <= self.declared.names

    def _words(self, name: str) -> set[str]:
        """The words that a column can give: those that are declared, or all."""
        for one in self.declared.fields:
            if one.name == name:
                return set(map(str, one.words.values())) if one.words is not None else set(WORDS[name])
        return set()

    def contact(self, row: Row, at: datetime, times: LocalTimes, odd: Odd) -> Contact:
        """What a row says. Raises BadTable."""
        lasting = {one.name: seconds_in(row, one, odd) for one in self.lasting}
        said: dict[str, object] = dict(self.others.attributes(row, times))
        answered_at, ended_at = (self._moment(said, name, at) for name in ("answered_at", "ended_at"))
        outcome = self._outcome(row, said, ended_at)
        agent = cast(str | None, said.get("agent"))
        answered = outcome == "answered"
        transferred = bool(said.get("transferred"))
        until = answered_at if answered else ended_at
        direction = self._direction(said)
        is_figured = bool(said.get("queue")) and direction != "out"
        if is_figured and outcome in WAITED and not self._tells_wait(row, until):
            raise BadTable("no cell tells how long the call waited", row=row.number)
        return Contact(
            call=str(said["call"]),
            queue=cast(str | None, said.get("queue")),
            entered_s=int(at.timestamp()),
            outcome=outcome,
            agent=self.staff.get(agent, agent) if agent is not None else None,
            wait_s=_wait(outcome, lasting, at, until, odd),
            talk_s=_talk(lasting, answered_at, ended_at, odd) if answered else None,
            hold_s=_rounded(lasting.get("hold")) if answered else None,
            after_s=_rounded(lasting.get("after_call")) if answered else None,
            ended_by="transfer" if transferred else cast(str | None, said.get("ended_by")),
            unanswered_rings=cast(int, said.get("rings", 0)),
            direction=direction,
            system=self.system,
            number=cast(str | None, said.get("number")),
            shown_number=cast(str | None, said.get("shown_number")),
            from_ivr=bool(said.get("from_ivr")),
            on_standby=bool(said.get("on_standby")),
        )

    def _tells_wait(self, row: Row, until: datetime | None) -> bool:
        column = next((one for one in self.lasting if one.name == "wait"), None)
        return until is not None if column is None else joined(row, column.columns) is not None

    def _direction(self, said: Mapping[str, object]) -> str | None:
        if "direction" in self.declared.names:
            return cast(str | None, said.get("direction"))
        return "in" if said.get("queue") else None

    def _outcome(self, row: Row, said: Mapping[str, object], ended_at: datetime | None) -> Outcome:
        names = self.declared.names
        if "outcome" in names:
            if said.get("outcome") not in get_args(Outcome):
                raise BadTable(f"no word of {', '.join(get_args(Outcome))}: `values.outcome`", row=row.number)
            return cast(Outcome, said["outcome"])
        if "answered" in names and "answered" not in said:
            raise BadTable("the cell is empty that says whether the call was answered", row=row.number)
        if said.get("answered", "answered_at" in said and "answered" not in names):
            return "answered"
        if "ended_at" in names and ended_at is None:
            return "waiting"
        return "left" if said.get("ended_by") == "system" else "abandoned"

    def _moment(self, said: Mapping[str, object], name: str, at: datetime) -> datetime | None:
        """With the date of the start, a moment before the start is past midnight."""
        found = said.get(name)
        if not isinstance(found, datetime):
            return None
        columns = next(one.columns for one in self.declared.fields if one.name == name)
        return found + _DAY if found < at and set(columns) & set(self.started) else found


def _refuse_other_words(one: Field) -> None:
    allowed = WORDS.get(one.name)
    given = [] if allowed is None else [*(one.words or {}).values()]
    if one.constant is not None:
        given.append(one.constant)
    if allowed is not None and any(word not in allowed for word in given):
        raise BadOption(f"values.{one.name}", f"words of {', '.join(allowed)}")


def _wait(
    outcome: Outcome, lasting: Mapping[str, float | None], at: datetime, until: datetime | None, odd: Odd
) -> int | None:
    """Whole seconds, rounded up: a wait that was longer than a limit never stands within it."""
    if outcome == "waiting":
        return None
    waited = lasting.get("wait")
    if "wait" not in lasting and until is not None:
        waited = (until - at).total_seconds()
    if waited is not None and waited < 0:
        odd.negative += 1
        return None
    return None if waited is None else math.ceil(waited)


def _talk(
    lasting: Mapping[str, float | None], answered_at: datetime | None, ended_at: datetime | None, odd: Odd
) -> int | None:
    """Whole seconds, cut off: a talk of 9.6 s is a short one. Between two times the hold is no talk."""
    if "talk" in lasting:
        talked = lasting["talk"]
        return None if talked is None else int(talked)
    if answered_at is None or ended_at is None:
        return None
    talked = (ended_at - answered_at).total_seconds()
    if talked < 0:
        odd.negative += 1
        return None
    return max(0, int(talked - (lasting.get("hold") or 0)))


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
