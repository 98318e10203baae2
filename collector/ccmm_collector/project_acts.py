"""From one of the collector's own acts to the rows that it gives: pure, like `project`."""

from ccmm_collector import waivers
from ccmm_collector.project import Rows
from ccmm_proto.v1.service_pb2 import Act


def project_act(rows: Rows, act: Act, log_index: int, log_id: str) -> None:
    """What one of the collector's own acts says, in the log that it stands in."""
    match act.WhichOneof("act"):
        case "scope_answer":
            answer = act.scope_answer
            until = answer.until_ms if answer.HasField("until_ms") else None
            rows.add("answer", answer.center, answer.key, log_index, answer.value_json, until)
        case "agent_enrolled":
            rows.add("membership", act.agent_enrolled.center, act.agent_enrolled.agent, log_index, "enrolled", "")
        case "agent_renewed":
            rows.add("membership", act.agent_renewed.center, act.agent_renewed.agent, log_index, "renewed", "")
        case "agent_revoked":
            revoked = act.agent_revoked
            rows.add("membership", revoked.center, revoked.agent, log_index, "revoked", revoked.reason)
        case "pack_activated":
            pack = act.pack_activated
            starts = pack.from_ms if pack.HasField("from_ms") else None
            rows.add("activation", log_index, pack.pack, pack.version, pack.digest, starts, pack.trust, pack.signed_by)
        case "waiver_granted" | "waiver_withdrawn":
            for row in waivers.rows_of_act(act, log_index, log_id=log_id):
                rows.add("waiver", *row)
        case "chain_raised":
            up = act.chain_raised
            rows.add("raised", up.center, up.agent, log_index, up.epoch, up.sequence, up.kind, up.digest)
