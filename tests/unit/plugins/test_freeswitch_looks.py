"""Agents of FreeSWITCH from look to look: log-ins and breaks to the second, and what nobody vouches for."""

from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Observation, SourceUnavailable
from ccmm_agent.testing import read_all
from ccmm_plugin_telephony.agent_time import AgentTime
from ccmm_plugin_telephony.freeswitch.agent_watch import Seen, watch
from tests.support.freeswitch import FreeSwitch
from tests.support.freeswitch_center import NINE, secret, source, switch
from tests.support.queue_logs import ZONE, at, column, measures, rolls

__all__ = ["secret", "switch"]


class Looks:
    """One source that looks again and again."""

    def __init__(self, switch: FreeSwitch, secret: Path) -> None:
        self.switch, self.source, self.cursor = switch, source(switch, secret), b""
        self.stated: list[Observation] = []
        self.covered: list[tuple[datetime, datetime] | None] = []

    def look(self, now: datetime, **agents: tuple[str, str]) -> None:
        for name, (status, since) in agents.items():
            self.switch.agents[name] = (status, int(at(since).timestamp()))
        found, done = read_all(self.source, cursor=self.cursor, now=now, zone=ZONE)
        self.cursor = done.cursor
        self.stated += found
        self.covered.append(done.covers)


@pytest.fixture
def looks(switch: FreeSwitch, secret: Path) -> Looks:
    switch.agents.clear()
    switch.tiers.clear()
    return Looks(switch, secret)


def test_log_ins_and_breaks_are_known_to_the_second_from_look_to_look(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Logged Out", "07:00"))
    looks.look(at("08:10"), A1=("Available", "08:07"))
    looks.look(at("08:20"), A1=("On Break", "08:15:30"))
    looks.look(at("08:30"), A1=("Available", "08:25:30"))
    for minutes in range(40, 120, 10):
        looks.look(at("08:00") + timedelta(minutes=minutes))
    looks.look(at("10:00"), A1=("Logged Out", "09:52"))
    for minutes in range(10, 20 * 60, 25):
        looks.look(at("10:00") + timedelta(minutes=minutes))
    hours = rolls(looks.stated, "session")
    assert {hour: column(roll, "lasted") for hour, roll in hours.items()} == {at("08:00"): [3180], at("09:00"): [3120]}
    found = measures(looks.stated)
    login, pause = found["login_time", "A1", at("00:00")], found["pause_time", "A1 On Break", at("00:00")]
    assert (login.sum.total, pause.sum.total) == (6300.0, 600.0)
    assert looks.covered[0] is None
    spans = [span for span in looks.covered if span]
    assert spans[0][0] == at("08:00")
    assert all(one[1] == other[0] for one, other in pairwise(spans))


def test_a_long_gap_between_looks_is_vouched_for_by_nobody(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"), A2=("Available", "07:00"))
    looks.look(at("08:15"))
    looks.look(at("10:00"), A2=("Available", "09:40"))  # A2 was away at some time between
    looks.look(at("10:15"))
    assert looks.covered == [None, (at("08:00"), at("08:15")), None, (at("10:00"), at("10:15"))]
    hours = rolls(looks.stated, "session")
    lasted = {hour: dict(zip(roll.clear_key, column(roll, "lasted"), strict=True)) for hour, roll in hours.items()}
    assert lasted[at("09:00")] == {"A1": 3600}  # whose status had not changed since 07:00
    assert lasted[at("08:00")] == {"A1": 3600, "A2": 900}
    assert lasted[at("10:00")] == {"A1": 900, "A2": 900}


def test_an_agent_taken_off_the_list_left_when_last_seen(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"))
    looks.look(at("08:20"))
    looks.switch.agents.clear()
    looks.look(at("08:40"))
    looks.look(at("09:00"))
    assert column(rolls(looks.stated, "session")[at("08:00")], "lasted") == [1200]


def test_a_clock_that_went_back_is_said(looks: Looks) -> None:
    looks.look(at("08:00"), A1=("Available", "07:00"))
    with pytest.raises(SourceUnavailable, match="clock"):
        looks.look(at("07:30"))


@given(
    st.lists(st.tuples(st.sampled_from(["Available", "On Break", "Logged Out"]), st.integers(-7200, 7200)), max_size=12)
)
def test_time_logged_in_is_never_longer_than_the_time_watched(steps: list[tuple[str, int]]) -> None:
    """Whatever a switch says of when a status changed."""
    agents, now_s, before_s = AgentTime(), NINE, None
    for status, offset in steps:
        watch(agents, [Seen(agent="A", status=status, changed_s=now_s + offset)], before_s, now_s)
        before_s, now_s = now_s, now_s + 600
    stays = agents.stays_until(now_s)
    assert sum(stay.until_s - stay.since_s for stay in stays) <= now_s - NINE
    assert all(one.until_s <= other.since_s for one, other in pairwise(stays))
