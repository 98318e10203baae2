"""Asking Alertmanager and Prometheus: lists, and nothing that changes anything. Failures: SourceUnavailable.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
https://prometheus.io/docs/prometheus/latest/querying/api/#rules
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Place, Web
from ccmm_plugin_facilities.monitoring_words import Alarm, AlertRule
from ccmm_proto.errors import Malformed

_ALL: Final = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
_RIGHT: Final = "the right to read it in the proxy before it"


@contextmanager
def understood(place: Place, name: str) -> Iterator[None]:
    """What an answer lacks, as SourceUnavailable."""
    try:
        yield
    except Malformed as error:
        told = f"{place.where}: {name} answered with {error}: another version, or another service?"
        raise SourceUnavailable(Reason.UNREADABLE, told) from error


def alertmanager_up_since(web: Web) -> tuple[str, datetime]:
    """Version, and when it started: just then it does not know all alerts yet."""
    status = web.get("/api/v2/status", what="the status", right=_RIGHT).json_object()
    version = status.get("versionInfo")
    return str(version.get("version", "?") if isinstance(version, dict) else "?"), instant_of(status, "uptime")


def firing(web: Web, *, service_label: str, severity_label: str, silences: bool) -> list[Alarm]:
    """All alerts that are firing now, silenced ones too. With `silences` one that was set meanwhile says: seen."""
    since = _silences(web) if silences else {}
    found: dict[str, Alarm] = {}
    for row in _list(web.get("/api/v2/alerts", _ALL, what="the alerts", right=_RIGHT).json(), "alerts"):
        labels, status = _table(row, "labels"), _table(row, "status")
        started = instant_of(row, "startsAt")
        silenced = [since[id] for id in status.get("silencedBy") or [] if id in since]
        alarm = Alarm(
            id=f"{_text(row, 'fingerprint')} {started:%Y-%m-%dT%H:%M:%SZ}",
            name=_text(labels, "alertname"),
            started=started,
            acked=min((when for when in silenced if when >= started), default=None),
            severity=str(labels.get(severity_label, "")),
            service=str(labels.get(service_label, "")),
        )
        found[alarm.id] = alarm
    return list(found.values())


def alert_rules(web: Web) -> tuple[list[AlertRule], list[str]]:
    """Prometheus's rules for alerts, and the names of those that it has not tried yet since it started."""
    answer = web.get("/api/v1/rules", {"type": "alert"}, what="the rules", right=_RIGHT).json_object()
    if answer.get("status") != "success":
        raise Malformed("an error instead of rules")
    rules, untried = [], []
    for group in _list(_table(answer, "data").get("groups"), "groups of rules"):
        for row in _list(group.get("rules"), "rules"):
            if row.get("type") != "alerting":
                continue
            name, health = _text(row, "name"), row.get("health")
            fired = [
                instant_of(one, "activeAt")
                for one in _list(row.get("alerts") or [], "alerts of a rule")
                if one.get("state") == "firing"
            ]
            rules.append(AlertRule(name=name, live=health == "ok", fired=max(fired, default=None)))
            if health == "unknown":
                untried.append(name)
    return rules, untried


def instant_of(row: dict[str, Any], name: str) -> datetime:
    """A time with its zone, in UTC, whole seconds. Raises Malformed."""
    try:
        found = datetime.fromisoformat(_shortened(_text(row, name)))
        return found.astimezone(UTC).replace(microsecond=0) if found.tzinfo else _unzoned(name)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} that is no time") from None


def _unzoned(name: str) -> datetime:
    raise Malformed(f"{name} without a zone")


def _shortened(text: str) -> str:
    """Go writes up to nine digits of a second, Python reads six."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{rest[digits:]}" if dot else text


def _silences(web: Web) -> dict[str, datetime]:
    rows = _list(web.get("/api/v2/silences", what="the silences", right=_RIGHT).json(), "silences")
    return {_text(row, "id"): instant_of(row, "startsAt") for row in rows}


def _list(found: object, what: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Malformed(f"{what} of another shape than a list")
    return found


def _table(row: dict[str, Any], name: str) -> dict[str, Any]:
    found = row.get(name)
    if not isinstance(found, dict):
        raise Malformed(f"an answer without {name}")
    return found


def _text(row: dict[str, Any], name: str) -> str:
    found = row.get(name)
    if not isinstance(found, str) or not found:
        raise Malformed(f"an answer without {name}")
    return found
