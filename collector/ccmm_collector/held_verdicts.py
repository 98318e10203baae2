"""Verdicts in force of the centers judged lately, so that one process need not read again what it has just written."""

from collections import OrderedDict
from collections.abc import Mapping

from ccmm_rules.verdict import Verdict

MOST = 20_000  # verdicts held, some 3 kB each: of the centers judged longest ago they are let go


class HeldVerdicts:
    """By center, of one pack each: all that the store has in force of it, or nothing is held."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._count = most, 0
        self._held: OrderedDict[str, tuple[str, dict[str, Verdict]]] = OrderedDict()

    def of(self, center: str, pack: str) -> dict[str, Verdict] | None:
        """None where they must be read."""
        held = self._held.get(center)
        if held is None or held[0] != pack:
            return None
        self._held.move_to_end(center)
        return held[1]

    def hold(self, center: str, pack: str, verdicts: dict[str, Verdict]) -> None:
        """What the store has in force, all of it."""
        self.forget(center)
        self._held[center] = (pack, verdicts)
        self._count += len(verdicts)
        while self._count > self._most:
            self.forget(next(iter(self._held)))

    def learn(self, center: str, pack: str, verdicts: Mapping[str, Verdict]) -> None:
        """What was written now; of a center that is not held it is not known what else there is."""
        held = self._held.get(center)
        if held is not None and held[0] == pack:
            self.hold(center, pack, {**held[1], **verdicts})
        else:
            self.forget(center)

    def forget(self, center: str) -> None:
        """It is read again when asked for."""
        held = self._held.pop(center, None)
        self._count -= len(held[1]) if held is not None else 0
