"""A Request Tracker of three tickets, simulated, and what its source tells."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options
from ccmm_agent.testing import read_all
from ccmm_agent.testing_http import Simulator, http_simulator
from ccmm_plugin_crm.request_tracker import RequestTrackerCases
from ccmm_proto.period import from_ms
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker
from tests.support.refusals import refusal

__all__ = ["NOON", "ZONE", "cases", "counted", "days_stated", "read", "refusal", "server", "source", "tracker"]

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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


def days_stated(found: list[Observation]) -> set[datetime]:
    return {from_ms(one.measure.start_ms) for one in found if one.WhichOneof("fact") == "measure"}
