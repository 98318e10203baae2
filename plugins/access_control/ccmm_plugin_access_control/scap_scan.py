"""One scan of one machine, as its results tell it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One TestResult: what was looked at on one machine. Rules by their ids, with the severity of the result."""

    profile: str
    target: str
    started: datetime
    ended: datetime
    failed: dict[str, str] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    undecided: int = 0
    applied: int = 0

    @property
    def is_full(self) -> bool:
        """Every selected rule was decided, and some rule applied: a scan in which none did says nothing."""
        return self.applied > 0 and self.undecided == 0

    def open_of(self, severities: frozenset[str]) -> list[str]:
        """The rules of these severities that failed."""
        return [rule for rule, severity in self.failed.items() if severity in severities]
