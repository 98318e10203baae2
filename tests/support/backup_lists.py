"""A list of copies and a journal as a timer writes them, and what the tests of `backup` read from them."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_plugin_facilities.backup import Backup
from ccmm_proto.v1.statement_pb2 import Observation
from tests.support.stated import values_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def snapshot(at: datetime, **changed: object) -> dict[str, object]:
    return {
        "time": f"{at:%Y-%m-%dT%H:%M:%S}.11334879Z",
        "paths": ["/srv/crm"],
        "hostname": "crm-01",
        "username": "zhang",
        "tags": ["crm"],
        "id": "1eda94357a69",
        **changed,
    }


def line(action: str, started: datetime, minutes: int = 10, code: int = 0, **more: object) -> dict[str, object]:
    ended = started + timedelta(minutes=minutes)
    return {"action": action, "started": started.isoformat(), "ended": ended.isoformat(), "code": code, **more}


class Store:
    """A list and a journal, as a timer writes them."""

    def __init__(self, folder: Path) -> None:
        self.list, self.journal = folder / "list.json", folder / "journal.jsonl"
        self.tell([], as_of=NOON)
        self.note()

    def tell(self, snapshots: list[dict[str, object]], as_of: datetime) -> None:
        self.list.write_text(json.dumps(snapshots))
        os.utime(self.list, (as_of.timestamp(), as_of.timestamp()))

    def note(self, *lines: Mapping[str, object]) -> None:
        self.journal.write_text("".join(f"{json.dumps(one)}\n" for one in lines))

    def source(self, **changed: object) -> Backup:
        table = {
            "tool": "restic",
            "snapshots": str(self.list),
            "journal": str(self.journal),
            "zone": "UTC",
            "copies": [{"copy": "crm", "due": "01:30", "tags": ["crm"], "rto": "4h"}],
            "look_back": "4d",
            **changed,
        }
        options = Options({key: value for key, value in table.items() if value is not None})
        built = Backup.from_options(options)
        options.refuse_unknown()
        return built


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def attributes(one: Observation) -> dict[str, object]:
    """Of an occurrence, or of the first holding."""
    return values_of(one.occurrence if one.HasField("occurrence") else one.inventory.entries[0])


def jobs(observations: list[Observation]) -> dict[str, bool]:
    """Day of the due time -> verified."""
    found = [one for one in observations if one.occurrence.kind == "job"]
    return {one.occurrence.id.text.rpartition(" ")[2][:10]: bool(attributes(one)["verified"]) for one in found}
