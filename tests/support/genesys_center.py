"""An organisation of Genesys Cloud with five calls and two users, and how the tests read it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.plugin import Options, SourceUnavailable
from ccmm_agent.testing_http import Simulator
from ccmm_plugin_telephony.genesys.calls_source import Calls
from ccmm_plugin_telephony.genesys.users_source import Users
from tests.support.every_base import secret_file
from tests.support.genesys import CLIENT, SECRET, Genesys
from tests.support.genesys_detail import conversation, told, user
from tests.support.queue_logs import ZONE, at
from tests.support.refusals import refusal_of

DETAIL = "/api/v2/analytics/conversations/details"
NOON = at("12:00")
QUEUES = {"q-1": "Support", "q-2": "Sales"}
CALLS = [
    conversation("c1", at("09:01"), wait_s=12.4, talk_s=100, hold_s=20, after_s=30),
    conversation("c2", at("09:02"), wait_s=20.0, talk_s=5, ended_by="client", agent="u-2", missed=2),
    conversation("c3", at("09:03"), wait_s=7.5, answered=False),
    conversation("c4", at("09:14:50"), wait_s=60, answered=False, outcome="tFlowOut"),
    conversation("c5", at("09:16"), wait_s=20.1, queue="q-2", transferred=True),
]


@pytest.fixture
def cloud() -> Genesys:
    return Genesys(conversations=[*CALLS], users=[user("u-1", "Ann"), user("u-2", "Bob")])


@pytest.fixture
def server(cloud: Genesys) -> Iterator[Simulator]:
    with cloud.running() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return Path(secret_file(tmp_path, f"{SECRET}\n"))


def options(server: Simulator, secret: Path, **more: object) -> dict[str, object]:
    places = {"api_url": server.url, "login_url": server.url, "call_timeout": "2s"}
    return {"region": "mypurecloud.de", "client_id": CLIENT, "secret_file": str(secret), **places, **more}


def calls(server: Simulator, secret: Path, **more: object) -> Calls:
    built = Calls.from_options(Options(options(server, secret, **{"history": "3h", **more})))
    return replace(built, account=replace(built.account, poll_s=0.01))


def users(server: Simulator, secret: Path, **more: object) -> Users:
    return Users.from_options(Options(options(server, secret, **{"history": "1d", **more})))


def refused(source: Calls | Users, now: datetime = NOON) -> SourceUnavailable:
    return refusal_of(source, now, ZONE)


def presence(since: str, until: str | None, word: str, day: int = 2) -> dict[str, Any]:
    ends = {"endTime": told(at(until, day))} if until else {}
    return {"startTime": told(at(since, day)), "systemPresence": word, **ends}
