"""Elasticsearch as far as a log store asks it, over a real socket: indices, aggregations, privileges, shards that fail.

https://www.elastic.co/guide/en/elasticsearch/reference/8.x/search-aggregations.html and cat-indices.html,
security-api-has-privileges.html there.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from ccmm_agent.testing_http import Asked, Reply, json_reply

KEY = "canary-api-key"
HOUR_MS = 3_600_000


@dataclass(slots=True)
class Elastic:
    """What it holds: times of documents by index."""

    indices: dict[str, list[datetime]]
    closed: frozenset[str] = frozenset()
    failed_shards: int = 0
    timed_out: bool = False
    writes: bool = False
    searches: list[dict[str, object]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        """For `http_simulator`."""
        if asked.headers.get("authorization") != f"ApiKey {KEY}":
            return json_reply({"error": {"type": "security_exception"}, "status": 401}, 401)
        if asked.path == "/_security/user/_has_privileges":
            rights = {"write": self.writes, "delete_index": False, "manage": False}
            return json_reply({"has_all_requested": False, "index": {"logs-*": rights}})
        if asked.path == "/_cat/indices/logs-*":
            return json_reply([self._listed(name) for name in self.indices])
        if asked.path == "/logs-*/_search" and asked.method == "POST":
            return json_reply(self._searched(json.loads(asked.body)))
        return json_reply({"error": "no handler found"}, 400)

    def _listed(self, name: str) -> dict[str, str]:
        shut = {"index": name, "status": "close"}
        return shut if name in self.closed else {**shut, "status": "open", "health": "green", "store.size": "1000"}

    def _searched(self, question: dict[str, dict[str, object]]) -> dict[str, object]:
        self.searches.append(dict(question))
        times = sorted(int(when.timestamp() * 1000) for found in self.indices.values() for when in found)
        if "hours" in question["aggs"]:
            hours = sorted({when // HOUR_MS * HOUR_MS for when in times})
            found: object = {"hours": {"buckets": [{"key": hour, "doc_count": 1} for hour in hours]}}
        else:
            found = {"first": {"value": times[0] if times else None}, "last": {"value": times[-1] if times else None}}
        shards = {"total": 3, "successful": 3 - self.failed_shards, "skipped": 0, "failed": self.failed_shards}
        return {"took": 5, "timed_out": self.timed_out, "_shards": shards, "aggregations": found}
