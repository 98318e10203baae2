"""`show-outbox`: what waits and what was sent, readable: exactly what leaves the house."""

from pathlib import Path

from google.protobuf import json_format

from ccmm_agent import spool_sql as sql
from ccmm_agent.home import opened_home
from ccmm_agent.screen import iso, print_json, print_line, print_table
from ccmm_agent.spool import ACKNOWLEDGED, SET_ASIDE, WAITING
from ccmm_agent.status import receipt_of
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.statement_pb2 import Note, Outcome, Statement
from ccmm_proto.wire import parse_message

STATES = {WAITING: "waiting", ACKNOWLEDGED: "acknowledged", SET_ASIDE: "set aside"}


def show_outbox(folder: Path, *, as_json: bool, limit: int) -> None:
    """Print the newest statements of the spool, newest first."""
    with opened_home(folder, alone=False) as home:
        rows = [
            (row, parse_message(Statement, parse_envelope(row[6]).payload))
            for row in home.spool.query(sql.RECENT, limit)
        ]
    if as_json:
        print_json({"statements": [_document(row, statement) for row, statement in rows]})
        return
    columns = ("epoch", "number", "state", "created", "source", "what", "bytes")
    print_table(columns, [_line(row, statement) for row, statement in rows])
    print_line("`--json` shows every fact of them, as signed: nothing else leaves.")


def _document(row: tuple[object, ...], statement: Statement) -> dict[str, object]:
    epoch, sequence, digest, state, created_ms, acknowledged_ms, _, receipt = row
    assert isinstance(digest, bytes)
    assert isinstance(state, int)
    return {
        "epoch": epoch,
        "sequence": sequence,
        "digest": digest.hex(),
        "state": STATES[state],
        "created": iso(created_ms if isinstance(created_ms, int) else None),
        "acknowledged": iso(acknowledged_ms if isinstance(acknowledged_ms, int) else None),
        "receipt": receipt_of(receipt if isinstance(receipt, bytes) else b""),
        "statement": json_format.MessageToDict(statement, preserving_proto_field_name=True),
    }


def _line(row: tuple[object, ...], statement: Statement) -> tuple[object, ...]:
    epoch, sequence, _, state, created_ms, _, envelope, _ = row
    assert isinstance(state, int)
    assert isinstance(created_ms, int)
    assert isinstance(envelope, bytes)
    if statement.WhichOneof("body") == "note":
        source, what = "", f"note: {Note.Kind.Name(statement.note.kind)}"
    else:
        run = statement.run
        source = run.source
        what = (
            f"{Outcome.Name(run.outcome)} {run.reason}, part {run.part} of {run.parts}, {len(run.observations)} facts"
        )
    return (epoch, sequence, STATES[state], iso(created_ms), source, what, len(envelope))
