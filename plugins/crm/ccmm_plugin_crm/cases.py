"""A case as any ticket system tells of it, what it adds to the figures of a day, and the fact `case`. Pure.

Counted on the cases that were due, not on those that were closed; a complaint is on time when the customer was told.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import Observation
from ccmm_tables.slots import Slots

CLASSES = ("complaint", "enquiry", "request", "subject_request", "suggestion")
ORIGINS = ("own", "client", "regulator")
CLAIMS = ("called_back", "reached")
REOPENED_WITHIN = timedelta(days=14)
AGAIN_WITHIN = timedelta(days=7)
_DAY = timedelta(days=1)
ISSUES = ("issues", "issues_marked_resolved")
DIGEST_BYTES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`closed`: since when it is closed (None: open); `reopened`: (closed, opened again) each time that is known."""

    key: str
    opened: datetime
    class_: str | None = None
    topic: str | None = None
    origin: str | None = None
    claim: str | None = None
    ref: str | None = None
    channel: str | None = None
    queue: str | None = None
    call: str | None = None
    contact: str | None = None
    customer: str | None = None
    number: str | None = None
    agent: str | None = None
    first_contact: bool | None = None
    relabelled: bool | None = None
    due: datetime | None = None
    closed: datetime | None = None
    told: datetime | None = None  # when the customer was told the decision
    due_moves: int | None = None
    bare_pauses: int | None = None
    reopened: tuple[tuple[datetime, datetime], ...] = ()
    was_reopened: bool = False  # before it was closed, when is not known
    sampled: datetime | None = None
    wrong: bool | None = None

    @property
    def is_complaint(self) -> bool:
        """A complaint that got another name stays one that was made."""
        return self.class_ == "complaint" or bool(self.relabelled)

    @property
    def counted_as(self) -> str | None:
        """The class that it is counted in."""
        return "complaint" if self.is_complaint else self.class_


def measures_of(case: Case) -> Iterator[tuple[str, datetime]]:
    """Each measure that the case counts in, and the instant of its day."""
    if case.is_complaint:
        yield "complaints", case.opened
    yield "issues", case.opened
    if case.first_contact:
        yield "issues_marked_resolved", case.opened
    for closed, again in case.reopened:
        yield "cases_closed", closed
        if again - closed <= REOPENED_WITHIN:
            yield "cases_reopened", closed
    if case.closed is not None:
        yield "cases_closed", case.closed
        if case.was_reopened:
            yield "cases_reopened", case.closed
    if case.sampled is not None:
        yield "cases_sampled", case.sampled
        if case.wrong:
            yield "cases_wrong", case.sampled
    if case.due is None:
        return
    yield "cases_due", case.due
    if case.closed is not None and case.closed <= case.due:
        yield "cases_on_time", case.due
    if case.due_moves:
        yield "cases_due_moved", case.due
    if case.is_complaint:
        yield "complaints_due", case.due
        if case.told is not None and case.told <= case.due:
            yield "complaints_on_time", case.due


def issues_of(cases: Iterable[Case]) -> Iterator[tuple[Case, bool]]:
    """Where each contact makes a case: the first of a customer on a topic in seven days, and whether none follows.

    A case without customer or topic is an issue that nobody can say was solved.
    """
    together: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases:
        if case.customer is None or case.topic is None:
            yield case, False
        else:
            together[case.customer, case.topic].append(case)
    for members in together.values():
        members.sort(key=lambda case: (case.opened, case.key))
        for at, case in enumerate(members):
            before = members[at - 1].opened if at else None
            after = members[at + 1].opened if at + 1 < len(members) else None
            if before is None or case.opened - before > AGAIN_WITHIN:
                yield case, after is None or after - case.opened > AGAIN_WITHIN


def add_cases(
    slots: Slots, cases: Iterable[Case], told: frozenset[str], *, keep: timedelta, every_contact: bool = False
) -> str:
    """Adds what is told of cases to the days of their measures; says what is not counted.

    What happens to a case later than `keep` after its opening counts in no day: a day that counted it first would lose
    it when the case is no longer read.
    """
    cases, late = list(cases), 0
    of_issues = ISSUES if every_contact else ()
    for case in cases:
        counted = [(measure, at) for measure, at in measures_of(case) if measure in told and measure not in of_issues]
        for measure, at in counted:
            if at - case.opened <= keep:
                _add(slots, measure, at, case)
        late += any(at - case.opened > keep for _, at in counted)
    for case, is_solved in issues_of(cases) if every_contact else ():
        _add(slots, "issues", case.opened, case)
        if is_solved:
            _add(slots, "issues_resolved_first", case.opened, case)
        if case.first_contact and "issues_marked_resolved" in told:
            _add(slots, "issues_marked_resolved", case.opened, case)
    return f"{late} cases fell due, closed or were opened again later than `keep`: not counted" if late else ""


def least_look_back(told: frozenset[str]) -> timedelta:
    """So far back days must be stated again, or what happens after them would never count."""
    within = [REOPENED_WITHIN] if "cases_reopened" in told else []
    within += [AGAIN_WITHIN] if "issues_resolved_first" in told else []
    return max(within, default=timedelta()) + 2 * _DAY if within else timedelta()


def _add(slots: Slots, measure: str, at: datetime, case: Case) -> None:
    named = {"class": case.counted_as, "origin": case.origin, "channel": case.channel, "queue": case.queue}
    slots.add(measure, at, 1.0, **named)


def case_of(case: Case) -> Observation:
    """The fact `case`. A complaint is closed when the customer was told, where that is known."""
    return occurrence(
        "case",
        case.key,
        case.opened,
        None,
        case=case.key,
        call=case.call,
        contact=case.contact,
        customer=case.customer,
        number=case.number,
        agent=case.agent,
        class_=case.class_,
        topic=case.topic,
        origin=case.origin,
        claim=case.claim,
        ref=case.ref,
        first_contact=case.first_contact,
        relabelled=case.relabelled,
        due=case.due,
        closed=case.told if case.is_complaint else case.closed,
        due_moves=case.due_moves,
        bare_pauses=case.bare_pauses,
    )


def digest_of(case: Case) -> bytes:
    """What a case says, in a few bytes."""
    return hashlib.blake2b(repr(case).encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
