"""Cases of Request Tracker: what a ticket was, what it adds to days, and everything that must be loud."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_agent.testing_http import Fault, Reply, Simulator, http_simulator, json_reply
from ccmm_plugin_crm.request_tracker import RequestTrackerCases
from ccmm_plugin_crm.rt_case import Change, Ticket, Words, parse_date
from ccmm_plugin_crm.rt_count import State, parse_state, share
from ccmm_plugin_crm.rt_facts import ticket_of
from ccmm_proto.errors import Malformed
from ccmm_proto.period import DAY_MS, from_ms
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = Words(queues=frozenset({"Support", "Complaints"}), classes={"Complaints": "complaint"})


@pytest.fixture
def tracker() -> FakeRequestTracker:
    """Three tickets of November; it is always 12:00 of the 20th there."""
    made = FakeRequestTracker({"3": "Support", "5": "Complaints"}, clock=lambda: NOON)
    late = made.create("3", "2026-11-10 08:00:00", due="2026-11-12 08:00:00", owner="u7", fields={"Call ID": " C1 "})
    made.set_status(late, "resolved", "2026-11-13 09:00:00")
    made.create("5", "2026-11-15 08:00:00", due="2026-11-17 08:00:00")
    done = made.create("3", "2026-11-16 08:00:00", due="2026-11-18 08:00:00")
    made.set_status(done, "resolved", "2026-11-16 20:00:00")
    return made


@pytest.fixture
def server(tracker: FakeRequestTracker) -> Iterator[Simulator]:
    with http_simulator(tracker.answer) as running:
        yield running


def source(url: str, folder: Path, **changed: object) -> RequestTrackerCases:
    token = folder / "rt.token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    table: dict[str, object] = {
        "url": url,
        "token_file": str(token),
        "queues": ["Support", "Complaints"],
        "call_timeout": "5s",
    }
    table |= {"classes": {"Complaints": "complaint"}, "fields": {"call": "Call ID"}, "since": "15d", **changed}
    options = Options(table)
    built = RequestTrackerCases.from_options(options)
    options.refuse_unknown()
    return built


def read(given: RequestTrackerCases, cursor: bytes = b"", now: datetime = NOON) -> tuple[list[Observation], Done]:
    return read_all(given, cursor=cursor, now=now, zone=ZONE)


def cases(found: list[Observation]) -> dict[str, dict[str, str]]:
    return {
        one.occurrence.id.text: {a.name: str(a.value).strip() for a in one.occurrence.attributes}
        for one in found
        if one.WhichOneof("fact") == "occurrence"
    }


def counted(found: list[Observation]) -> Counter[str]:
    """`measure day queue`, where there is one or more."""
    told: Counter[str] = Counter()
    for one in (one.measure for one in found if one.WhichOneof("fact") == "measure"):
        queue = next(d.text for d in one.dimensions if d.name == "queue")
        told[f"{one.id} {from_ms(one.start_ms):%d} {queue}"] += one.count
    return +told


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert "canary" not in caught.value.detail


def test_the_source_keeps_the_contract(server: Simulator, tmp_path: Path) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    check_source(source(server.url, tmp_path), source("http://127.0.0.1:1", tmp_path), window=window)


def test_cases_and_days_are_those_counted_by_hand(server: Simulator, tmp_path: Path) -> None:
    found, done = read(source(server.url, tmp_path))
    assert done.covers == (datetime(2026, 11, 6, tzinfo=UTC), NOON - timedelta(seconds=30))
    told = cases(found)
    assert told["1"]["call"] == 'text: "C1"'
    assert told["1"]["agent"] == 'text: "u7"'
    assert ("closed" in told["2"], told["2"]["class"]) == (False, 'text: "complaint"')
    assert counted(found) == {
        "issues 10 Support": 1,
        "cases_due 12 Support": 1,
        "cases_closed 13 Support": 1,
        "issues 15 Complaints": 1,
        "complaints 15 Complaints": 1,
        "cases_due 17 Complaints": 1,
        "complaints_due 17 Complaints": 1,
        "issues 16 Support": 1,
        "cases_closed 17 Support": 1,  # at 20:00 UTC of the 16th: at 04:00 of the 17th in Shanghai
        "cases_due 18 Support": 1,
        "cases_on_time 18 Support": 1,
    }
    days = {one.measure.start_ms // DAY_MS for one in found if one.WhichOneof("fact") == "measure"}
    assert len(days) == 14  # from the 6th to the 19th, those without any ticket too


def test_a_change_is_stated_once_and_changes_the_days_that_it_touches(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    first = tracker.tickets[1]
    tracker.set_status(first, "open", "2026-11-20 11:00:00")
    tracker.change(first, "Set", "2026-11-20 11:00:00", "Due", first.due, "2026-11-25 08:00:00")
    first.due = "2026-11-25 08:00:00"
    found, done = read(given, done.cursor)
    told = cases(found)
    assert (list(told), "closed" in told["1"], told["1"]["due_moves"]) == (["1"], False, "whole: 1")
    revised = {
        f"{one.measure.id} {from_ms(one.measure.start_ms):%d}": one.measure.count
        for one in found
        if one.WhichOneof("fact") == "measure" and one.measure.revision == 1
    }
    assert (revised["cases_due 12"], revised["cases_closed 13"], revised["cases_reopened 13"]) == (0, 1, 1)
    assert read(given, done.cursor)[0] == []


def test_days_are_the_civil_days_of_the_center_over_a_change_of_the_clocks(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    """New York: until the 1st of November 04:00 UTC is midnight, after it 05:00; the 1st has 25 hours."""
    for created in ("31 03:59:59", "31 04:00:00"):  # the 30th; the 31st
        tracker.create("5", f"2026-10-{created}")
    for created in ("01 03:59:59", "01 04:00:00", "02 04:30:00", "02 05:00:00"):  # the 31st, the 1st twice, the 2nd
        tracker.create("5", f"2026-11-{created}")
    given = source(server.url, tmp_path, since="30d")
    found, done = read_all(given, now=NOON, zone=ZoneInfo("America/New_York"))
    told = {key: n for key, n in counted(found).items() if key.startswith("complaints ") and key[11:13] in "31010203"}
    # The slot of a civil day is the UTC day that starts within it: the evening before the date that UTC writes.
    assert told == {
        "complaints 31 Complaints": 1,
        "complaints 01 Complaints": 2,
        "complaints 02 Complaints": 2,
        "complaints 03 Complaints": 1,
    }
    assert done.covers == (datetime(2026, 10, 23, tzinfo=UTC), NOON - timedelta(seconds=30))


def test_a_day_is_stated_when_the_center_has_seen_its_end(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    """The Azores: 25 hours on the 25th of October 2026, from 00:00 UTC until 01:00 UTC of the next day."""
    given, zone = source(server.url, tmp_path, since="15d"), ZoneInfo("Atlantic/Azores")
    for minutes, is_over in ((60, False), (76, True)):
        now = datetime(2026, 10, 26, tzinfo=UTC) + timedelta(minutes=minutes)
        found, _ = read_all(given, now=now, zone=zone)
        days = {from_ms(one.measure.start_ms).date() for one in found if one.WhichOneof("fact") == "measure"}
        assert (date(2026, 10, 25) in days) is is_over


def test_a_day_is_not_vouched_for_to_its_end_before_it_is_stated(server: Simulator, tmp_path: Path) -> None:
    """Its figures come a quarter of an hour after its end: until then nobody may take it for a day without cases."""
    given, midnight = source(server.url, tmp_path), datetime(2026, 11, 20, tzinfo=UTC)
    found, done = read(given, now=midnight + timedelta(minutes=5))
    assert max(days_stated(found)) == midnight - timedelta(days=2)
    assert done.covers is not None
    assert done.covers[1] == midnight - timedelta(seconds=1)
    found, later = read(given, done.cursor, now=midnight + timedelta(minutes=20))
    assert days_stated(found) == {midnight - timedelta(days=1)}
    assert later.covers == (done.covers[1], midnight + timedelta(minutes=20))


def days_stated(found: list[Observation]) -> set[datetime]:
    return {from_ms(one.measure.start_ms) for one in found if one.WhichOneof("fact") == "measure"}


def test_figures_of_days_of_another_zone_are_stated_anew_by_revision(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.create("5", "2026-11-10 17:00:00")  # the 11th in Shanghai
    given = source(server.url, tmp_path)
    found, done = read_all(given, now=NOON, zone=ZoneInfo("UTC"))
    assert counted(found)["complaints 10 Complaints"] == 1
    version, *held, zone = json.loads(done.cursor)
    assert (version, zone) == (2, "UTC")
    of_utc_days = json.dumps([1, *held]).encode()  # as it was written before zones were
    for cursor in (done.cursor, of_utc_days):
        again, after = read(given, cursor)
        told = {
            (f"{from_ms(m.start_ms):%d}", m.count): m.revision
            for m in (one.measure for one in again if one.WhichOneof("fact") == "measure")
            if m.id == "complaints" and from_ms(m.start_ms).day in (10, 11) and m.dimensions[-1].text == "Complaints"
        }
        assert told == {("10", 0): 1, ("11", 1): 1}
        assert read(given, after.cursor)[0] == []


def test_a_complaint_that_gets_another_name_stays_one_that_was_made(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    complaint = tracker.tickets[2]
    tracker.change(complaint, "Set", "2026-11-18 08:00:00", "Queue", "5", "3")
    complaint.queue = "3"
    complaint2 = tracker.create("5", "2026-11-19 08:00:00")
    found, _ = read(source(server.url, tmp_path))
    told = cases(found)
    assert (told["2"]["relabelled"], "class" in told["2"]) == ("flag: true", False)
    assert told[str(complaint2.id)]["relabelled"] == "flag: false"
    assert counted(found)["complaints 15 Support"] == 1


def test_a_deleted_ticket_is_never_closed_and_keeps_its_due_time(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.set_status(tracker.tickets[2], "deleted", "2026-11-16 08:00:00")
    tracker.create("5", "2026-11-16 08:00:00")
    tracker.create("3", "2026-11-16 08:00:00", type="reminder")
    told = cases(read(source(server.url, tmp_path))[0])
    assert sorted(told) == ["1", "2", "3", "4"]
    assert ("due" in told["2"], "closed" in told["2"]) == (True, False)


def test_a_ticket_that_was_closed_before_it_was_deleted_stays_closed_and_was_not_opened_again(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    tracker.set_status(tracker.tickets[3], "deleted", "2026-11-17 08:00:00")
    found, _ = read(source(server.url, tmp_path))
    assert "closed" in cases(found)["3"]
    assert not any(told.startswith("cases_reopened") for told in counted(found))


def test_only_a_due_time_that_is_put_off_or_taken_away_was_moved(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    never, day = "1970-01-01 00:00:00", "2026-11-{} 08:00:00"
    ticket = tracker.tickets[2]
    for old, new in ((never, day.format(19)), (day.format(19), day.format(18)), (day.format(18), day.format(17))):
        tracker.change(ticket, "Set", "2026-11-15 09:00:00", "Due", old, new)
    assert cases(read(source(server.url, tmp_path))[0])["2"]["due_moves"] == "whole: 0"
    tracker.change(ticket, "Set", "2026-11-15 10:00:00", "Due", day.format(17), never)
    tracker.change(ticket, "Set", "2026-11-15 10:00:00", "Due", never, day.format(17))
    assert cases(read(source(server.url, tmp_path))[0])["2"]["due_moves"] == "whole: 1"


def test_a_ticket_older_than_the_first_reading_counts_from_its_first_change_on(tmp_path: Path) -> None:
    tracker = FakeRequestTracker({"3": "Support", "5": "Complaints"}, clock=lambda: NOON)
    old = tracker.create("3", "2026-11-01 08:00:00", due="2026-11-19 08:00:00")
    tracker.create("5", "2026-11-16 08:00:00")
    with http_simulator(tracker.answer) as server:
        given = source(server.url, tmp_path, since="5d")
        found, done = read(given)
        assert (list(cases(found)), counted(found)["cases_due 19 Support"]) == (["2"], 0)
        tracker.set_status(old, "open", "2026-11-20 09:00:00")
        found, done = read(given, done.cursor)
        assert (list(cases(found)), counted(found)["cases_due 19 Support"]) == (["1"], 1)
        tracker.set_status(old, "stalled", "2026-11-20 10:00:00")
        found, _ = read(given, done.cursor)
        assert (list(cases(found)), counted(found)) == (["1"], {})


def test_a_change_of_this_very_minute_waits_and_is_not_lost(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    _, done = read(given)
    fresh = tracker.create("3", "2026-11-20 11:59:50")
    found, done = read(given, done.cursor)
    assert found == []
    tracker.clock = lambda: NOON + timedelta(minutes=1)
    found, done = read(given, done.cursor, NOON + timedelta(minutes=1))
    assert list(cases(found)) == [str(fresh.id)]


def test_more_changes_than_one_answer_holds_are_all_read(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ccmm_plugin_crm.request_tracker.BATCH_TICKETS", 90)
    for minute in range(450):
        tracker.create("3", f"2026-11-19 {8 + minute // 60:02}:{minute % 60:02}:00")
    found, done = read(source(server.url, tmp_path))
    assert len(cases(found)) == 453
    assert counted(found)["issues 19 Support"] == 450
    assert done.covers == (datetime(2026, 11, 6, tzinfo=UTC), NOON - timedelta(seconds=30))


def test_a_tracker_that_went_back_in_time_is_said_and_read_on(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    given = source(server.url, tmp_path)
    for _ in range(3):
        tracker.create("3", "2026-11-19 08:00:00")
    _, done = read(given)
    del tracker.changes[-2:]
    _, done = read(given, done.cursor)
    assert "restored from a backup" in done.detail
    newer = tracker.create("3", "2026-11-19 09:00:00")
    assert list(cases(read(given, done.cursor)[0])) == [str(newer.id)]


@pytest.mark.parametrize(
    ("fault", "path", "reason", "words"),
    [
        (Reply(401), "", Reason.REFUSED, "HTTP 401"),
        (json_reply({}, 403), "/REST/2.0/queue", Reason.REFUSED, "SeeQueue on the queue 'Support'"),
        (json_reply({}, 403), "/REST/2.0/tickets", Reason.REFUSED, "SeeQueue, ShowTicket and SeeCustomField"),
        (Fault.HALF, "/REST/2.0/transactions", Reason.UNREADABLE, "no sound JSON"),
        (Fault.CUT, "/REST/2.0/transactions", Reason.UNREACHABLE, "lost"),
        (Fault.LOG_IN_PAGE, "", Reason.UNREADABLE, "a log-in page"),
        (json_reply({"items": "x"}), "/REST/2.0/transactions", Reason.UNREADABLE, "another version than 5"),
        (json_reply({"items": [{"id": "1"}]}), "/REST/2.0/transactions", Reason.UNREADABLE, "without Created"),
        (json_reply({"items": [], "total": None}), "/REST/2.0/tickets", Reason.UNREADABLE, "UseSQLForACLChecks"),
        (json_reply({"items": [], "total": 0}), "/REST/2.0/tickets", Reason.REFUSED, "give the right ShowTicket"),
    ],
)
def test_what_cannot_be_read_is_said(
    server: Simulator, tmp_path: Path, fault: Fault | Reply, path: str, reason: Reason, words: str
) -> None:
    server.fail(fault, path=path)
    with refusal(reason, words):
        read(source(server.url, tmp_path))


def test_a_token_of_a_person_who_may_write_is_warned_of(
    tracker: FakeRequestTracker, server: Simulator, tmp_path: Path
) -> None:
    window = Window(cursor=b"", now=NOON, zone=ZONE)
    tracker.shown = "lifecycle"
    warnings = [line.detail for line in source(server.url, tmp_path).check(window) if line.verdict == "warning"]
    assert warnings == ["this account may write: lifecycle in Complaints, lifecycle in Support"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"queues": []}, "queues"),
        ({"closed": ["deleted"]}, "deleted ends none"),
        ({"classes": {"Complaints": "grievance"}}, "classes.Complaints"),
        ({"fields": {"call": "requestor"}}, "customer only"),
        ({"since": "long ago"}, "since"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        source("https://rt.example", tmp_path, **changed)


def test_captured_answers_are_read(captures: Path) -> None:
    def body(name: str) -> dict[str, object]:
        text = (captures / "request-tracker-5" / name).read_bytes()
        return dict(json.loads(text.replace(b"\r\n", b"\n").partition(b"\n\n")[2]))

    rows = body("06-tickets.resp")["items"]
    assert isinstance(rows, list)
    tickets = [ticket_of(int(row["id"]), {**row, "Queue": {"id": "5"}}, [], {"5": "Complaints"}, {}) for row in rows]
    assert len(tickets) == 100
    assert {ticket.queue for ticket in tickets} == {"Complaints"}
    assert all((ticket.resolved is not None) == (ticket.status in WORDS.closed) for ticket in tickets)
    assert {"Call ID", "Complaint Category"} <= {name for ticket in tickets for name in ticket.fields}


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
