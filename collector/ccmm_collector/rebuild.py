"""`rebuild`: is what the stores say still exactly what the log says?

The log's own entries and tables are verified first (`replay`). All projections are made anew in a file of their own
and compared as canonical dumps; each verdict in force is derived again from (pack, log index, instant) and compared
byte for byte. Where all is equal and nobody judges, the new file takes the old one's place, which leaves it compact
and free of anything kept aside.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ccmm_collector.dump import digests, dump
from ccmm_collector.folds import Folds
from ccmm_collector.judge import only_judge
from ccmm_collector.judging import judge_at
from ccmm_collector.log import EvidenceLog
from ccmm_collector.packs import Packs
from ccmm_collector.projection import FILE, Projection
from ccmm_collector.replay import replay
from ccmm_collector.setting_aside import set_aside_strangers, setting_aside_damaged
from ccmm_collector.verdict_store import Current, VerdictStore
from ccmm_proto.errors import BadConfig
from ccmm_rules.verdict import canonical_json

FRESH = "rebuilding.sqlite"
_BATCH = 500
Progress = Callable[[str, int, int], None]  # what, done, of


@dataclass(slots=True)
class Report:
    """What was compared and what differs."""

    entries: int = 0
    tables: dict[str, tuple[int, str]] = field(default_factory=dict)  # rows and SHA-256 of the new ones
    verdicts: int = 0
    swapped: bool = False
    differences: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        tables = {name: {"rows": rows, "sha256": digest} for name, (rows, digest) in sorted(self.tables.items())}
        return {
            "equal": not self.differences,
            "entries": self.entries,
            "tables": tables,
            "verdicts": self.verdicts,
            "swapped": self.swapped,
            "differences": self.differences,
        }


def rebuild(folder: Path, progress: Progress) -> Report:
    """Compare, and put the new projection in place where nothing differs and no `serve` runs."""
    report = Report()
    with (
        only_judge(folder, wait=False) as lock,
        _damage(folder, alone=lock is not None),
        EvidenceLog.open(folder) as log,
    ):
        if lock is not None:
            set_aside_strangers(folder, log)
        report.differences += replay(log, progress)
        _remove(folder / FRESH)
        old = _held(folder, log)
        # The verdicts first: whatever they rest on, the projection that is read after them holds it.
        store = VerdictStore.open(folder)
        verdicts = list(store.all_current())
        store.close()
        if old is not None:
            old.connection.execute("BEGIN")  # from here on the same rows, whatever the running judge adds
        upto = old.position if old is not None else log.size() - 1
        fresh = Projection.open(folder, log_id=log.log_id, file=FRESH)
        try:
            _make(log, fresh, upto, progress)
            report.entries = fresh.position + 1
            report.tables = digests(dump(fresh))
            if old is not None:
                report.differences += _compare(old, fresh, report.tables)
            _derive(folder, log, fresh, verdicts, report, progress)
            fresh.connection.execute("PRAGMA journal_mode = DELETE")  # one file again, without its log beside it
        finally:
            fresh.close()
            if old is not None:
                old.close()
        if lock is not None and not report.differences:
            _remove(folder / FILE)
            # A crash here leaves no projection: the next start makes it from the log.
            (folder / FRESH).replace(folder / FILE)
            report.swapped = True
        _remove(folder / FRESH)
    return report


@contextmanager
def _damage(folder: Path, *, alone: bool) -> Iterator[None]:
    """Damaged stores are set aside, but never under a judge at work."""
    if alone:
        with setting_aside_damaged(folder):
            yield
        return
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise BadConfig(f"a store in {folder} cannot be read ({error}): stop serve, then rebuild again") from error


def _held(folder: Path, log: EvidenceLog) -> Projection | None:
    return Projection.open(folder, log_id=log.log_id, readonly=True) if (folder / FILE).is_file() else None


def _make(log: EvidenceLog, fresh: Projection, upto: int, progress: Progress) -> None:
    while entries := log.entries(after=fresh.position, limit=_BATCH, upto=upto):
        fresh.apply(entries)
        progress("log entries", fresh.position + 1, upto + 1)
    while fresh.tend():
        pass


def _remove(path: Path) -> None:
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)


def _compare(old: Projection, fresh: Projection, fresh_tables: dict[str, tuple[int, str]]) -> list[str]:
    """One line for each table that differs, with its first differing row."""
    old_tables = digests(dump(old))
    differences = []
    for table in sorted(old_tables.keys() | fresh_tables.keys()):
        was, now = old_tables.get(table), fresh_tables.get(table)
        if was != now:
            lines = [[line for name, line in dump(side) if name == table] for side in (old, fresh)]
            pairs = itertools.zip_longest(*lines, fillvalue="nothing")
            a, b = next((a, b) for a, b in pairs if a != b)
            rows = f"{was[0] if was else 0} rows held, {now[0] if now else 0} from the log"
            differences.append(f"{table}: {rows}; first: held {a[:200]}, from the log {b[:200]}")
    return differences


def _derive(
    folder: Path, log: EvidenceLog, fresh: Projection, verdicts: list[Current], report: Report, progress: Progress
) -> None:
    """Derive every verdict in force again and compare the bytes."""
    packs, folds = Packs(folder), Folds()
    groups = itertools.groupby(verdicts, key=lambda held: (held.center, held.pack, held.at_ms, held.log_index))
    for (center, pack, at_ms, index), group in groups:
        held = {current.rule: current.verdict for current in group}
        judged = judge_at(fresh, log.log_id, packs.of_digest(pack), center, index, at_ms, folds, sorted(held))
        for rule, verdict in held.items():
            derived = judged.verdicts.get(rule)
            if derived is None or canonical_json(derived) != verdict:
                now = "nothing" if derived is None else canonical_json(derived)
                report.differences.append(f"{center} {rule}: held {verdict[:300]}, derived {now[:300]}")
        report.verdicts += len(held)
        progress("verdicts", report.verdicts, len(verdicts))
