"""Cases of Request Tracker: what a ticket was, in whichever batches it is read."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ccmm_plugin_crm.rt_case import Change, Ticket, Words, parse_date
from ccmm_plugin_crm.rt_count import State, parse_state, share
from ccmm_proto.errors import Malformed
from tests.support.rt_center import ZONE

WORDS = Words(queues=frozenset({"Support", "Complaints"}), classes={"Complaints": "complaint"})
STATUSES = ("new", "open", "stalled", "resolved", "rejected", "deleted")
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
edits = st.lists(
    st.one_of(
        st.tuples(st.just("Status"), st.sampled_from(STATUSES)),
        st.tuples(st.just("Due"), st.sampled_from(["", "2026-11-05 00:00:00", "2026-11-09 00:00:00"])),
        st.tuples(st.just("Queue"), st.sampled_from(["3", "5"])),
    ),
    max_size=12,
)


def replayed(changes: list[tuple[str, str]]) -> tuple[Ticket, list[dict[str, str]]]:
    """The ticket after all of them, and what it was after each, noted on the way forward."""
    now = {"Status": "new", "Due": "", "Queue": "3"}
    rows, was = [Change(id=1, ticket=1, at=BEGIN, type="Create")], [dict(now)]
    for number, (name, new) in enumerate(changes, 2):
        at, kind = BEGIN + timedelta(days=number), "Status" if name == "Status" else "Set"
        rows.append(Change(id=number, ticket=1, at=at, type=kind, field=name, old=now[name], new=new))
        now[name] = new
        was.append(dict(now))
    ticket = Ticket(
        id=1,
        queue={"3": "Support", "5": "Complaints"}[now["Queue"]],
        status=now["Status"],
        created=BEGIN,
        due=parse_date(now["Due"]),
        resolved=None,
        owner=None,
        requestor=None,
        merged=False,
        fields={},
        changes=tuple(rows),
        queues={"3": "Support", "5": "Complaints"},
    )
    return ticket, was


@given(edits)
def test_what_a_ticket_was_is_what_it_was(changes: list[tuple[str, str]]) -> None:
    ticket, was = replayed(changes)
    for number, values in enumerate(was, 1):
        assert ticket.status_at(number) == values["Status"]
        assert ticket.due_at(number) == parse_date(values["Due"])
        assert ticket.queue_at(number) == ticket.queues[values["Queue"]]
        closed = ticket.closed_at(WORDS, number)
        if values["Status"] in WORDS.closed:
            assert closed is not None
        elif values["Status"] != "deleted":
            assert closed is None


@given(edits, st.lists(st.integers(1, 14), max_size=6))
def test_in_whichever_batches_it_is_read_the_days_hold_the_same(
    changes: list[tuple[str, str]], ends: list[int]
) -> None:
    ticket, _ = replayed(changes)
    state, before = State(zone=ZONE), 0
    for end in sorted({*ends, 99}):
        state.add(ticket, WORDS, before, end)
        before = end
    assert +state.cells == Counter(share(ticket, WORDS, 99, ZONE))
    kept = parse_state(state.to_cursor(), ZONE)
    assert kept is not None
    assert +kept.cells == +state.cells


@given(st.binary(max_size=60))
def test_any_cursor_is_one_or_none(cursor: bytes) -> None:
    state = parse_state(cursor, ZONE)
    assert state is None or parse_state(state.to_cursor(), ZONE) == state


@given(st.text(max_size=40))
def test_any_text_is_a_date_none_or_malformed(text: str) -> None:
    try:
        found = parse_date(text)
    except Malformed:
        return
    assert found is None or found.utcoffset() == timedelta(0)
