"""Chi-square: is a sample spread over its cells like the population it was drawn from? Exact for whole degrees.

>>> round(survival(3.841, 1), 3)
0.05
"""

import math
from collections.abc import Sequence

LEAST_EXPECTED = 5.0


def sample_p(cells: Sequence[tuple[float, float]]) -> float | None:
    """p of (drawn, population) by cell, in the cells' fixed order; None where fewer than two cells can be compared."""
    drawn, population = math.fsum(cell[0] for cell in cells), math.fsum(cell[1] for cell in cells)
    if drawn <= 0 or population <= 0:
        return None
    pools = pooled([(seen, drawn * whole / population) for seen, whole in cells])
    if len(pools) < 2:
        return None
    return survival(math.fsum((seen - due) ** 2 / due for seen, due in pools), len(pools) - 1)


def pooled(cells: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """(seen, expected): cells expected below 5 join the next such ones until they reach it, the rest the last."""
    pools = [cell for cell in cells if cell[1] >= LEAST_EXPECTED]
    seen = due = 0.0
    for cell in cells:
        if cell[1] < LEAST_EXPECTED:
            seen, due = seen + cell[0], due + cell[1]
        if due >= LEAST_EXPECTED:
            pools.append((seen, due))
            seen = due = 0.0
    if (seen or due) and pools:
        last = pools.pop()
        pools.append((last[0] + seen, last[1] + due))
    return pools


def survival(statistic: float, degrees: int) -> float:
    """P(X >= statistic) of chi-square with so many degrees of freedom: a finite sum for whole degrees."""
    half = statistic / 2
    if half <= 0:
        return 1.0
    odd = degrees % 2
    powers = [step + odd / 2 for step in range(degrees // 2)]
    terms = [math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers]
    return min(math.fsum([math.erfc(math.sqrt(half)) if odd else 0.0, *terms]), 1.0)
