"""When indices of Elasticsearch or OpenSearch have entries: first, last, hours with any. Whole, or SourceUnavailable.

Two searches that bring no document, and the list of indices. An answer of some shards only is none: it looks like a log
with gaps. https://www.elastic.co/guide/en/elasticsearch/reference/8.x/search-search.html
"""

from collections.abc import Mapping

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Body, Web, json_body
from ccmm_plugin_facilities.log_span import HOUR_S, LOOKED_S, Span

_RIGHT = "the privileges read, view_index_metadata and monitor of these indices"


def indices_span(web: Web, index: str, field: str, now_s: float) -> Span:
    """Of all indices that the pattern names. Raises SourceUnavailable."""
    span = Span()
    listed = web.get(
        f"/_cat/indices/{index}",
        {"format": "json", "bytes": "b", "expand_wildcards": "all", "h": "index,status,health,store.size"},
        what="the list of indices",
        right=_RIGHT,
    ).json()
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _unreadable("the list of indices is none")
    if not listed:
        raise SourceUnavailable(Reason.NOT_FOUND, f"no index {index}, or no right to see it: {_RIGHT}")
    if shut := sum(one.get("status") != "open" for one in listed):
        raise SourceUnavailable(Reason.LIMITED, f"{shut} indices of {index} are closed: what is in them cannot be seen")
    span.files = len(listed)
    span.size_bytes = sum(_whole(one.get("store.size") or "0") for one in listed)
    ends = _aggregations(web, index, {"first": {"min": {"field": field}}, "last": {"max": {"field": field}}}, None)
    first, last = (_value(ends, name) for name in ("first", "last"))
    if first is None or last is None:
        return span
    span.note(int(first // 1000))
    span.note(int(last // 1000))
    since = {
        "range": {field: {"gte": int(now_s - LOOKED_S) * 1000, "lte": int(now_s) * 1000, "format": "epoch_millis"}}
    }
    histogram = {"field": field, "fixed_interval": "1h", "min_doc_count": 1}
    found = _aggregations(web, index, {"hours": {"date_histogram": histogram}}, since)
    span.hours |= {hour // HOUR_S for hour in _buckets(found)}
    return span


def may_write(web: Web, index: str) -> bool | None:
    """Whether this account could change or delete entries; None where the server does not tell."""
    asked = {"index": [{"names": [index], "privileges": ["write", "delete_index", "manage"]}]}
    answer = web.post(
        "/_security/user/_has_privileges",
        json_body(asked),
        what="its privileges",
        statuses=(200, 400, 401, 403, 404, 405, 500),
        repeatable=True,
    )
    if answer.status != 200:
        return None
    index_rights = answer.json_object().get("index")
    if not isinstance(index_rights, dict):
        return None
    return any(True in rights.values() for rights in index_rights.values() if isinstance(rights, dict))


def _aggregations(
    web: Web, index: str, wanted: Mapping[str, object], query: Mapping[str, object] | None
) -> dict[str, object]:
    body: Body = json_body(
        {"size": 0, "track_total_hits": False, "aggs": wanted, **({"query": query} if query else {})}
    )
    path = f"/{index}/_search"
    answer = web.post(path, body, what="times of entries", right=_RIGHT, repeatable=True).json_object()
    shards = answer.get("_shards")
    if answer.get("timed_out") is not False or not isinstance(shards, dict):
        raise SourceUnavailable(Reason.LIMITED, f"{web.place.where}: the search gave up before it had seen all")
    if shards.get("failed") != 0 or shards.get("successful") != shards.get("total"):
        told = f"{web.place.where}: some shards did not answer: look at the health of the cluster"
        raise SourceUnavailable(Reason.LIMITED, told)
    found = answer.get("aggregations")
    if not isinstance(found, dict):
        raise _unreadable("the answer has no aggregations")
    return found


def _value(found: dict[str, object], name: str) -> float | None:
    held = found.get(name)
    value = held.get("value") if isinstance(held, dict) else "none"
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 2**43:
        raise _unreadable("a first or last time is none: is `field` a date?")
    return float(value)


def _buckets(found: dict[str, object]) -> list[int]:
    held = found.get("hours")
    buckets = held.get("buckets") if isinstance(held, dict) else None
    if not isinstance(buckets, list):
        raise _unreadable("the hours are none")
    hours = []
    for bucket in buckets:
        key = bucket.get("key") if isinstance(bucket, dict) else None
        if not isinstance(key, int) or isinstance(key, bool) or not 0 < key < 2**43:
            raise _unreadable("an hour is none")
        hours.append(key // 1000)
    return hours


def _whole(found: object) -> int:
    text = str(found)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _unreadable(told: str) -> SourceUnavailable:
    return SourceUnavailable(Reason.UNREADABLE, f"Elasticsearch: {told}")
