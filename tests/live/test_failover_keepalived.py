"""A drill with two real keepalived: the usual node is stopped, the other one serves, the usual one comes back."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_agent.testing import read_all
from ccmm_plugin_facilities.failover import Failover
from tests.support.keepalived import NAMES, Pair, pair_of_nodes

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")


def source(folder: Path) -> Failover:
    given = {"service": "acd", "plan": str(folder / "drills.csv"), "home": NAMES[0], "keepalived": "VI_1"}
    log = {"folder": str(folder), "pattern": "keepalived.log", "settle": "1s", "rto": "10s"}
    return Failover.from_options(Options({**given, **log}))


def drill(pair: Pair) -> None:
    pair.stop(NAMES[0])
    pair.wait_for(NAMES[1], "Entering MASTER")
    pair.start(NAMES[0])
    pair.wait_for(NAMES[0], "Entering MASTER", times=2)
    pair.wait_for(NAMES[1], "Entering BACKUP", times=2)


def test_what_two_real_nodes_write_is_one_drill_that_was_passed(tmp_path: Path) -> None:
    with pair_of_nodes(tmp_path) as pair:
        time.sleep(1.1)  # whole seconds: the drill begins in another one than the last line so far
        begin = datetime.now(UTC).replace(microsecond=0)
        plan = f"ref,from,until\ndrill-4,{begin.isoformat()},{(begin + timedelta(hours=1)).isoformat()}\n"
        (tmp_path / "drills.csv").write_text(plan)
        (tmp_path / "keepalived.log").write_text(pair.log())
        _, done = read_all(source(tmp_path), now=begin - timedelta(minutes=1), zone=ZONE)
        drill(pair)
        (tmp_path / "keepalived.log").write_text(pair.log())
    (one,), _ = read_all(source(tmp_path), cursor=done.cursor, now=begin + timedelta(minutes=5), zone=ZONE)
    told = {a.name: getattr(a.value, a.value.WhichOneof("value") or "") for a in one.occurrence.attributes}
    assert (one.occurrence.id.text, told["passed"]) == ("drill-4", True)
    assert 0 <= told["seconds"] <= 5
    assert one.occurrence.ended_ms >= one.occurrence.started_ms
    lost = [when for when, what in pair.said(NAMES[0]) if "sent 0 priority" in what]
    assert one.occurrence.started_ms == int(lost[0].timestamp() * 1000)
