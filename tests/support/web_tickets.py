"""A web API that tells of tickets, and how the tests of the HTTP client ask it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing_http import Asked, Reply, Simulator, http_simulator, json_reply
from ccmm_agent.web import Answer, Place, Web, bearer

SECRET = "s3cr3t-canary"
PERSON = "zhang.wei"


def tickets(asked: Asked) -> Reply:
    return json_reply({"asked": asked.path, "names": ["张伟"] * 50})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_agent.web._PAUSE_S", 0.05)


@pytest.fixture
def server() -> Iterator[Simulator]:
    with http_simulator(tickets) as running:
        yield running


def place(url: str, **changed: object) -> Place:
    host, port = re.fullmatch(r"https?://([^:/]+):(\d+).*", url).groups()  # type: ignore[union-attr]
    given: dict[str, object] = {"url": url, "host": host, "port": int(port), "timeout_s": 5.0, **changed}
    return Place(**given)  # type: ignore[arg-type]


def asked_of(url: str, *, budget_s: float = 20.0, most_bytes: int = 1 << 20, **changed: object) -> Answer:
    with Web(place(url, **changed), bearer(SECRET), budget_s=budget_s, most_bytes=most_bytes) as web:
        return web.get("/tickets", {"owner": PERSON}, what="tickets", right="the right ShowTicket")


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    """SourceUnavailable with these words, and never the secret or what was asked about whom."""
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert "tickets: " in caught.value.detail
    assert SECRET not in caught.value.detail
    assert PERSON not in caught.value.detail
