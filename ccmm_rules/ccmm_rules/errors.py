"""What is wrong in a pack, and where: every error of every file at once.

>>> str(PackError(file="a.yaml", line=3, column=5, message="unknown key 'leval'", mend="write 'level'"))
"a.yaml:3:5: unknown key 'leval'; write 'level'"
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

VOCABULARY, REFERENCE = "docs/vocabulary.md", "docs/rule-reference.md"  # where all names stand, where all keys do
_FEW = 12


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


def one_of(word: str, names: Iterable[str], page: str = VOCABULARY) -> str:
    """What mends a name that is not known: the one that is nearest, and all of them where they are few, else the page.

    >>> one_of("answer_rat", ["answer_rate", "aht"])
    "did you mean 'answer_rate'? known: aht, answer_rate"
    """
    known = sorted(names)
    near = get_close_matches(word, known, n=1, cutoff=0.7)
    guess = f"did you mean '{near[0]}'?" if near else ""
    if len(known) > _FEW and near:
        return guess
    rest = f" and {len(known) - _FEW} more, see {page}" if len(known) > _FEW else ""
    told = f"known: {', '.join(known[:_FEW])}{rest}" if known else "none is known here"
    return f"{guess} {told}".strip()
