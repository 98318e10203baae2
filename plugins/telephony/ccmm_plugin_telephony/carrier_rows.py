"""Rows of a carrier's or SBC's call detail → legs of calls, and legs → attempts, blocked ones and busy channels. Pure.

A call that was tried over several routes has several rows under one id: it is one attempt, and blocked only where no
route let it through. Each leg kept a channel of its trunk busy.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self, cast
from zoneinfo import ZoneInfo

from ccmm_agent import facts
from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_telephony.odd import Odd, seconds_in, split
from ccmm_proto.kinds import Attribute, Type
from ccmm_proto.period import QUARTER_MS, floor_to, from_ms, to_ms
from ccmm_tables.columns import Field, Row
from ccmm_tables.declared import Declared
from ccmm_tables.slots import Reach, Slots

DIRECTIONS = ("in", "out", "internal")
OTHER = "other"  # a called number that is none of the center's
# Q.850: no route, busy, rejected, out of order, no circuit, network out of order, temporary failure, congestion,
# channel not available, precedence, resource not available, capability not available
Q850 = frozenset(["3", "17", "21", "27", "34", "38", "41", "42", "44", "46", "47", "58"])
SIP = frozenset(["403", "404", "408", "486", "500", "502", "503", "504", "600", "603"])
CAUSES = {"q850": Q850, "sip": SIP}
LASTING = ("lasted", "talk")
_TEXTS = ("call", "line", "trunk", "direction", "cause", "party", "callee", "shown_number")
_TYPES = {
    **dict.fromkeys(_TEXTS, Type.TEXT),
    **dict.fromkeys(("answered", "blocked"), Type.FLAG),
    **dict.fromkeys(("answered_at", "ended_at"), Type.TIME),
    **dict.fromkeys(LASTING, Type.NUMBER),
}
ATTRIBUTES = {name: Attribute(type=type, optional=True) for name, type in _TYPES.items()}
_CAUSE = re.compile(r"[0-9]{1,3}", re.ASCII)
_NO_DIGITS = re.compile(r"[^0-9]")
_DAY = timedelta(days=1)
AGAIN = timedelta(hours=4)  # an id that stands again so long after its call is that of another: counters begin anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One row. `ended` None: not told."""

    row: int
    at: datetime
    ended: datetime | None
    call: str | None
    direction: str
    line: str | None
    trunk: str | None
    blocked: bool
    answered: bool | None
    talk_s: int | None
    party: str | None
    shown_number: str | None
    odd: Odd


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierRows:
    """The declared columns, and what counts as blocked, as own line, as registered number, as channels."""

    declared: Declared
    others: Declared  # without the durations
    lasting: tuple[Field, ...]
    started: tuple[str, ...]
    causes: frozenset[str]
    own_causes: bool  # not the usual ones
    lines: tuple[str, ...]
    registered: tuple[str, ...] | None
    channels: Mapping[str, int]

    @classmethod
    def from_options(cls, options: Options, declared: Declared, started: tuple[str, ...]) -> Self:
        """Raises BadOption."""
        names, channels = declared.names, options.table("channels", None)
        known = options.text("causes", "q850")
        if known not in CAUSES:
            raise BadOption("causes", f"one of {', '.join(CAUSES)}")
        if len(names & {"cause", "blocked"}) != 1:
            raise BadOption("columns.cause", "`cause`, or `blocked`: was the call let through?")
        if ("line" in names) != ("lines" in options.keys()):  # noqa: SIM118 - Options is no mapping
            raise BadOption("lines", "the center's own numbers, beside `columns.line`: no other number leaves in clear")
        registered = options.texts("registered", None)
        others, lasting = split(declared, LASTING)
        if registered is not None and "shown_number" not in names:
            raise BadOption("columns.shown_number", "the number that outbound calls show, beside `registered`")
        if channels is not None and ("trunk" not in names or not names & {"ended_at", "lasted"}):
            raise BadOption("columns.trunk", "a column, and `ended_at` or `lasted`, beside `channels`")
        return cls(
            declared=declared,
            others=others,
            lasting=lasting,
            started=started,
            causes=frozenset(options.texts("blocked", tuple(CAUSES[known]))),
            own_causes="blocked" in options.keys(),  # noqa: SIM118 - Options is no mapping
            lines=options.texts("lines", ()),
            registered=registered,
            channels={trunk: channels.whole(trunk, least=1, most=100_000) for trunk in channels.keys()}  # noqa: SIM118
            if channels is not None
            else {},
        )

    def note(self) -> str:
        """For each run: which causes count as blocked, where the center chose them."""
        chosen = ", ".join(sorted(self.causes)) or "none"
        return f"blocked are the causes {chosen}, by the option" if self.own_causes else ""

    @property
    def told(self) -> frozenset[str]:
        """The measures that these rows tell."""
        return frozenset(
            ("carrier_attempts", "carrier_blocked")
            + (("cli_mismatches",) if self.registered is not None else ())
            + (("trunk_busy", "trunk_channels") if self.channels else ())
        )

    def leg(self, row: Row, at: datetime, times: LocalTimes) -> Leg:
        """Raises BadTable."""
        odd = Odd()
        lasting = {one.name: seconds_in(row, one, odd) for one in self.lasting}
        said: dict[str, object] = dict(self.others.attributes(row, times))
        direction = said.get("direction", None if "direction" in self.declared.names else "in")
        if direction not in DIRECTIONS:
            raise BadTable(f"no word of {', '.join(DIRECTIONS)}: `values.direction`", row=row.number)
        answered_at, ended_at = (self._moment(said, name, at, odd) for name in ("answered_at", "ended_at"))
        lasted, talk = lasting.get("lasted"), lasting.get("talk")
        if "talk" not in lasting and answered_at is not None and ended_at is not None:
            talk = max(0.0, (ended_at - answered_at).total_seconds())
        answered = said.get("answered", True if "answered_at" in said else None)
        return Leg(
            row=row.number,
            at=at,
            ended=at + timedelta(seconds=lasted) if lasted is not None else ended_at,
            call=cast(str | None, said.get("call")),
            direction=str(direction),
            line=self._line(said),
            trunk=self._trunk(row, said),
            blocked=self._is_blocked(row, said, bool(answered)),
            answered=None if answered is None else bool(answered),
            talk_s=None if talk is None else int(talk),
            party=cast(str | None, said.get("callee" if direction == "out" and "callee" in said else "party")),
            shown_number=cast(str | None, said.get("shown_number")),
            odd=odd,
        )

    def _trunk(self, row: Row, said: Mapping[str, object]) -> str | None:
        trunk = said.get("trunk")
        if trunk is not None and self.channels and trunk not in self.channels:
            raise BadTable("a trunk without its number of channels: `channels`", row=row.number)
        return cast(str | None, trunk)

    def _line(self, said: Mapping[str, object]) -> str | None:
        line = said.get("line")
        if line is None:
            return None
        return next((own for own in self.lines if digits_of(own) == digits_of(str(line))), OTHER)

    def _is_blocked(self, row: Row, said: Mapping[str, object], answered: bool) -> bool:
        if "blocked" in self.declared.names:
            if "blocked" not in said:
                raise BadTable("the cell is empty that says whether the call was blocked", row=row.number)
            return bool(said["blocked"])
        if answered:
            return False
        cause = str(said.get("cause", "")).strip()
        if not _CAUSE.fullmatch(cause):
            raise BadTable("no release cause: a number, or declare the words under `values.cause`", row=row.number)
        return str(int(cause)) in self.causes

    def _moment(self, said: Mapping[str, object], name: str, at: datetime, odd: Odd) -> datetime | None:
        """With the date of the start, a moment before the start is past midnight."""
        found = said.get(name)
        if not isinstance(found, datetime):
            return None
        columns = next(one.columns for one in self.declared.fields if one.name == name)
        if found < at and set(columns) & set(self.started):
            found += _DAY
        if found < at:
            odd.negative += 1
            return None
        return found


def digits_of(number: str) -> str:
    """A number as digits, without + and signs between them."""
    return _NO_DIGITS.sub("", number)


def slots_of(legs: Iterable[Leg], rows: CarrierRows, reach: Reach, zone: ZoneInfo) -> Slots:
    """What the legs add up to per quarter hour."""
    slots = Slots(zone)
    legs = list(legs)
    for members in _calls(legs):
        first = members[0]
        if first.direction == "in":
            slots.add("carrier_attempts", first.at, number=first.line, trunk=first.trunk)
            if all(leg.blocked for leg in members):
                slots.add("carrier_blocked", first.at, number=first.line, trunk=first.trunk)
        elif first.direction == "out" and rows.registered is not None and not _is_registered(first, rows.registered):
            slots.add("cli_mismatches", first.at, trunk=first.trunk)
    if rows.channels:
        _busy(legs, rows.channels, reach, slots)
    return slots


def call_rows(legs: Iterable[Leg]) -> Iterator[facts.Row]:
    """Calls for the cross-checks, where they have an id."""
    for members in _calls(legs):
        first = members[0]
        if first.call is None:
            continue
        best = next((leg for leg in members if leg.answered), members[-1])
        yield (
            first.call,
            first.at,
            {
                "system": "carrier",
                "call": first.call,
                "number": first.party,
                "shown_number": first.shown_number,
                "direction": first.direction,
                "answered": best.answered if best.answered is not None else False if best.blocked else None,
                "talk": best.talk_s,
            },
        )


def again_told(legs: Iterable[Leg]) -> str:
    """For the detail of a run: how many ids stood for more than one call."""
    calls = Counter(members[0].call for members in _calls(legs) if members[0].call is not None)
    again = sum(n > 1 for n in calls.values())
    return f"{again} call ids stand again hours later, and count as calls of their own" if again else ""


def _calls(legs: Iterable[Leg]) -> list[list[Leg]]:
    """The legs of each call, both by time. A leg without an id is a call of its own, and one long after the others."""
    calls: list[list[Leg]] = []
    going: dict[str, tuple[list[Leg], datetime]] = {}
    for leg in sorted(legs, key=lambda leg: (leg.at, leg.call or "", leg.trunk or "", leg.row)):
        members, until = going.get(leg.call or "", ([], leg.at))
        if leg.call is None or not members or leg.at - until > AGAIN:
            members, until = [], leg.at
            calls.append(members)
        members.append(leg)
        if leg.call is not None:
            going[leg.call] = members, max(until, leg.ended or leg.at)
    return calls


def _is_registered(leg: Leg, registered: tuple[str, ...]) -> bool:
    """A call that shows no number shows none that is registered."""
    shown = digits_of(leg.shown_number or "")
    for number in registered:
        own = digits_of(number)
        if shown == own or (number.endswith("*") and shown.startswith(own) and own):
            return bool(shown)
    return False


def _busy(legs: Iterable[Leg], channels: Mapping[str, int], reach: Reach, slots: Slots) -> None:
    """Seconds of each leg in each quarter hour that it touches; and the channels that are there all the time."""
    for start_ms in range(reach.low_ms, reach.end_ms, QUARTER_MS):
        for trunk, n in channels.items():
            slots.add("trunk_channels", from_ms(start_ms), n * QUARTER_MS / 1000, trunk=trunk)
    for leg in legs:
        if leg.trunk is None or leg.ended is None:
            continue
        start_ms, end_ms = to_ms(leg.at), to_ms(leg.ended)
        slot_ms = max(floor_to(start_ms, QUARTER_MS), reach.low_ms)
        while slot_ms < min(end_ms, reach.end_ms):
            held_ms = min(end_ms, slot_ms + QUARTER_MS) - max(start_ms, slot_ms)
            slots.add("trunk_busy", from_ms(slot_ms), held_ms / 1000, trunk=leg.trunk)
            slot_ms += QUARTER_MS
