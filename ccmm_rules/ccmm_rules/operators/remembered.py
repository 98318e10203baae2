"""A test of rows or of pairs, remembered by the values that it used: most rows look alike."""

from collections.abc import Mapping, Sequence

from ccmm_rules.cel import Compiled
from ccmm_rules.expression import Scalar

Values = tuple[object, ...]


class Remembered:
    """`names` are those that the test uses, the profile's left out, in the order in which values are given."""

    def __init__(self, compiled: Compiled, profile: Mapping[str, object], times: frozenset[str] = frozenset()) -> None:
        """`times`: names whose values hardly ever repeat."""
        self.names = sorted(name for name in compiled.names if not name.startswith("profile."))
        self.doubtful = False  # whether some values left it undecided
        self._compiled, self._profile = compiled, dict(profile)
        self._common = [place for place, name in enumerate(self.names) if name not in times]
        self._is_mixed = 0 < len(self._common) < len(self.names)
        self._known: dict[Values, Scalar | None] = {}
        self._early: dict[Values, Scalar | None] = {}

    def results(self, columns: Sequence[Sequence[object]], count: int) -> list[Scalar | None]:
        """One result per row (None: undecided) from one column per name."""
        if not columns:
            return [self._known[()] if () in self._known else self._find(())] * count if count else []
        known = self._known
        return [known[values] if values in known else self._find(values) for values in zip(*columns, strict=True)]

    def _find(self, values: Values) -> Scalar | None:
        found = self._without_times(values) if self._is_mixed else None
        if found is None:
            found = self._evaluate(enumerate(values))
            self.doubtful = self.doubtful or found is None
        self._known[values] = found
        return found

    def _without_times(self, values: Values) -> Scalar | None:
        """What is decided with the times unbound stays so whatever they are: `true || unknown` is true."""
        key = tuple([values[place] for place in self._common])
        if key not in self._early:
            self._early[key] = self._evaluate(zip(self._common, key, strict=True))
        return self._early[key]

    def _evaluate(self, placed: "enumerate[object] | zip[tuple[int, object]]") -> Scalar | None:
        bound = {
            self.names[place]: list(value) if isinstance(value, tuple) else value
            for place, value in placed
            if value is not None
        }
        return self._compiled.evaluate(bound | self._profile)
