"""Conversations and users as Genesys Cloud's Platform API gives them.

The detail as at https://developer.genesys.cloud/analyticsdatamanagement/analytics/detail/conversation-query.
"""

from datetime import datetime, timedelta
from typing import Any


def told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def user(id: str, name: str, **more: Any) -> dict[str, Any]:
    info = {"employerInfo": {"employeeId": f"E-{id}"}, "authorization": {"roles": [{"id": "r", "name": "Employee"}]}}
    return {"id": id, "name": name, "username": f"{name.lower()}@x.example", "state": "active", **info, **more}


def conversation(
    id: str,
    entered: datetime,
    *,
    wait_s: float = 5.0,
    talk_s: float = 60.0,
    queue: str = "q-1",
    agent: str | None = "u-1",
    hold_s: float = 0.0,
    after_s: float = 10.0,
    ended_by: str = "peer",
    transferred: bool = False,
    missed: int = 0,
    over: bool = True,
    answered: bool = True,
    outcome: str = "tAbandon",
) -> dict[str, Any]:
    """A call from outside: 30 s in a menu, one queue, then an agent or nobody (`outcome`: tAbandon or tFlowOut)."""
    start, left = entered - timedelta(seconds=30), entered + timedelta(seconds=wait_s)
    ends = left + timedelta(seconds=talk_s + hold_s) if answered else left
    agents = [_missed(queue, entered, n) for n in range(missed)]
    if answered:
        agents.append(_agent(queue, agent, left, wait_s, talk_s, hold_s, after_s, ended_by, transferred, over))
    waited = _waiting(queue, entered, left, None if answered else outcome, over or answered)
    return {
        "conversationId": id,
        "conversationStart": told(start),
        **({"conversationEnd": told(ends)} if over else {}),
        "originatingDirection": "inbound",
        "participants": [_caller(start, ends if over else None), waited, *agents],
    }


def _caller(since: datetime, until: datetime | None) -> dict[str, Any]:
    session = {"mediaType": "voice", "segments": [{"segmentType": "interact", **_span(since, until)}]}
    return {
        "purpose": "customer",
        "participantName": "Ann Caller",
        "sessions": [{**session, "ani": "tel:+4930123456"}],
    }


def _waiting(queue: str, entered: datetime, left: datetime, outcome: str | None, has_left: bool) -> dict[str, Any]:
    wait_ms = (left - entered).total_seconds() * 1000
    metrics = [_metric("nOffered", entered, 1), _metric("tAcd", left, wait_ms)]
    if outcome is not None:
        metrics.append(_metric(outcome, left, wait_ms))
    segment = {"segmentType": "interact", "queueId": queue, **_span(entered, left if has_left else None)}
    return {"purpose": "acd", "sessions": [{"mediaType": "voice", "metrics": metrics, "segments": [segment]}]}


def _agent(
    queue: str,
    agent: str | None,
    since: datetime,
    wait_s: float,
    talk_s: float,
    hold_s: float,
    after_s: float,
    ended_by: str,
    transferred: bool,
    over: bool,
) -> dict[str, Any]:
    ends = since + timedelta(seconds=talk_s + hold_s)
    metrics = [_metric("tAlert", since, 2000), _metric("tAnswered", since, wait_s * 1000)]
    talk = {"segmentType": "interact", "queueId": queue, "disconnectType": ended_by, **_span(since, ends)}
    wrapup = {
        "segmentType": "wrapup",
        "queueId": queue,
        **_span(ends, ends + timedelta(seconds=after_s) if over else None),
    }
    if over:
        metrics += [_metric("tTalkComplete", ends, talk_s * 1000), _metric("tAcw", ends, after_s * 1000)]
        metrics += [_metric("tHeld", ends, hold_s * 500)] * 2 if hold_s else []
        metrics += [_metric("nTransferred", ends, 1)] if transferred else []
    session = {"mediaType": "voice", "metrics": metrics, "segments": [talk, wrapup]}
    return {"purpose": "agent", "userId": agent, "sessions": [session]}


def _missed(queue: str, entered: datetime, n: int) -> dict[str, Any]:
    rung = entered + timedelta(seconds=n + 1)
    segment = {"segmentType": "alert", "queueId": queue, "disconnectType": "client", **_span(entered, rung)}
    metrics = [_metric("tAlert", rung, 1000), _metric("tNotResponding", rung, 1000)]
    return {
        "purpose": "agent",
        "userId": "u-9",
        "sessions": [{"mediaType": "voice", "metrics": metrics, "segments": [segment]}],
    }


def _metric(name: str, at: datetime, value: float) -> dict[str, Any]:
    return {"name": name, "emitDate": told(at), "value": round(value)}


def _span(since: datetime, until: datetime | None) -> dict[str, str]:
    return {"segmentStart": told(since), **({"segmentEnd": told(until)} if until is not None else {})}
