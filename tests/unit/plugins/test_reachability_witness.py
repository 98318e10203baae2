"""A witness that is never there must not turn outages into time that nobody watched."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import SourceUnavailable
from ccmm_agent.testing import read_all
from tests.unit.plugins.test_reachability import NOON, closed_port, site, source, trunk

__all__ = ["site", "trunk"]  # fixtures


def test_a_dead_witness_is_told_and_excuses_no_outage(trunk: int, site: int) -> None:
    dead = {"host": "127.0.0.1", "port": closed_port()}
    _, done = read_all(source(trunk, site, witness=dead), now=NOON, zone=ZoneInfo("UTC"))
    assert done.detail == "the witness fails while targets answer: it excuses nothing"
    later = NOON + timedelta(minutes=1)
    _, down = read_all(source(closed_port(), site, witness=dead), cursor=done.cursor, now=later, zone=ZoneInfo("UTC"))
    assert down.detail == done.detail
    found, _ = read_all(
        source(closed_port(), site, witness=dead, longest_gap="10m"),
        cursor=down.cursor,
        now=NOON + timedelta(minutes=6),
        zone=ZoneInfo("UTC"),
    )
    assert any(one.measure.id == "probe_down" and one.measure.sum.total > 0 for one in found)


def test_a_witness_that_answers_again_is_one_again(trunk: int, site: int) -> None:
    dead, alive = ({"host": "127.0.0.1", "port": port} for port in (closed_port(), site))
    _, done = read_all(source(trunk, site, witness=dead), now=NOON, zone=ZoneInfo("UTC"))
    later = NOON + timedelta(minutes=1)
    _, mended = read_all(source(trunk, site, witness=alive), cursor=done.cursor, now=later, zone=ZoneInfo("UTC"))
    assert mended.detail == ""
    with pytest.raises(SourceUnavailable, match="fails too"):
        read_all(source(closed_port(), site, witness=dead), cursor=mended.cursor, now=later, zone=ZoneInfo("UTC"))
