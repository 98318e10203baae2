"""How often a center is judged for what arrives."""

from dataclasses import dataclass, field

CALM_SECONDS = 1.0  # a center is judged for arrivals at most so often
BUSY_FACTOR = 5  # while much arrives, judging may take one part in so many of the time


@dataclass(slots=True)
class Pace:
    """When each center was last judged for arrivals, and how long that took, by the monotonic clock."""

    last: dict[str, float] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)

    def is_ready(self, center: str, now: float, *, busy: bool) -> bool:
        """Whether its turn may come now; `busy` while much arrives."""
        gap = max(CALM_SECONDS, BUSY_FACTOR * self.took.get(center, 0.0)) if busy else CALM_SECONDS
        return now - self.last.get(center, -gap) >= gap

    def judged(self, center: str, began: float, ended: float) -> None:
        """Its turn came."""
        self.last[center], self.took[center] = ended, ended - began
