"""Lists of mod_callcenter → settings of queues, agents as accounts, and what was seen of each agent.

Counters and talk times of the list of agents are not used: they are of the agent's whole life and can be set back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from ccmm_plugin_telephony.freeswitch.agent_watch import Seen
from ccmm_plugin_telephony.instant import LATEST_S, is_number

QUEUE_COLUMNS = (
    "name",
    "strategy",
    "record_template",
    *(["max_wait_time", "max_wait_time_with_no_agent", "discard_abandoned_after", "tier_rule_wait_second"]),
)
AGENT_COLUMNS = ("name", "status", "state", "last_status_change", "max_no_answer", "wrap_up_time")
TIER_COLUMNS = ("queue", "agent", "state", "level", "position")
_NUMBERS = ("max_wait_time", "max_wait_time_with_no_agent", "discard_abandoned_after", "tier_rule_wait_second")
_MOST_TEXT = 200

Row = Mapping[str, str]
Entries = list[tuple[str, dict[str, object]]]


def settings_of(version: str, queues: Iterable[Row], tiers: Iterable[Row]) -> Entries:
    """Entries of the inventory `setting`. Who is logged in or on a break is of the moment, no configuration."""
    entries: dict[str, dict[str, object]] = {}
    if version:
        entries["freeswitch/version"] = {"system": "acd", "class": "version", "value": version[:100]}
    agents = Counter(tier["queue"] for tier in tiers)
    for queue in queues:
        name = queue["name"][:_MOST_TEXT]
        if name:
            entries |= {f"queue/{name}/{word}": entry for word, entry in _queue(queue, agents[queue["name"]]).items()}
    return list(entries.items())


def accounts_of(agents: Iterable[Row], tiers: Iterable[Row], staff: Mapping[str, str]) -> Entries:
    """Entries of the inventory `account`: who is on the list can log in, whatever the status is now."""
    queues: dict[str, set[str]] = defaultdict(set)
    for tier in tiers:
        queues[tier["agent"]].add(tier["queue"][:_MOST_TEXT])
    return [
        (
            name,
            {
                "system": "acd",
                "person": staff.get(name, name),
                "enabled": True,
                "groups": sorted(queues[name]) or None,
            },
        )
        for name in sorted({agent["name"] for agent in agents if agent["name"]})
    ]


def seen_of(agents: Iterable[Row], staff: Mapping[str, str]) -> list[Seen]:
    """One for each agent, under the staff id where the table has one."""
    return [
        Seen(
            agent=staff.get(agent["name"], agent["name"]),
            status=agent["status"],
            changed_s=_instant(agent["last_status_change"]),
        )
        for agent in agents
        if agent["name"]
    ]


def _queue(queue: Row, agents: int) -> dict[str, dict[str, object]]:
    entries: dict[str, dict[str, object]] = {}
    if queue["strategy"]:
        entries["strategy"] = {"system": "acd", "class": "queue", "value": queue["strategy"][:100]}
    entries["recorded"] = {"system": "acd", "class": "queue", "number": float(_is_recorded(queue["record_template"]))}
    for word in _NUMBERS:
        if is_number(queue[word]):
            entries[word] = {"system": "acd", "class": "queue", "number": float(queue[word])}
    entries["agents"] = {"system": "acd", "class": "queue", "number": float(agents)}
    return entries


def _is_recorded(template: str) -> bool:
    return template not in ("", "(null)")  # as the switch prints a template that is not set


def _instant(text: str) -> int:
    return int(text) if is_number(text) and int(text) < LATEST_S else 0
