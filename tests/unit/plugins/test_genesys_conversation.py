"""One conversation of Genesys Cloud: who waited, who answered, who ended it; and that no answer breaks a parser."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_plugin_telephony.genesys.conversation import contacts_of
from ccmm_plugin_telephony.genesys.directory import accounts_of, queue_names
from ccmm_plugin_telephony.genesys.presence import agent_time_of
from ccmm_proto.errors import Malformed
from tests.support.genesys_center import CALLS, QUEUES
from tests.support.genesys_detail import conversation
from tests.support.queue_logs import at


def contact(one: dict[str, Any]) -> tuple[object, ...]:
    (found,) = contacts_of(one, QUEUES, {})
    return found.outcome, found.wait_s, found.talk_s, found.ended_by, found.is_open


def test_who_ended_a_call_and_whether_it_is_over() -> None:
    ends = {
        "client": "agent",
        "endpoint": "agent",
        "peer": "caller",
        "system": "system",
        "transfer": "transfer",
        "?": None,
    }
    assert {word: contact(conversation("c", at("09:00"), ended_by=word))[3] for word in ends} == ends
    assert contact(conversation("c", at("09:00"), over=False)) == ("answered", 5.0, None, None, True)
    assert contact(conversation("c", at("09:00"), over=False, answered=False, outcome="tOther"))[0] == "waiting"


def test_a_call_that_enters_the_same_queue_twice_is_two_entries_with_their_own_waits() -> None:
    first = conversation("c", at("09:00"), wait_s=4, talk_s=50, transferred=True)
    second = conversation("c", at("09:05"), wait_s=9, talk_s=70, agent="u-2")
    one = {**first, "participants": [*second["participants"][::-1], *first["participants"][::-1]]}
    found = contacts_of(one, QUEUES, {})
    assert [(c.entered_s, c.wait_s, c.talk_s, c.agent, c.ended_by) for c in found] == [
        (at("09:00").timestamp(), 4.0, 50.0, "u-1", "transfer"),
        (at("09:05").timestamp(), 9.0, 70.0, "u-2", "caller"),
    ]


def test_an_answer_belongs_to_the_entering_before_it_and_a_second_agent_changes_nothing() -> None:
    flowed = conversation("c", at("09:00"), wait_s=30, answered=False, outcome="tFlowOut")
    taken = conversation("c", at("09:02"), wait_s=4)
    helper = conversation("c", at("09:02:01"), wait_s=50, agent="u-2")["participants"][-1]
    one = {**taken, "participants": [*flowed["participants"], *taken["participants"], helper]}
    left, answered = contacts_of(one, QUEUES, {})
    assert (left.outcome, left.wait_s, left.ended_by) == ("left", 30.0, "system")
    assert (answered.outcome, answered.wait_s, answered.agent) == ("answered", 4.0, "u-1")


def test_a_call_that_no_queue_took_and_what_is_no_call() -> None:
    out = conversation("o", at("09:00"))
    out["originatingDirection"] = "outbound"
    out["participants"] = [part for part in out["participants"] if part["purpose"] != "acd"]
    (found,) = contacts_of(out, QUEUES, {})
    assert (found.queue, found.direction, found.outcome, found.talk_s) == (None, "out", "answered", 60.0)
    inside = {**out, "participants": [part for part in out["participants"] if part["purpose"] == "agent"]}
    assert contacts_of(inside, QUEUES, {}) == []
    chat = json.loads(json.dumps(CALLS[0]).replace('"voice"', '"chat"'))
    assert contacts_of(chat, QUEUES, {}) == []


KEYS = (
    *("conversationId", "conversationStart", "conversationEnd", "participants", "sessions", "mediaType", "purpose"),
    *("segments", "segmentStart", "metrics", "name", "emitDate", "value", "queueId", "id", "state", "userId"),
    *("primaryPresence", "startTime", "authorization", "roles", "entities"),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-03-02T09:00:00Z")


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)


@settings(deadline=None)
@given(st.recursive(LEAVES, nested, max_leaves=25))
def test_only_malformed_escapes_from_any_json(value: object) -> None:
    part = value if isinstance(value, dict) else {"participants": value}
    for parse in (
        lambda: contacts_of(part, {}, {}),
        lambda: agent_time_of([part], {}, 0, 10**12),
        lambda: accounts_of([part], "email", ()),
        lambda: queue_names([part]),
    ):
        try:
            parse()
        except Malformed:
            continue


def test_two_queues_of_one_name_stay_apart() -> None:
    queues = [{"id": "a", "name": "Support"}, {"id": "b", "name": "Support"}, {"id": "c", "name": "Sales"}]
    assert queue_names(queues) == {"a": "a", "b": "b", "c": "Sales"}
