"""An Alertmanager and a Prometheus in memory, behind one port.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
https://prometheus.io/docs/prometheus/latest/querying/api/#rules; tests/live asks the real ones the same.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ccmm_agent.testing_http import Asked, Reply, json_reply

TOKEN = "monitoring-canary"
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class FakeMonitoring:
    """Its state; `answer` is what a simulator serves."""

    up_since: datetime
    alerts: list[dict[str, Any]] = field(default_factory=list)
    silences: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)

    def fire(self, name: str, at: datetime, *silenced_by: str, **labels: str) -> None:
        status = {"state": "active", "silencedBy": list(silenced_by), "inhibitedBy": []}
        given = {"startsAt": text(at), "endsAt": text(at + timedelta(hours=9)), "updatedAt": text(at), "status": status}
        self.alerts.append({"labels": {"alertname": name, **labels}, "fingerprint": f"f{len(self.alerts)}", **given})

    def rule(self, name: str, health: str = "ok", kind: str = "alerting", fired: datetime | None = None) -> None:
        alerts = [] if fired is None else [{"state": "firing", "activeAt": text(fired)}]
        self.rules.append({"name": name, "health": health, "type": kind, "alerts": alerts})

    def answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401)
        answers: dict[str, object] = {
            "/api/v2/status": {"uptime": text(self.up_since), "versionInfo": {"version": "0.25.0"}},
            "/api/v2/alerts": self.alerts,
            "/api/v2/silences": self.silences,
            "/api/v1/rules": {"status": "success", "data": {"groups": [{"name": "g", "rules": self.rules}]}},
        }
        return json_reply(answers[asked.path])


def text(at: datetime) -> str:
    """As Go writes it: nine digits, an offset."""
    return at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S.123456789+08:00")
