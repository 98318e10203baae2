"""A real Request Tracker: its tickets are stated as they are, and every change of them that a rule asks about."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import read_all
from ccmm_plugin_crm import request_tracker
from ccmm_plugin_crm.request_tracker import RequestTrackerCases
from ccmm_proto.period import from_ms
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.refusals import refusal
from tests.support.request_tracker import Tracker, running_request_tracker

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
QUEUES = ["Support", "Complaints", "Data Subject Requests"]
CLASSES = {"Complaints": "complaint", "Data Subject Requests": "subject_request"}
FIELDS = {"call": "Call ID", "first_contact": "First Contact Resolution"}
TICKETS = 40


@pytest.fixture(scope="module")
def tracker(captures: Path) -> Iterator[Tracker]:
    with running_request_tracker(captures / "request-tracker-5" / "load.pl", TICKETS) as running:
        yield running


@pytest.fixture(autouse=True, scope="module")
def at_once() -> Iterator[None]:
    """What was changed this second is read this second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_tracker, "SETTLE", timedelta(0))
        yield


@pytest.fixture(scope="module")
def token(tracker: Tracker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "rt.token"
    path.write_text(tracker.token)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def loaded(tracker: Tracker, token: Path) -> tuple[list[Observation], Done]:
    """The first reading, before any test changes a ticket."""
    return read(source(tracker, token, since="95d"))


def options(tracker: Tracker, token: Path, **changed: object) -> dict[str, object]:
    given = {"url": tracker.url, "token_file": str(token), "queues": QUEUES, "may_be_empty": [QUEUES[2]]}
    return {**given, "classes": CLASSES, "fields": FIELDS, **changed}


def source(tracker: Tracker, token: Path, **changed: object) -> RequestTrackerCases:
    given = Options(options(tracker, token, **changed))
    built = RequestTrackerCases.from_options(given)
    given.refuse_unknown()
    return built


def read(given: RequestTrackerCases, cursor: bytes = b"") -> tuple[list[Observation], Done]:
    return read_all(given, cursor=cursor, now=datetime.now(UTC), zone=ZONE)


def cases(found: list[Observation]) -> dict[str, dict[str, object]]:
    """By number: attributes, times as `YYYY-MM-DD hh:mm:ss`."""
    told: dict[str, dict[str, object]] = {}
    for one in (one.occurrence for one in found if one.WhichOneof("fact") == "occurrence"):
        told[one.id.text] = {"created": written(one.started_ms)}
        for attribute in one.attributes:
            which = attribute.value.WhichOneof("value")
            value = getattr(attribute.value, str(which))
            told[one.id.text][attribute.name] = written(value) if which == "time_ms" else value
    return told


def written(ms: int) -> str:
    return f"{from_ms(ms):%Y-%m-%d %H:%M:%S}"


def civil_day(moment: str) -> str:
    """The center's, of what Request Tracker wrote in UTC: in Shanghai its slot is the UTC day of the same date."""
    return f"{datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZONE):%Y-%m-%d}" if moment else ""


def figures(found: list[Observation]) -> Counter[tuple[str, str]]:
    """By measure and day, over all queues and classes."""
    told: Counter[tuple[str, str]] = Counter()
    for one in (one.measure for one in found if one.WhichOneof("fact") == "measure"):
        told[(one.id, f"{from_ms(one.start_ms):%Y-%m-%d}")] += one.count
    return +told


def test_every_ticket_is_stated_as_it_was_loaded(tracker: Tracker, loaded: tuple[list[Observation], Done]) -> None:
    told = cases(loaded[0])
    wanted = [row for row in tracker.truth if row["queue"] in QUEUES]
    assert sorted(told, key=int) == [row["id"] for row in wanted]
    for row in wanted:
        closed = row["resolved"] if row["status"] in ("resolved", "rejected") else None
        expected = {
            "created": row["created"],
            "case": row["id"],
            "due": row["due"],
            "closed": closed,
            "agent": None if row["owner"] == "Nobody" else row["owner"],
            "call": row["callid"] or None,
            "class": CLASSES.get(row["queue"]),
            "first_contact": {"yes": True, "no": False}.get(row["fcr"]),
            "due_moves": 0,
            "relabelled": False,
        }
        assert told[row["id"]] == {name: value for name, value in expected.items() if value is not None}


def test_the_figures_of_days_are_those_of_the_tickets(tracker: Tracker, loaded: tuple[list[Observation], Done]) -> None:
    found, done = loaded
    assert done.covers is not None
    told = figures(found)
    wanted: Counter[tuple[str, str]] = Counter()
    first, last = f"{datetime.now(UTC) - timedelta(days=59):%Y-%m-%d}", f"{done.covers[1] - timedelta(days=1):%Y-%m-%d}"
    for row in (row for row in tracker.truth if row["queue"] in QUEUES):
        closed = row["resolved"] if row["status"] in ("resolved", "rejected") else ""
        for measure, when, holds in (
            ("issues", row["created"], True),
            ("issues_marked_resolved", row["created"], row["fcr"] == "yes"),
            ("complaints", row["created"], row["queue"] == "Complaints"),
            ("cases_closed", closed, bool(closed)),
            ("cases_due", row["due"], True),
            ("cases_on_time", row["due"], bool(closed) and closed <= row["due"]),
            ("complaints_due", row["due"], row["queue"] == "Complaints"),
            ("complaints_on_time", row["due"], row["queue"] == "Complaints" and bool(closed) and closed <= row["due"]),
        ):
            wanted[(measure, civil_day(when))] += holds
    in_time: Callable[[str], bool] = lambda day: first <= day <= last  # noqa: E731
    assert {key: n for key, n in told.items() if in_time(key[1])} == {
        k: n for k, n in wanted.items() if n and in_time(k[1])
    }


def some(tracker: Tracker, queue: str, *statuses: str, at: int = 0) -> str:
    return [row["id"] for row in tracker.truth if row["queue"] == queue and row["status"] in statuses][at]


def test_changes_are_stated_once_and_what_they_hide_with_them(
    tracker: Tracker, token: Path, loaded: tuple[list[Observation], Done]
) -> None:
    given, cursor = source(tracker, token), loaded[1].cursor
    days = [f"{datetime.now(UTC) - timedelta(days=n):%Y-%m-%d}" for n in range(2, 13)]
    lately = next(row for row in tracker.truth if row["queue"] == "Support" and civil_day(row["resolved"]) in days)
    renamed = some(tracker, "Complaints", "resolved", "open", "new", "stalled")
    again = lately["id"]
    moved, cleared, erased, merged = (some(tracker, "Support", "open", "stalled", "new", at=at) for at in range(4))
    into = next(row["id"] for row in tracker.truth if row["status"] == "resolved" and row["id"] != again)
    tracker.do(
        f"ticket({renamed})->SetQueue('Support')",
        f"ticket({moved})->SetDue('2099-01-01 00:00:00')",
        f"ticket({cleared})->SetDue('1970-01-01 00:00:00')",
        f"ticket({erased})->SetStatus('deleted')",
        f"ticket({merged})->MergeInto({into})",
        f"ticket({again})->SetStatus('open')",
    )
    found, done = read(given, cursor)
    told = cases(found)
    assert (
        {renamed, moved, cleared, erased, merged, again}
        <= set(told)
        <= {renamed, moved, cleared, erased, merged, again, into}
    )
    assert (told[renamed]["relabelled"], "class" in told[renamed]) == (True, False)
    assert (told[moved]["due_moves"], told[moved]["due"]) == (1, "2099-01-01 00:00:00")
    assert (told[cleared]["due_moves"], "due" in told[cleared]) == (1, False)
    assert ("closed" in told[erased], "due" in told[erased]) == (False, True)
    assert told[merged]["closed"]
    assert "closed" not in told[again]
    assert done.detail == ""
    changed = [one.measure for one in found if one.WhichOneof("fact") == "measure"]
    assert {(m.revision, m.revision_reason) for m in changed} == {(1, "tickets of this day changed")}
    assert figures(found)[("cases_reopened", civil_day(lately["resolved"]))] == 1
    assert read(given, done.cursor)[0] == []


def test_a_pause_without_a_word_is_counted_where_comments_are_seen(tracker: Tracker, token: Path) -> None:
    bare, told = (some(tracker, "Support", "open", "resolved", at=at) for at in (3, 4))
    given = source(tracker, token, pause_comments=True, queues=["Support"])
    with refusal(Reason.REFUSED, "no comment is seen: give the right ShowTicketComments"):
        read(given)
    tracker.do(
        "group('Compliance readers')->GrantRight(Right => 'ShowTicketComments', Object => queue('Support'))",
        f"ticket({told})->SetStatus('open'), ticket({told})->Comment(Content => 'waits for the carrier')",
        f"ticket({told})->SetStatus('stalled')",
        f"ticket({bare})->SetStatus('open'), ticket({bare})->SetStatus('stalled')",
    )
    found = cases(read(given)[0])
    assert (found[bare]["bare_pauses"], found[told]["bare_pauses"]) == (1, 0)


def test_a_missing_right_is_named_and_one_too_many_warned_of(tracker: Tracker, token: Path) -> None:
    given = source(tracker, token, queues=QUEUES[:2])
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    readers = "group('Compliance readers')"
    for right, words in (
        ("SeeQueue", "SeeQueue on the queue 'Complaints'"),
        ("ShowTicket", "no ticket of the queue 'Complaints' is seen: give the right ShowTicket"),
    ):
        tracker.do(f"{readers}->RevokeRight(Right => '{right}', Object => queue('Complaints'))")
        with refusal(Reason.REFUSED, words):
            read(given)
        tracker.do(f"{readers}->GrantRight(Right => '{right}', Object => queue('Complaints'))")
    with refusal(Reason.REFUSED, "no custom field 'Nope' is seen: give the right SeeCustomField"):
        read(source(tracker, token, fields={"topic": "Nope"}))
    tracker.do(f"{readers}->GrantRight(Right => 'ReplyToTicket', Object => queue('Support'))")
    lines = {line.subject: (line.verdict, line.detail) for line in given.check(window)}
    assert lines.pop("too many rights") == ("warning", "this account may write: correspond in Support")
    assert {verdict for verdict, _ in lines.values()} == {"ok"}


def test_a_wrong_token_is_refused_and_never_told(tracker: Tracker, tmp_path: Path) -> None:
    wrong = tmp_path / "rt.token"
    wrong.write_text("1-110-canary")
    with refusal(
        Reason.REFUSED, "the queue 'Support': the secret is not accepted .HTTP 401.: wrong, expired or revoked$"
    ):
        read(source(tracker, wrong))


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(tracker: Tracker, token: Path) -> None:
    spec = SourceSpec(name="tickets", plugin="request_tracker", options=options(tracker, token, queues=["Support"]))
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "")
    assert reading.covers is not None
