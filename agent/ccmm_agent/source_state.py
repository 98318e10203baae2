"""What the spool knows of one source: the columns of its table, in their order."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ccmm_proto.v1.statement_pb2 import Outcome


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source never due has a name and nothing else."""

    name: str
    cursor: bytes = b""
    last_due_ms: int = 0  # newest due time that is accounted for; 0 until the first reading has come to its end
    run_id: str = ""
    outcome: int = Outcome.OUTCOME_UNSPECIFIED
    reason: str = ""
    detail: str = ""
    finished_ms: int = 0
    stopped: bool = False  # the spool is too full for it
    held_first_ms: int = 0
    held_count: int = 0
    failures: int = 0  # runs in a row that could not look
    failed_ms: int = 0  # due time of the last of them
    window_ms: int = 0  # begin of the span of its budget, and the readings in it
    spent: int = 0
    history_from_ms: int = 0  # what its first reading has covered so far
    history_to_ms: int = 0


Change = Callable[[SourceState], SourceState]


def source_state(row: tuple[Any, ...]) -> SourceState:
    """Of a row; columns that an older spool lacks have their defaults."""
    state = SourceState(*row)
    return replace(state, stopped=bool(state.stopped))
