"""`status`: spool depth, oldest unsent, last receipt, certificate, each source's last and next run, refusals."""

from datetime import datetime
from pathlib import Path

from ccmm_agent import clock
from ccmm_agent import spool_sql as sql
from ccmm_agent.backfill import progress
from ccmm_agent.home import Home, is_running, opened_home
from ccmm_agent.screen import iso, iso_of, print_json, print_line, print_rows, print_table
from ccmm_agent.source_state import SourceState
from ccmm_agent.sources import PlannedSource, planned_sources
from ccmm_agent.spool import SET_ASIDE
from ccmm_agent.texts import text_of
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.errors import Malformed
from ccmm_proto.period import from_ms
from ccmm_proto.v1.service_pb2 import Receipt
from ccmm_proto.v1.statement_pb2 import Outcome
from ccmm_proto.wire import parse_message

REFUSALS_SHOWN = 5


def status(folder: Path, *, as_json: bool, language: str = "en") -> None:
    """Print the state of the agent in this folder; works beside a running `run`."""
    with opened_home(folder, alone=False) as home:
        document = state_of(home, clock.now(), "en" if as_json else language)
    if as_json:
        print_json(document)
    else:
        _show(document, language)


def state_of(home: Home, at: datetime, language: str = "en") -> dict[str, object]:
    """Everything `status` tells, as JSON types; the language is that of `history`."""
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
            _source(source, states.get(source.name), at, language)
            for source in planned_sources(home.folder, home.config)
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


def _source(source: PlannedSource, state: SourceState | None, at: datetime, language: str) -> dict[str, object]:
    # A first reading that goes on through a long history keeps its due time open.
    last_due = None if state is None or not state.last_due_ms else from_ms(state.last_due_ms)
    return {
        "name": source.name,
        "plugin": source.plugin,
        "outcome": Outcome.Name(Outcome.ValueType(state.outcome)) if state and state.outcome else None,
        "reason": state.reason if state else "",
        "detail": state.detail if state else "",
        "finished": iso(state.finished_ms) if state else None,
        "last_due": None if last_due is None else iso_of(last_due),
        "next_due": iso_of(source.schedule.next_after(last_due) if last_due else at),
        "reads_history": state is not None and (last_due is None or state.history_to_ms > 0),
        "history": progress(state, at, language) if state else "",
        "failures": state.failures if state else 0,
        "stopped": bool(state and state.stopped),
    }


def _show(document: dict[str, object], language: str) -> None:
    """The same for people."""
    spool, certificate, receipt = document["spool"], document["certificate"], document["last_receipt"]
    assert isinstance(spool, dict)
    assert isinstance(certificate, dict)
    running = text_of("running" if document["running"] else "not_running", language)
    print_line(text_of("status_of", language, center=document["center"], agent=document["agent"], running=running))
    oldest = spool["oldest_unsent"] or "-"
    lines = [
        text_of("status_waiting", language, depth=spool["depth"], bytes=spool["bytes"], oldest=oldest),
        text_of(
            "status_spool",
            language,
            used=spool["used_bytes"],
            limit=spool["limit_bytes"],
            set_aside=spool["set_aside"],
        ),
        text_of("status_receipt", language, **receipt)
        if isinstance(receipt, dict)
        else text_of("no_receipt", language),
        text_of("status_certificate", language, **certificate),
    ]
    print_rows([(label, told) for label, _, told in (line.partition("|") for line in lines)])
    sources, refusals = document["sources"], document["refusals"]
    assert isinstance(sources, list)
    assert isinstance(refusals, list)
    print_table(text_of("status_columns", language).split("|"), [_row(source, language) for source in sources])
    for refusal in refusals:
        print_line(text_of("status_refused", language, **refusal))


def _row(source: dict[str, object], language: str) -> tuple[object, ...]:
    why = ": ".join(str(source[part]) for part in ("reason", "detail") if source[part])
    next_due = source["next_due"]
    if source["reads_history"]:
        next_due = " ".join(filter(None, (text_of("reads_history", language), str(source["history"]))))
    next_due = text_of("stopped_full", language) if source["stopped"] else next_due
    outcome = text_of(str(source["outcome"]), language) if source["outcome"] else "-"
    return (source["name"], source["plugin"], outcome, source["finished"] or "-", next_due, why)
