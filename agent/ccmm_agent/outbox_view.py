"""`show-outbox`: what waits and what was sent, readable: exactly what leaves the house."""

from collections import Counter
from pathlib import Path

from google.protobuf import json_format

from ccmm_agent import spool_sql as sql
from ccmm_agent.facts import word_of
from ccmm_agent.home import opened_home
from ccmm_agent.screen import iso, print_json, print_line, print_table
from ccmm_agent.spool import ACKNOWLEDGED, SET_ASIDE, WAITING
from ccmm_agent.status import receipt_of
from ccmm_agent.texts import text_of
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.statement_pb2 import Note, Observation, Outcome, Run, Statement
from ccmm_proto.wire import parse_message

STATES = {WAITING: "waiting", ACKNOWLEDGED: "acknowledged", SET_ASIDE: "set_aside"}


def show_outbox(folder: Path, *, as_json: bool, limit: int, language: str = "en") -> None:
    """Print the newest statements of the spool, newest first."""
    with opened_home(folder, alone=False) as home:
        rows = [
            (row, parse_message(Statement, parse_envelope(row[6]).payload))
            for row in home.spool.query(sql.RECENT, limit)
        ]
    if as_json:
        print_json({"statements": [_document(row, statement) for row, statement in rows]})
        return
    if not rows:
        print_line(text_of("outbox_empty", language))
        return
    columns = text_of("outbox_columns", language).split("|")
    print_table(columns, [_line(row, statement, language) for row, statement in rows])
    print_line(text_of("outbox_all", language))


def _document(row: tuple[object, ...], statement: Statement) -> dict[str, object]:
    epoch, sequence, digest, state, created_ms, acknowledged_ms, _, receipt = row
    assert isinstance(digest, bytes)
    assert isinstance(state, int)
    return {
        "epoch": epoch,
        "sequence": sequence,
        "digest": digest.hex(),
        "state": text_of(STATES[state], "en"),
        "created": iso(created_ms if isinstance(created_ms, int) else None),
        "acknowledged": iso(acknowledged_ms if isinstance(acknowledged_ms, int) else None),
        "receipt": receipt_of(receipt if isinstance(receipt, bytes) else b""),
        "statement": json_format.MessageToDict(statement, preserving_proto_field_name=True),
    }


def _line(row: tuple[object, ...], statement: Statement, language: str) -> tuple[object, ...]:
    epoch, sequence, _, state, created_ms, _, envelope, _ = row
    assert isinstance(state, int)
    assert isinstance(created_ms, int)
    assert isinstance(envelope, bytes)
    if statement.WhichOneof("body") == "note":
        source, what = "(note)", f"{Note.Kind.Name(statement.note.kind)}: {statement.note.detail}"
    else:
        source, what = statement.run.source, told_of(statement.run, language)
    return (source, what, text_of(STATES[state], language), iso(created_ms), epoch, sequence, len(envelope))


def told_of(run: Run, language: str = "en") -> str:
    """A run in a sentence: what came of it, why, and how many facts of which sort left."""
    outcome = " ".join(filter(None, (text_of(Outcome.Name(run.outcome), language), run.reason)))
    due = text_of("due_times", language, count=run.missed.count) if run.missed.count > 1 else ""
    part = text_of("part_of", language, part=run.part, parts=run.parts) if run.parts > 1 else ""
    facts: Counter[str] = Counter()
    for observation in run.observations:
        facts[word_of(observation)] += _size(observation)
    counted = ", ".join(f"{number} {word}" for word, number in sorted(facts.items()))
    return f"{outcome}{due}{part}" + "".join(f"; {told}" for told in (counted, run.detail) if told)


def _size(observation: Observation) -> int:
    """Entries of a list, rows of a roll; anything else is one fact."""
    match observation.WhichOneof("fact"):
        case "inventory":
            return len(observation.inventory.entries)
        case "roll":
            return len(observation.roll.start_s)
    return 1
