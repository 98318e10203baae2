"""What became of the mutants, from the files that mutmut leaves beside what it mutated."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant

SURVIVED = (0, 5, 33)  # tests passed; no test was found; no test calls the function
TIMED_OUT = (-24, 24, 36, 152, 255)
BAR = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The mutants of one file, by name, and the exit status of the tests under each; None: not run."""

    path: Path
    statuses: Mapping[str, int | None]

    @property
    def survivors(self) -> list[str]:
        return [name for name, status in self.statuses.items() if status in SURVIVED or status is None]

    @property
    def line(self) -> str:
        """One row of the table: file, mutants, killed, of these by the time limit, survived."""
        count = Counter(self.statuses.values())
        late, alive = sum(count[status] for status in TIMED_OUT), len(self.survivors)
        whole = len(self.statuses)
        return f"{self.path.as_posix():48} {whole:5} {whole - alive:6} {late:5} {alive:8}"


def files_of(folder: Path) -> list[File]:
    """Of a folder in which mutmut ran."""
    found = []
    for meta in sorted((folder / "mutants" / "src").rglob("*.meta")):
        statuses = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        path = meta.relative_to(folder / "mutants").with_suffix("")
        found += [File(path=path, statuses=statuses)] if statuses else []
    return found


def table(files: Iterable[File]) -> str:
    """What is quoted in docs/mutants.md."""
    known = list(files)
    whole = sum(len(file.statuses) for file in known)
    killed = whole - sum(len(file.survivors) for file in known)
    head = f"{'file':48} {'all':>5} {'killed':>6} {'late':>5} {'survived':>8}"
    share = f"{killed} of {whole} mutants killed: {100 * killed / whole:.1f} %"
    return "\n".join([head, *(file.line for file in known), share])


def is_enough(files: Iterable[File]) -> bool:
    """Whether so many were killed as the project asks for."""
    known = list(files)
    whole, alive = sum(len(file.statuses) for file in known), sum(len(file.survivors) for file in known)
    return whole > 0 and whole - alive >= BAR * whole


def changes(file: File) -> list[str]:
    """Each survivor: its name, and the lines that it changes. Read in the folder in which mutmut ran."""
    told = []
    for name in file.survivors:
        lines = get_diff_for_mutant(name, path=file.path).splitlines()
        told += [name, *(f"    {line}" for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))]
    return told
