"""What is wrong in a pack, and where: every error of every file at once.

>>> str(PackError(file="a.yaml", line=3, column=5, message="unknown key 'leval'", mend="write 'level'"))
"a.yaml:3:5: unknown key 'leval'; write 'level'"
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PackError:
    """One thing to mend. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    mend: str = ""

    def __str__(self) -> str:
        end = f"; {self.mend}" if self.mend else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{end}"


class PackErrors(Exception):
    """A pack does not load. `errors` is sorted by file, line, column and never empty."""

    def __init__(self, errors: Sequence[PackError]) -> None:
        self.errors = tuple(sorted(set(errors)))
        super().__init__("\n".join(str(error) for error in self.errors))
