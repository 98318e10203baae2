"""`status`: spool depth, oldest unsent, last receipt, certificate, each source's last and next run, refusals."""

from datetime import datetime
from pathlib import Path

from ccmm_agent import clock
from ccmm_agent import spool_sql as sql
from ccmm_agent.backfill import progress
from ccmm_agent.home import Home, is_running, opened_home
from ccmm_agent.screen import iso, iso_of, print_json, print_line, print_table
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource, planned_sources
from ccmm_agent.spool import SET_ASIDE
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import Outcome
from ccmm_proto.wire import parse_message

REFUSALS_SHOWN = 5


def status(folder: Path, *, as_json: bool) -> None:
    """Print the state of the agent in this folder; works beside a running `run`."""
    with opened_home(folder, alone=False) as home:
        document = state_of(home, clock.now())
    if as_json:
        print_json(document)
    else:
        _show(document)


def state_of(home: Home, at: datetime) -> dict[str, object]:
    """Everything `status` tells, as JSON types."""
    chain = home.spool.chain()
    depth, size, oldest_ms = home.spool.query(sql.DEPTH)[0]
    not_after = home.keys.transport().not_after
    states = {state.name: state for state in home.spool.sources()}
    return {
        "center": home.enrollment.center,
        "agent": home.enrollment.agent,
        "running": is_running(home.folder),
        "epoch": chain.epoch,
        "next_sequence": chain.next_sequence,
        "spool": {
            "depth": depth,
            "bytes": size,
            "oldest_unsent": iso(oldest_ms),
            "used_bytes": home.spool.used_bytes(),
            "limit_bytes": home.spool.limit_bytes,
            "set_aside": dict(home.spool.query(sql.COUNTS)).get(SET_ASIDE, 0),
        },
        "last_receipt": receipt_of(chain.last_receipt),
        "certificate": {
            "not_after": iso_of(not_after),
            "days_left": round((not_after - at).total_seconds() / 86400, 1),
        },
        "sources": [
            _source(source, states.get(source.name), at) for source in planned_sources(home.folder, home.config)
        ],
        "refusals": [
            {"name": name, "message": message, "at": iso(at_ms), "digest": digest.hex()}
            for digest, name, message, at_ms in home.spool.query(sql.REFUSALS, REFUSALS_SHOWN)
        ],
    }


def receipt_of(envelope: bytes) -> dict[str, object] | None:
    """A receipt that was verified when it came, for reading."""
    if not envelope:
        return None
    try:
        receipt = parse_message(Receipt, parse_envelope(envelope).payload)
    except Malformed:
        return None
    return {
        "epoch": receipt.epoch,
        "sequence": receipt.sequence,
        "log_id": receipt.log_id,
        "log_index": receipt.log_index,
        "recorded": iso(receipt.recorded_ms),
    }


def _source(source: PlannedSource, state: SourceState | None, at: datetime) -> dict[str, object]:
    # A first reading that goes on through a long history keeps its due time open.
    last_due = None if state is None or not state.last_due_ms else from_ms(state.last_due_ms)
    return {
        "name": source.name,
        "plugin": source.plugin,
        "outcome": None if state is None else Outcome.Name(Outcome.ValueType(state.outcome)),
        "reason": state.reason if state else "",
        "detail": state.detail if state else "",
        "finished": iso(state.finished_ms) if state else None,
        "last_due": None if last_due is None else iso_of(last_due),
        "next_due": iso_of(source.schedule.next_after(last_due) if last_due else at),
        "reads_history": state is not None and (last_due is None or state.history_to_ms > 0),
        "history": progress(state, at) if state else "",
        "failures": state.failures if state else 0,
        "stopped": bool(state and state.stopped),
    }


def _show(document: dict[str, object]) -> None:
    """The same for people."""
    spool, certificate, receipt = document["spool"], document["certificate"], document["last_receipt"]
    assert isinstance(spool, dict)
    assert isinstance(certificate, dict)
    print_line(f"center {document['center']} · agent {document['agent']} · {_running(document)}")
    oldest = spool["oldest_unsent"] or "-"
    print_line(f"waiting       {spool['depth']} statements, {spool['bytes']} bytes; oldest {oldest}")
    print_line(f"spool         {spool['used_bytes']} of {spool['limit_bytes']} bytes; {spool['set_aside']} set aside")
    if isinstance(receipt, dict):
        number = f"epoch {receipt['epoch']}, number {receipt['sequence']}"
        print_line(f"last receipt  {receipt['recorded']} ({number}, log index {receipt['log_index']})")
    else:
        print_line("last receipt  none yet")
    print_line(f"certificate   until {certificate['not_after']} ({certificate['days_left']} days left)")
    sources, refusals = document["sources"], document["refusals"]
    assert isinstance(sources, list)
    assert isinstance(refusals, list)
    columns = ("source", "plugin", "last outcome", "when", "next due", "why")
    print_table(columns, [_row(source) for source in sources])
    for refusal in refusals:
        print_line(f"refused at {refusal['at']}: {refusal['name']}: {refusal['message']}")


def _running(document: dict[str, object]) -> str:
    return "running" if document["running"] else "not running: start it with `ccmm-agent run DIR`"


def _row(source: dict[str, object]) -> tuple[object, ...]:
    why = ": ".join(str(source[part]) for part in ("reason", "detail") if source[part])
    next_due = source["next_due"]
    if source["reads_history"]:
        next_due = " ".join(filter(None, ("reads its history", str(source["history"]))))
    next_due = "stopped: the spool is full" if source["stopped"] else next_due
    return (source["name"], source["plugin"], source["outcome"] or "-", source["finished"] or "-", next_due, why)
