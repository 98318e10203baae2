"""What was seen of agents at each look → log-ins and pauses.

mod_callcenter keeps of each agent the status and when it last changed, no history. So between two looks one change is
known to the second, and of several the last: the others are not seen. Nothing is vouched for over a gap between
looks that is longer than `GAP_S`, unless an agent's status has not changed since before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ccmm_plugin_telephony.agent_time import AgentTime

GAP_S = 1800
LOGGED_OUT = "Logged Out"
ON_BREAK = "On Break"
_HERE = "acd"  # the one place that an agent can be


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One agent as a look saw it. `changed_s` 0: the switch does not say since when."""

    agent: str
    status: str
    changed_s: int


def watch(agents: AgentTime, seen: Iterable[Seen], before_s: int | None, now_s: int) -> None:
    """Carries the state of the look at `before_s` (None: there was none) to `now_s`."""
    found = {one.agent: one for one in seen}
    if before_s is not None:
        _end_unknown(agents, found, before_s, now_s)
    for one in found.values():
        at_s = _when(one, before_s, now_s)
        _apply(agents, one, at_s)


def _end_unknown(agents: AgentTime, found: dict[str, Seen], before_s: int, now_s: int) -> None:
    """An agent who was taken off the list, and, after a gap, one whose status changed in it, left when last seen."""
    gap = now_s - before_s > GAP_S
    for agent in list(agents.since):
        one = found.get(agent)
        if one is None or (gap and not 0 < one.changed_s <= before_s):
            agents.leave(agent, _HERE, before_s)


def _when(one: Seen, before_s: int | None, now_s: int) -> int:
    """When the present status began, as far as it is vouched for."""
    if before_s is None or now_s - before_s > GAP_S or one.changed_s <= 0:
        return now_s
    return min(max(one.changed_s, before_s), now_s)


def _apply(agents: AgentTime, one: Seen, at_s: int) -> None:
    if one.status == LOGGED_OUT:
        if one.agent in agents.since:
            agents.leave(one.agent, _HERE, at_s)
        return
    if one.agent not in agents.since:
        agents.come(one.agent, _HERE, at_s)
    paused = one.agent in agents.paused_since
    if one.status == ON_BREAK and not paused:
        agents.pause(one.agent, _HERE, ON_BREAK, at_s)
    elif one.status != ON_BREAK and paused:
        agents.unpause(one.agent, _HERE, at_s)
