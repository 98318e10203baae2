"""A center's Salesforce, and how the tests of `salesforce` read it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import read_all
from ccmm_plugin_crm.salesforce import SalesforceCases
from tests.support.salesforce_orgs import PEM, Organisation, case, change

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
FIELDS = {"class": "Type", "due": "Due__c", "closed": "ClosedDate", "customer": "AccountId", "agent": "Owner.Username"}
VALUES = {"class": {"投诉": "complaint", "*": "enquiry"}}
WINDOW = Window(cursor=b"", now=NOW, zone=ZONE)
ID = "500{:012d}AAA".format


def at(day: int, hour: int, minute: int = 0) -> str:
    return f"2026-11-{day:02d}T{hour:02d}:{minute:02d}:00.000+0000"


def source(url: str, folder: Path, **changed: object) -> SalesforceCases:
    file = folder / "key.pem"
    if not file.exists():
        file.write_bytes(PEM)
        file.chmod(0o600)
    base: Mapping[str, object] = {"url": url, "login_url": url, "client_id": "app", "username": "ccmm@center.example"}
    options = Options({**base, "key_file": str(file), "fields": FIELDS, "values": VALUES, **changed})
    built = SalesforceCases.from_options(options)
    options.refuse_unknown()
    return built


def read_at(
    org: Organisation, folder: Path, now: datetime = NOW, cursor: bytes = b"", **changed: object
) -> tuple[list[Observation], Done]:
    with org.running() as running:
        return read_all(source(running.url, folder, **changed), cursor=cursor, now=now, zone=ZONE)


def problem(org: Organisation, folder: Path, **changed: object) -> tuple[Reason, str]:
    with org.running() as running, pytest.raises(SourceUnavailable) as caught:
        read_all(source(running.url, folder, **changed), now=NOW, zone=ZONE)
    assert "canary" not in caught.value.detail
    assert "Wang" not in caught.value.detail
    return caught.value.reason, caught.value.detail


def center() -> Organisation:
    owner = {"attributes": {"type": "Name"}, "Username": "E1007@center.example"}
    done = {"IsClosed": True, "ClosedDate": at(20, 12)}
    return Organisation(
        cases=[
            case(10, at(20, 2), Type="投诉", AccountId="001A", Owner=owner, Due__c=at(21, 2), **done),
            case(11, at(20, 3), Due__c=at(21, 3), Owner=None),
            case(12, at(21, 3), IsDeleted=True),
        ],
        history=[change(10, "Status", at(20, 12), "New", "Closed")],
    )
