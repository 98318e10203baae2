"""A folder of scans with files of chosen age, and what the tests of `scap` read from it."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_plugin_access_control.scap import Scap
from ccmm_proto.v1.statement_pb2 import Observation
from tests.support.scans import PROFILE
from tests.support.stated import values_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class Folder:
    """A folder of results with files of chosen age."""

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def put(self, name: str, content: str | bytes, changed: datetime = NOW - DAY) -> None:
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (changed.timestamp(), changed.timestamp()))

    def options(self, **changed: object) -> dict[str, object]:
        return {"results": str(self.path / "*.xml"), "profiles": [PROFILE], **changed}

    def source(self, **changed: object) -> Scap:
        given_options = Options(self.options(**changed))
        built = Scap.from_options(given_options)
        given_options.refuse_unknown()
        return built


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def scans(observations: list[Observation]) -> list[tuple[object, object]]:
    """Full and passed of each scan, in order of time."""
    found = sorted((one.occurrence for one in observations if one.HasField("occurrence")), key=lambda one: one.ended_ms)
    return [(one["full"], one["passed"]) for one in map(values_of, found)]


def devices(observations: list[Observation]) -> dict[str, dict[str, object]]:
    (listed,) = [one.inventory for one in observations if one.HasField("inventory")]
    return {one.key.text: values_of(one) for one in listed.entries}
