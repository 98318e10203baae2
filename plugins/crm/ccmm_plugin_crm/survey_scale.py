"""Scales of a survey: which whole numbers may stand there, and which are at its good end. Pure."""

from dataclasses import dataclass
from typing import Final, Self

from ccmm_agent.delimited import BadTable
from ccmm_agent.plugin import BadOption, Options

EFFORT_STEPS: Final = 7  # of the scale whose mean is compared: 1 is no effort, 7 is the most


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Answers as whole numbers from `least` to `most`; those from `low` to `high` are at the good end."""

    least: int
    most: int
    low: int
    high: int

    @classmethod
    def from_options(cls, options: Options | None, key: str, good: str) -> Self | None:
        """The option table `key`, with `GOOD_from` or `GOOD_to`. Raises BadOption for what is no end of a scale."""
        if options is None:
            return None
        least, most = options.whole("least"), options.whole("most", most=100)
        up, down = options.whole(f"{good}_from", None), options.whole(f"{good}_to", None)
        if (up is None) == (down is None):
            raise BadOption(f"{key}.{good}_from", f"`{good}_from` or `{good}_to`: which end is the good one?")
        low, high = (least, down) if up is None else (up, most)
        if high is None or not least <= low <= high <= most or (low, high) == (least, most):
            raise BadOption(f"{key}.{good}_from", "a part of the scale")
        return cls(least=least, most=most, low=low, high=high)

    def holds(self, text: str) -> bool:
        """Is it an answer on this scale?"""
        return text.isascii() and text.isdecimal() and len(text) < 4 and self.least <= int(text) <= self.most

    def number(self, row: int, text: str) -> int:
        """Raises BadTable for what is not of the scale."""
        if not self.holds(text):
            raise BadTable(f"no whole number from {self.least} to {self.most}", row=row)
        return int(text)

    def is_good(self, number: int) -> bool:
        return self.low <= number <= self.high

    @property
    def has_points(self) -> bool:
        """Has it as many steps as the scale whose mean is compared?"""
        return self.most - self.least + 1 == EFFORT_STEPS

    def effort_points(self, number: int) -> int:
        """1 for no effort, whichever end of the vendor's scale that is."""
        return number - self.least + 1 if self.low == self.least else self.most - number + 1

    def words(self, good: str) -> str:
        """For the detail of a run."""
        return f"{good} are answers from {self.low} to {self.high} of {self.least} to {self.most}"


RECOMMENDATION: Final = Scale(least=0, most=10, low=9, high=10)  # the good ones are promoters
DETRACTOR_TO: Final = 6
