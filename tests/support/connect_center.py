"""An instance of Amazon Connect with five contacts and three users, and how the tests read it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent.plugin import Options, SourceUnavailable
from ccmm_agent.testing_http import Simulator
from ccmm_plugin_telephony.connect.calls_source import Contacts
from ccmm_plugin_telephony.connect.users_source import Users
from tests.support.connect import ACCOUNT, INSTANCE, KEY, REGION, SECRET, Connect, contact, user
from tests.support.every_base import secret_file
from tests.support.queue_logs import ZONE, at
from tests.support.refusals import refusal_of

NOON = at("12:00")
CALLS = [
    contact("c1", at("09:01"), wait_s=12.4, talk_s=100),
    contact("c2", at("09:02"), wait_s=20.0, talk_s=5, agent="u-2"),
    contact("c3", at("09:03"), wait_s=7.5, answered=False),
    contact("c4", at("09:14"), wait_s=60, answered=False),
    contact("c5", at("09:15"), wait_s=20.1, queue="q-2", method="QUEUE_TRANSFER", before="c4"),
]
DETAILS: dict[str, dict[str, Any]] = {
    "c1": {
        "DisconnectReason": "CUSTOMER_DISCONNECT",
        "AgentInfo": {"AgentInitiatedHoldDuration": 20, "AfterContactWorkDuration": 30},
        "Recordings": [
            {
                "MediaStreamType": "AUDIO",
                "Status": "AVAILABLE",
                "Location": "bucket/canary.wav",
                "StartTimestamp": at("09:01:12").timestamp(),
                "StopTimestamp": at("09:02:52").timestamp(),
            }
        ],
    },
    "c2": {"DisconnectReason": "AGENT_DISCONNECT", "Recordings": [{"MediaStreamType": "AUDIO", "Status": "DELETED"}]},
    "c3": {"DisconnectReason": "CONTACT_FLOW_DISCONNECT"},
    "c4": {"DisconnectReason": "OTHER"},
    "c5": {"DisconnectReason": "CUSTOMER_DISCONNECT"},
}


@pytest.fixture
def cloud() -> Connect:
    users = [user("u-1", "ann", "p-2", tag="E1"), user("u-2", "bob", "p-1", "p-2", tag="E2"), user("u-3", "cid", "p-2")]
    return Connect(contacts=[*CALLS], details={**DETAILS}, users=users)


@pytest.fixture
def server(cloud: Connect) -> Iterator[Simulator]:
    with cloud.running() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return Path(secret_file(tmp_path, f"{SECRET}\n"))


def options(server: Simulator, secret: Path, **more: object) -> dict[str, object]:
    who = {"region": REGION, "account_id": ACCOUNT, "instance_id": INSTANCE, "access_key_id": KEY}
    place = {"secret_file": str(secret), "endpoint_url": server.url, "call_timeout": "2s", "person_tag": "employee_id"}
    return {**who, **place, **more}


def calls(server: Simulator, secret: Path, **more: object) -> Contacts:
    built = Contacts.from_options(Options(options(server, secret, **{"history": "3h", **more})))
    return replace(built, account=replace(built.account, paced=False))


def users(server: Simulator, secret: Path, **more: object) -> Users:
    built = Users.from_options(Options(options(server, secret, **{"history": "2d", **more})))
    return replace(built, account=replace(built.account, paced=False))


def refused(source: Contacts | Users, now: datetime = NOON) -> SourceUnavailable:
    return refusal_of(source, now, ZONE)
