"""Sources of the ticket systems' package, each with a system of its own."""

from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from ccmm_agent.testing_http import http_simulator
from tests.support.every_base import Builder, Table, secret_file
from tests.support.fake_request_tracker import TOKEN, FakeRequestTracker


def request_tracker(stack: ExitStack, place: Path, now: datetime) -> Table:
    tracker = FakeRequestTracker({"3": "Support"}, clock=lambda: now)
    made = [f"{now - timedelta(days=ago):%Y-%m-%d %H:%M:%S}" for ago in (4, 3)]
    tracker.set_status(tracker.create("3", made[0]), "resolved", made[1])
    url = stack.enter_context(http_simulator(tracker.answer)).url
    return {"url": url, "token_file": secret_file(place, TOKEN), "queues": ["Support"], "since": "10d"}


BUILDERS: dict[str, Builder] = {
    "request_tracker": request_tracker,
}
