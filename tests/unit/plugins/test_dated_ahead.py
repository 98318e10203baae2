"""A file that is dated ahead would be fresh for ever: how old it is cannot be told, so it is refused."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.clock_ask import read_chronyc

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TRACKING = "C0000201,192.0.2.1,3,1795348790.1,0.0001,0.0001,0.0001,1.0,0.0,0.1,0.01,0.001,64.0,Normal\n"


def dated(path: Path, content: str, at: datetime) -> Path:
    path.write_text(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def test_a_tracking_file_of_tomorrow_is_refused(tmp_path: Path) -> None:
    path = dated(tmp_path / "tracking", TRACKING, NOW - timedelta(minutes=1))
    assert read_chronyc(path, NOW, 600).stratum == 3
    dated(path, TRACKING, NOW + timedelta(days=1))
    with pytest.raises(SourceUnavailable, match="dated ahead") as caught:
        read_chronyc(path, NOW, 600)
    assert caught.value.reason is Reason.UNREADABLE
