"""A center's Odoo, and how the tests of `odoo` read it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Done, Observation, Options, Reason, SourceUnavailable
from ccmm_agent.testing import read_all
from ccmm_plugin_crm.odoo import OdooCases
from tests.support.odoo_servers import OdooServer, ticket

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
FIELDS = {
    "class": "ticket_type_id",
    "queue": "team_id",
    "due": "sla_deadline",
    "closed": "close_date",
    "customer": "partner_id",
    "agent": "user_id",
    "number": "partner_phone",
}
VALUES = {"class": {"投诉": "complaint", "*": "enquiry"}}


def source(url: str, folder: Path, **changed: object) -> OdooCases:
    file = folder / "key"
    file.write_text("canary-api-key\n")
    file.chmod(0o600)
    base: Mapping[str, object] = {"url": url, "database": "center", "username": "ccmm", "key_file": str(file)}
    options = Options({**base, "model": "helpdesk.ticket", "fields": FIELDS, "values": VALUES, **changed})
    built = OdooCases.from_options(options)
    options.refuse_unknown()
    return built


def read_at(
    server: OdooServer, folder: Path, now: datetime = NOW, cursor: bytes = b"", **changed: object
) -> tuple[list[Observation], Done]:
    with server.running() as running:
        return read_all(source(running.url, folder, **changed), cursor=cursor, now=now, zone=ZONE)


def problem(server: OdooServer, folder: Path, **changed: object) -> tuple[Reason, str]:
    with server.running() as running, pytest.raises(SourceUnavailable) as caught:
        read_all(source(running.url, folder, **changed), now=NOW, zone=ZONE)
    assert "Wang" not in caught.value.detail
    return caught.value.reason, caught.value.detail


def cases(found: Sequence[Observation]) -> dict[str, dict[str, object]]:
    """Attributes of each case by its number."""
    told: dict[str, dict[str, object]] = {}
    for one in found:
        if one.occurrence.kind == "case":
            values = {each.name: each.value for each in one.occurrence.attributes}
            told[one.occurrence.id.text] = {
                name: getattr(value, str(value.WhichOneof("value"))) for name, value in values.items()
            }
    return told


def figures(found: Sequence[Observation]) -> dict[tuple[str, int, str], tuple[int, int]]:
    """(measure, day of the month, class) -> (count, revision)."""
    told = {}
    for one in found:
        if one.HasField("measure"):
            named = {each.name: each.text for each in one.measure.dimensions}
            day = datetime.fromtimestamp(one.measure.start_ms / 1000, UTC).day
            told[one.measure.id, day, named.get("class", "")] = (one.measure.count, one.measure.revision)
    return told


def center() -> OdooServer:
    complaint = {"ticket_type_id": [2, "投诉"], "team_id": [3, "Complaints"], "partner_id": [55, "Wang Fang"]}
    return OdooServer(
        tickets=[
            ticket(
                10,
                "2026-11-20 02:00:00",
                **complaint,
                user_id=[7, "Li Na"],
                sla_deadline="2026-11-21 02:00:00",
                close_date="2026-11-20 12:00:00",
            ),
            ticket(11, "2026-11-20 03:00:00", sla_deadline="2026-11-21 03:00:00", partner_phone="+86 21 5555 0101"),
            ticket(12, "2026-11-21 03:00:00", active=False, close_date="2026-11-21 04:00:00"),
        ]
    )
