"""Messages of the manager interface → settings, and what an account could do beyond reading.

Of a queue only its settings are taken. Members and pauses are of the moment, no configuration; service level, hold and
talk times and counts are of answered calls, moving averages, and lower than the queue log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ccmm_plugin_telephony.asterisk.ami_protocol import Message

GIVES_PASSWORDS = frozenset(("GetConfig", "GetConfigJSON", "PJSIPShowAuths", "PJSIPShowEndpoint"))
_READING = frozenset(
    (
        *("BridgeInfo", "BridgeList", "BridgeTechnologyList", "Challenge", "ConfbridgeList", "ConfbridgeListRooms"),
        *("CoreSettings", "CoreShowChannelMap", "CoreShowChannels", "CoreStatus", "DBGet", "DBGetTree"),
        *("DeviceStateList", "Events", "ExtensionState", "ExtensionStateList", "Getvar", "ListCategories"),
        *("ListCommands", "Login", "Logoff", "MailboxCount", "MailboxStatus", "ModuleCheck", "ParkedCalls", "Ping"),
        *("Parkinglots", "PresenceState", "PresenceStateList", "QueueRule", "QueueStatus", "QueueSummary"),
        *("ShowDialPlan", "Status", "WaitEvent"),
    )
)
_QUEUE_SETTINGS = {"ServiceLevel": "service_level", "Max": "most_callers", "Weight": "weight"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """What an account could do beyond reading: by its rights, and, as everybody can, without any right."""

    by_rights: tuple[str, ...]
    without_rights: tuple[str, ...]
    passwords: tuple[str, ...]


def excess_of(commands: Mapping[str, frozenset[str]]) -> Excess:
    """From the list of commands that this account may send."""
    acting = {action for action in commands if action not in _READING and not _shows(action)}
    return Excess(
        by_rights=tuple(sorted(action for action in acting if commands[action])),
        without_rights=tuple(sorted(action for action in acting if not commands[action])),
        passwords=tuple(sorted(GIVES_PASSWORDS & set(commands))),
    )


def settings_of(version: str | None, status: Iterable[Message]) -> list[tuple[str, dict[str, object]]]:
    """Entries of the inventory `setting`. `status` are the events of QueueStatus."""
    entries: dict[str, dict[str, object]] = {}
    if version:
        entries["asterisk/version"] = {"system": "acd", "class": "version", "value": version[:100]}
    for event in status:
        queue = event.get("Queue")[:200]
        if event.get("Event") == "QueueParams" and queue:
            entries |= _queue(queue, event)
    return list(entries.items())


def _queue(queue: str, event: Message) -> dict[str, dict[str, object]]:
    entries: dict[str, dict[str, object]] = {}
    if event.get("Strategy"):
        entries[f"queue/{queue}/strategy"] = {"system": "acd", "class": "queue", "value": event.get("Strategy")[:100]}
    for key, name in _QUEUE_SETTINGS.items():
        text = event.get(key)
        if text.isascii() and text.isdigit() and len(text) <= 12:
            entries[f"queue/{queue}/{name}"] = {"system": "acd", "class": "queue", "number": float(text)}
    return entries


def _shows(action: str) -> bool:
    return "Show" in action and action not in GIVES_PASSWORDS
