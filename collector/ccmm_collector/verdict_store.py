"""DIR/verdicts.sqlite: verdicts in force, their history, and the instants at which somebody must look again.

store = VerdictStore.open(dir)
store.write("north", judged)
store.due(now_ms)                # centers whose verdicts may have run out
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

from sqlite_utils import Database

from ccmm_collector import verdict_sql as sql
from ccmm_collector.projection import connect
from ccmm_rules.evidence import Waiver
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import ReadState, Spot, Verdict, canonical_json

FILE = "verdicts.sqlite"
# The sentence tells of what is compared, and of places and times that move daily.
_MOVING = frozenset({"log_index", "valid_until_ms", "look_again_ms", "at_ms", "backfill_share", "sentence"})

_FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts of one center at one instant, and the level where all its rules were judged."""

    center: str
    pack: str  # digest
    at_ms: int
    log_index: int
    verdicts: Mapping[str, Verdict]
    level: str | None  # canonical JSON


@dataclass(frozen=True, slots=True)
class Current:
    """A verdict in force."""

    center: str
    rule: str
    pack: str
    at_ms: int
    log_index: int
    verdict: str  # canonical JSON


def verdict_of(canonical: str) -> Verdict:
    """The verdict that `canonical_json` wrote."""
    table = json.loads(canonical)
    table["outcomes"] = {int(level[1:]): Outcome(outcome) for level, outcome in table["outcomes"].items()}
    table["outcome"] = Outcome(table["outcome"])
    table["reads"] = {name: _read_state(read) for name, read in table["reads"].items()}
    if table.get("waiver"):
        table["waiver"] = Waiver(**table["waiver"] | {"approvers": tuple(table["waiver"]["approvers"])})
    return Verdict(**table)


def _read_state(read: dict[str, Any]) -> ReadState:
    spot = read.get("spot")
    return ReadState(**read | {"spot": Spot(**spot) if spot else None})


def next_instant(verdict: Verdict, at_ms: int) -> int | None:
    """The first instant after `at_ms` at which time alone may change the verdict.

    A verdict holds up to and including its `valid_until`, so it is judged anew one millisecond later.
    """
    expires = None if verdict.valid_until_ms is None else verdict.valid_until_ms + 1
    later = [instant for instant in (expires, verdict.look_again_ms) if instant is not None and instant > at_ms]
    return min(later, default=None)


def essence(canonical: str) -> bytes:
    """Names what of a verdict is compared: outcomes, reasons and values, not when and from what index it was found."""
    kept = {key: value for key, value in json.loads(canonical).items() if key not in _MOVING}
    kept["reads"] = {name: (read["state"], read["reason"]) for name, read in kept["reads"].items()}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).digest()


class VerdictStore:
    """The verdicts of one collector."""

    def __init__(self, connection: Connection) -> None:
        """Use `open`."""
        self._connection = connection

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False) -> Self:
        """The verdicts of a folder, made or migrated unless read-only."""
        connection = connect(folder / FILE, readonly=readonly)
        if not readonly:
            sql.SCHEMA.apply(Database(connection))
        return cls(connection)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def write(self, judged: Judged) -> int:
        """Keep what was judged, with its level, in one transaction; the number of verdicts that changed.

        A crash before its end leaves the older verdicts with their instants: they are judged again.
        """
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            held = dict(execute(sql.ESSENCES, (judged.center,)))
            execute(sql.DROP_OTHERS, (judged.center, judged.pack))
            changed = sum(self._write_one(judged, rule, verdict, held) for rule, verdict in judged.verdicts.items())
            execute(sql.SET_STANDING, (judged.center, judged.at_ms, judged.log_index, judged.pack, judged.level))
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise
        return changed

    def _write_one(self, judged: Judged, rule: str, verdict: Verdict, held: Mapping[str, bytes]) -> bool:
        canonical = canonical_json(verdict)
        compared = essence(canonical)
        key = (judged.center, rule)
        self._connection.execute(
            sql.SET_CURRENT,
            (
                *key,
                judged.pack,
                judged.at_ms,
                judged.log_index,
                next_instant(verdict, judged.at_ms),
                compared,
                canonical,
            ),
        )
        if held.get(rule) == compared:
            return False
        row = (*key, judged.at_ms, judged.log_index, judged.pack, verdict.outcome, canonical)
        self._connection.execute(sql.ADD_HISTORY, row)
        self._connection.execute(sql.ADD_TURN, (*key, judged.at_ms, judged.log_index, verdict.outcome))
        return True

    def due(self, now_ms: int) -> list[str]:
        """Centers with a verdict to look at again by now, the longest due first."""
        return [row[0] for row in self._connection.execute(sql.DUE, (now_ms,))]

    def first_due(self, center: str, before_ms: int) -> int | None:
        """A center's earliest due instant before another one."""
        (instant,) = self._connection.execute(sql.FIRST_DUE, (center, before_ms)).fetchone()
        return None if instant is None else int(instant)

    def holds_until(self, center: str) -> int:
        """The first instant at which time alone may change one of a center's verdicts; far ahead where none may."""
        instant = self.first_due(center, _FOR_EVER)
        return _FOR_EVER if instant is None else instant

    def due_rules(self, center: str, at_ms: int) -> list[str]:
        """The rules due at an instant."""
        return [row[0] for row in self._connection.execute(sql.DUE_RULES, (center, at_ms))]

    def next_due(self) -> int | None:
        """The earliest instant of all at which somebody must look again."""
        (instant,) = self._connection.execute(sql.NEXT).fetchone()
        return None if instant is None else int(instant)

    def standings(self) -> dict[str, tuple[int, str]]:
        """Of each judged center the index up to which, and the pack by which it was judged."""
        return {center: (index, pack) for center, index, pack in self._connection.execute(sql.STANDINGS)}

    def judged_before(self, starts_ms: int, pack: str) -> list[str]:
        """Centers last judged before an instant, or at it by another pack, sorted."""
        return [row[0] for row in self._connection.execute(sql.JUDGED_BEFORE, (starts_ms, starts_ms, pack))]

    def size(self) -> int:
        """How many centers were judged."""
        return int(self._connection.execute(sql.SIZE).fetchone()[0])

    def standing(self, center: str) -> tuple[int, int, str, str] | None:
        """Instant, index, pack and level (JSON) of the newest full judgement."""
        row = self._connection.execute(sql.STANDING, (center,)).fetchone()
        return (row[0], row[1], row[2], row[3]) if row else None

    def verdicts(self, center: str, pack: str) -> dict[str, Verdict]:
        """The verdicts of a center in force by a pack."""
        found = self._connection.execute(sql.VERDICTS, (center, pack))
        return {rule: verdict_of(verdict) for rule, verdict in found}

    def all_current(self) -> Iterator[Current]:
        """Every verdict in force; those of one center, instant and index stand together."""
        for center, rule, pack, at_ms, index, verdict in self._connection.execute(sql.ALL_CURRENT):
            yield Current(center, rule, pack, at_ms, index, verdict)

    def turns(self, center: str, at_ms: int) -> dict[str, list[tuple[int, Outcome]]]:
        """By rule each change of its outcome up to an instant, oldest first: (from when, what)."""
        found: dict[str, list[tuple[int, Outcome]]] = {}
        for rule, instant, outcome in self._connection.execute(sql.TURNS, (center, at_ms)):
            found.setdefault(rule, []).append((instant, Outcome(outcome)))
        return found

    def history(self, center: str) -> Iterable[tuple[Any, ...]]:
        """(rule, instant, index, pack, outcome, verdict) of every change, by rule and time."""
        return self._connection.execute(sql.HISTORY, (center,)).fetchall()
