"""DIR/verdicts.sqlite: verdicts in force, their history, and the instants at which somebody must look again.

store = VerdictStore.open(dir)
store.write("north", judged)
store.due(now_ms)                # centers whose verdicts may have run out
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

from sqlite_utils import Database

from ccmm_collector import verdict_sql as sql
from ccmm_collector.held_verdicts import HeldVerdicts
from ccmm_collector.kept_form import as_kept, essence_of, verdict_of
from ccmm_collector.projection import connect
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict, canonical_text, table_of

FILE = "verdicts.sqlite"
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
    engine: str | None = None  # digest, where all rules were judged


@dataclass(frozen=True, slots=True)
class Current:
    """A verdict in force."""

    center: str
    rule: str
    pack: str
    at_ms: int
    log_index: int
    verdict: str  # canonical JSON


def next_instant(verdict: Verdict, at_ms: int) -> int | None:
    """The first instant after `at_ms` at which time alone may change the verdict.

    A verdict holds up to and including its `valid_until`, so it is judged anew one millisecond later.
    """
    expires = None if verdict.valid_until_ms is None else verdict.valid_until_ms + 1
    later = [instant for instant in (expires, verdict.look_again_ms) if instant is not None and instant > at_ms]
    return min(later, default=None)


def _current(judged: Judged, rule: str, compared: bytes, text: str) -> tuple[object, ...]:
    """A row of `current`."""
    next_ms = next_instant(judged.verdicts[rule], judged.at_ms)
    return (judged.center, rule, judged.pack, judged.at_ms, judged.log_index, next_ms, compared, text)


def _change(judged: Judged, rule: str, text: str) -> tuple[object, ...]:
    """A row of `history`."""
    outcome = judged.verdicts[rule].outcome
    return (judged.center, rule, judged.at_ms, judged.log_index, judged.pack, outcome, text)


def _turn(judged: Judged, rule: str) -> tuple[object, ...]:
    """What `turn` takes where the outcome is another one."""
    return (judged.center, rule, judged.at_ms, judged.log_index, judged.verdicts[rule].outcome)


class VerdictStore:
    """The verdicts of one collector. Of each center one process at most writes them: who holds the judge's lock."""

    def __init__(self, connection: Connection, *, readonly: bool) -> None:
        """Use `open`."""
        self._connection = connection
        self._readonly = readonly
        self._held = HeldVerdicts()

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False) -> Self:
        """The verdicts of a folder, made or migrated unless read-only."""
        connection = connect(folder / FILE, readonly=readonly)
        if not readonly:
            sql.SCHEMA.apply(Database(connection))
        return cls(connection, readonly=readonly)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def write(self, judged: Judged) -> int:
        """Keep what was judged, with its level, in one transaction; the number of verdicts that changed.

        A crash before its end leaves the older verdicts with their instants: they are judged again.
        """
        tables = {rule: table_of(verdict) for rule, verdict in judged.verdicts.items()}
        essences = {rule: essence_of(table) for rule, table in tables.items()}
        texts = {rule: canonical_text(table) for rule, table in tables.items()}
        execute, execute_each = self._connection.execute, self._connection.executemany
        execute("BEGIN IMMEDIATE")
        try:
            held = dict(execute(sql.ESSENCES, (judged.center,)))
            changed = [rule for rule in texts if held.get(rule) != essences[rule]]
            execute(sql.DROP_OTHERS, (judged.center, judged.pack))
            execute_each(sql.SET_CURRENT, [_current(judged, rule, essences[rule], texts[rule]) for rule in texts])
            execute_each(sql.ADD_HISTORY, [_change(judged, rule, texts[rule]) for rule in changed])
            execute_each(sql.ADD_TURN, [_turn(judged, rule) for rule in changed])
            standing = (judged.center, judged.at_ms, judged.log_index, judged.pack, judged.level, judged.engine)
            execute(sql.SET_STANDING, standing)
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            self._held.forget(judged.center)
            raise
        # Durable, and held as it stands there. Without this line they would be read again as they were before.
        self._held.learn(judged.center, judged.pack, {r: as_kept(v) for r, v in judged.verdicts.items()})
        return len(changed)

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

    def judged_by_others(self, engine: str) -> set[str]:
        """Centers of which not all rules were judged by this engine yet."""
        return {row[0] for row in self._connection.execute(sql.JUDGED_BY_OTHERS, (engine,))}

    def size(self) -> int:
        """How many centers were judged."""
        return int(self._connection.execute(sql.SIZE).fetchone()[0])

    def standing(self, center: str) -> tuple[int, int, str, str] | None:
        """Instant, index, pack and level (JSON) of the newest full judgement."""
        row = self._connection.execute(sql.STANDING, (center,)).fetchone()
        return (row[0], row[1], row[2], row[3]) if row else None

    def verdicts(self, center: str, pack: str) -> dict[str, Verdict]:
        """The verdicts of a center in force by a pack.

        Who may write holds those that it read or wrote lately: nobody else writes them.
        """
        held = self._held.of(center, pack)
        if held is None:
            found = self._connection.execute(sql.VERDICTS, (center, pack))
            held = {rule: verdict_of(verdict) for rule, verdict in found}
            if not self._readonly:
                self._held.hold(center, pack, held)
        return dict(held)

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
