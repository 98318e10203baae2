"""Presence of users → log-ins and pauses.

Logged in: any presence but offline. Paused: logged in and not on the queue; the reason is the presence.
"""

from collections.abc import Iterable, Mapping

from ccmm_plugin_telephony.agent_time import LOGIN, AgentTime, Stay
from ccmm_plugin_telephony.genesys.shape import Object, instant_of, objects, text_of
from ccmm_proto.errors import Malformed

OFFLINE = "OFFLINE"
ON_QUEUE = "ON_QUEUE"


def agent_time_of(users: Iterable[Object], staff: Mapping[str, str], begin_ms: int, end_ms: int) -> AgentTime:
    """What lies between the two instants. Raises Malformed. A presence that goes on lasts until the end."""
    agents = AgentTime()
    for user in users:
        id = text_of(user, "userId")
        if not id:
            raise Malformed("a user without id")
        _add(agents, staff.get(id, id), _spans(objects(user, "primaryPresence"), begin_ms, end_ms))
    agents.stays.sort()
    return agents


def _spans(records: Iterable[Object], begin_ms: int, end_ms: int) -> list[tuple[int, int, str]]:
    """(since, until, presence) in seconds, in order; where two overlap, the later one ends the earlier."""
    found: list[tuple[int, int, str]] = []
    for record in records:
        since_ms, until_ms = instant_of(record, "startTime"), instant_of(record, "endTime")
        if since_ms is None:
            raise Malformed("a presence without beginning")
        since_s = max(since_ms, begin_ms) // 1000
        until_s = min(until_ms if until_ms is not None else end_ms, end_ms) // 1000
        if until_s > since_s:
            found.append((since_s, until_s, text_of(record, "systemPresence").upper()))
    found.sort()
    cut = [
        min(until_s, found[at + 1][0]) if at + 1 < len(found) else until_s for at, (_, until_s, _) in enumerate(found)
    ]
    return [
        (since_s, until_s, word) for (since_s, _, word), until_s in zip(found, cut, strict=True) if until_s > since_s
    ]


def _add(agents: AgentTime, agent: str, spans: list[tuple[int, int, str]]) -> None:
    begun_s: int | None = None
    for at, (since_s, until_s, word) in enumerate(spans):
        if word in (OFFLINE, ""):
            continue
        begun_s = since_s if begun_s is None else begun_s
        if word != ON_QUEUE:
            agents.spend(agent, f"pause/{word}", since_s, until_s)
        goes_on = at + 1 < len(spans) and spans[at + 1][0] == until_s and spans[at + 1][2] not in (OFFLINE, "")
        if not goes_on:
            agents.spend(agent, LOGIN, begun_s, until_s)
            agents.stays.append(Stay(agent, begun_s, until_s))
            begun_s = None
