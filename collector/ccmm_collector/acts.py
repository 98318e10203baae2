"""What the collector itself does, as entries of its own log: whom an act is about, and what it changes."""

import sqlite3

from ccmm_collector import enrolled
from ccmm_proto.v1.service_pb2 import Act, WaiverRequest
from ccmm_proto.wire import parse_message


def at(act: Act, at_ms: int) -> Act:
    """The same act, at this time."""
    dated = Act()
    dated.CopyFrom(act)
    dated.at_ms = at_ms
    return dated


def about(act: Act) -> tuple[str, str]:
    """Center and agent that the act is about; each may be empty."""
    match act.WhichOneof("act"):
        case "agent_enrolled":
            return act.agent_enrolled.center, act.agent_enrolled.agent
        case "agent_renewed":
            return act.agent_renewed.center, act.agent_renewed.agent
        case "agent_revoked":
            return act.agent_revoked.center, act.agent_revoked.agent
        case "chain_raised":
            return act.chain_raised.center, act.chain_raised.agent
        case "scope_answer":
            return act.scope_answer.center, ""
        case "waiver_granted":
            return parse_message(WaiverRequest, act.waiver_granted.request).center, ""
        case "waiver_withdrawn":
            return act.waiver_withdrawn.center, ""
        case _:
            return "", ""


def apply_act(connection: sqlite3.Connection, index: int, act: Act) -> None:
    """Bring the table of agents up to this act, in the transaction that appends it."""
    match act.WhichOneof("act"):
        case "agent_enrolled":
            enrolled.insert_agent(connection, index, act.agent_enrolled)
        case "agent_renewed":
            enrolled.renew_agent(connection, index, act.agent_renewed)
        case "agent_revoked":
            enrolled.revoke_agent(connection, index, act.agent_revoked)
        case _:
            pass
