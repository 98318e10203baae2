"""A simulator of Amazon Connect's service: REST-JSON, signatures, pages, and the errors that it names in a header.

As documented at https://docs.aws.amazon.com/connect/latest/APIReference/API_SearchContacts.html and, beside it,
API_DescribeContact, API_GetMetricDataV2, API_SearchUsers, API_ListQueues, API_ListSecurityProfiles;
https://docs.aws.amazon.com/connect/latest/APIReference/best-practices-connect-apis.html (429, ThrottlingException) and
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html.
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from ccmm_agent.testing_http import Asked, Certificate, Reply, Simulator, http_simulator, json_reply

REGION, ACCOUNT, INSTANCE = "eu-central-1", "123456789012", "11111111-2222-3333-4444-555555555555"
KEY, SECRET = "AKIAEXAMPLEEXAMPLE00", "secret+canary/x"
ACTIONS = frozenset(
    (
        *("connect:SearchContacts", "connect:DescribeContact", "connect:ListQueues", "connect:SearchUsers"),
        *("connect:ListSecurityProfiles", "connect:GetMetricDataV2"),
    )
)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


@dataclass(slots=True, kw_only=True)
class Connect:
    """What the instance holds, what the policy allows, and how large a page is."""

    contacts: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=lambda: {"q-1": "Support", "q-2": "Sales"})
    users: list[dict[str, Any]] = field(default_factory=list)
    online: dict[str, tuple[float, float]] = field(default_factory=dict)  # user -> online, away; of each day
    actions: frozenset[str] = ACTIONS
    page: int = 2
    more_counted: int = 0

    @contextmanager
    def running(self, tls: Certificate | None = None) -> Iterator[Simulator]:
        with http_simulator(self._answer, tls=tls) as server:
            yield server

    def _answer(self, asked: Asked) -> Reply:
        refused = _verified(asked)
        if refused is not None:
            return refused
        for begin, action, answer in self._paths():
            if asked.path.startswith(begin):
                if action not in self.actions:
                    return error(403, "AccessDeniedException", f"User is not authorized to perform: {action}")
                if INSTANCE not in asked.path and INSTANCE not in asked.body.decode():
                    return error(404, "ResourceNotFoundException", "Instance not found")
                return answer(asked)
        return error(404, "UnknownOperationException", "")

    def _paths(self) -> Iterable[tuple[str, str, Callable[[Asked], Reply]]]:
        return (
            ("/search-contacts", "connect:SearchContacts", self._search),
            ("/contacts/", "connect:DescribeContact", self._describe),
            ("/queues-summary/", "connect:ListQueues", self._queues),
            ("/search-users", "connect:SearchUsers", self._users),
            ("/security-profiles-summary/", "connect:ListSecurityProfiles", self._profiles),
            ("/metrics/data", "connect:GetMetricDataV2", self._metrics),
        )

    def _search(self, asked: Asked) -> Reply:
        body = _object(asked)
        span, criteria = body["TimeRange"], body["SearchCriteria"]
        methods = criteria.get("InitiationMethods")
        found = [
            one
            for one in sorted(self.contacts, key=lambda one: float(one["InitiationTimestamp"]))
            if one["Channel"] in criteria["Channels"]
            and (methods is None or one["InitiationMethod"] in methods)
            and span["StartTime"] <= _basis(one, span["Type"]) < span["EndTime"]
        ]
        return self._paged("Contacts", found, body.get("NextToken"), TotalCount=len(found))

    def _describe(self, asked: Asked) -> Reply:
        id = asked.path.rsplit("/", 1)[1]
        contact = next((one for one in self.contacts if one["Id"] == id), None)
        if contact is None:
            return error(404, "ResourceNotFoundException", "Contact not found")
        more = self.details.get(id, {})
        agent = {**contact.get("AgentInfo", {}), **more.get("AgentInfo", {})}
        return json_reply({"Contact": {**contact, **more, "AgentInfo": agent}})

    def _queues(self, asked: Asked) -> Reply:
        found = [{"Id": id, "Name": name, "QueueType": "STANDARD"} for id, name in self.queues.items()]
        return self._paged("QueueSummaryList", found, asked.query.get("nextToken"))

    def _users(self, asked: Asked) -> Reply:
        return self._paged("Users", self.users, _object(asked).get("NextToken"))

    def _profiles(self, asked: Asked) -> Reply:
        found = [{"Id": "p-1", "Name": "Admin"}, {"Id": "p-2", "Name": "Agent"}, {"Id": "p-3", "Name": "QA"}]
        return self._paged("SecurityProfileSummaryList", found, asked.query.get("nextToken"))

    def _metrics(self, asked: Asked) -> Reply:
        body = _object(asked)
        wanted, group = body["Filters"][0]["FilterValues"], body["Groupings"][0]
        if len(wanted) > 100:
            return error(400, "InvalidParameterException", "too many filter values")
        names = [metric["Name"] for metric in body["Metrics"]]
        values = {id: dict(zip(names, of, strict=True)) for id, of in self.online.items()}
        if group == "QUEUE":
            begin, end = body["StartTime"], body["EndTime"]
            voice = [one for one in self.contacts if one["Channel"] in body["Filters"][1]["FilterValues"]]
            joined = [one for one in voice if begin <= _basis(one, "ENQUEUE_TIMESTAMP") < end]
            counts = Counter(one["QueueInfo"]["Id"] for one in joined)
            values = {id: {names[0]: float(n + self.more_counted)} for id, n in counts.items()}
        results = [
            {"Dimensions": {group: id}, "Collections": [{"Metric": {"Name": one}, "Value": v} for one, v in of.items()]}
            for id, of in values.items()
            if id in wanted
        ]
        return self._paged("MetricResults", results, body.get("NextToken"))

    def _paged(self, key: str, found: list[dict[str, Any]], token: str | None, **more: object) -> Reply:
        begin = int(token or 0)
        page: dict[str, object] = {key: found[begin : begin + self.page], **more}
        if begin + self.page < len(found):
            page["NextToken"] = str(begin + self.page)
        return json_reply(page)


def error(status: int, kind: str, message: str) -> Reply:
    return json_reply({"message": message}, status, x_amzn_errortype=kind)


def contact(
    id: str,
    queued: datetime,
    *,
    wait_s: float = 5.0,
    talk_s: float | None = 60.0,
    queue: str = "q-1",
    agent: str = "u-1",
    method: str = "INBOUND",
    before: str = "",
    answered: bool = True,
    ended: bool = True,
) -> dict[str, Any]:
    """A voice contact as the search gives it; times are epochs, as REST-JSON writes them."""
    left = queued + timedelta(seconds=wait_s)
    ends = left + timedelta(seconds=talk_s or 0.0) if answered else left
    return {
        "Id": id,
        "Arn": f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{INSTANCE}/contact/{id}",
        "Channel": "VOICE",
        "InitiationMethod": method,
        "InitiationTimestamp": (queued - timedelta(seconds=30)).timestamp(),
        "QueueInfo": {"Id": queue, "EnqueueTimestamp": queued.timestamp()},
        **({"PreviousContactId": before} if before else {}),
        **({"AgentInfo": {"Id": agent, "ConnectedToAgentTimestamp": left.timestamp()}} if answered else {}),
        **({"DisconnectTimestamp": ends.timestamp()} if ended else {}),
    }


def user(id: str, name: str, *profiles: str, tag: str | None = None) -> dict[str, Any]:
    tags = {"Tags": {"employee_id": tag}} if tag else {}
    return {"Id": id, "Username": name, "SecurityProfileIds": [*profiles], "IdentityInfo": {"FirstName": "Ann"}, **tags}


def _basis(one: Mapping[str, Any], kind: str) -> float:
    if kind == "ENQUEUE_TIMESTAMP":
        return float(one.get("QueueInfo", {}).get("EnqueueTimestamp", 0.0))
    return float(one["InitiationTimestamp"])


def _object(asked: Asked) -> dict[str, Any]:
    found = asked.json()
    assert isinstance(found, dict)
    return found


def _verified(asked: Asked) -> Reply | None:
    """Signature Version 4 over what came, as the service computes it anew."""
    match = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
    if match is None:
        return error(403, "MissingAuthenticationTokenException", "")
    key, scope, signed, signature = match.groups()
    if key != KEY:
        return error(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(text, safe='-_.~')}" for name, text in sorted(asked.query.items())
    )
    headers = "".join(f"{name}:{' '.join(asked.headers[name].split())}\n" for name in signed.split(";"))
    payload = hashlib.sha256(asked.body).hexdigest()
    canonical = "\n".join((asked.method, quote(asked.path, safe="/-_.~"), query, headers, signed, payload))
    to_sign = "\n".join(
        ("AWS4-HMAC-SHA256", asked.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    derived = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(derived, to_sign.encode(), "sha256").hex(), signature):
        return error(403, "InvalidSignatureException", "The request signature we calculated does not match.")
    return None
