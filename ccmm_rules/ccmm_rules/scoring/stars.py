"""`points_to_stars`: each item that is met gives its weight; 100 points are all items that apply."""

from collections.abc import Mapping, Sequence

from ccmm_rules.model import Pack
from ccmm_rules.scoring.result import Concluded, ControlState, StarScore
from ccmm_rules.scoring.standing import carrying, control_gaps, mean_backfill, open_controls
from ccmm_rules.scoring.words import with_unpublished
from ccmm_rules.standard import Band, StarNumbers
from ccmm_rules.verdict import Verdict

_EXACT = 1e-9  # what adding weights may lose


def concluded(
    pack: Pack, numbers: StarNumbers, verdicts: Mapping[str, Verdict], states: Sequence[ControlState]
) -> Concluded:
    points = points_of(states)
    band = band_of(numbers, points)
    aimed = next_band(numbers, band)
    way = _way(states, aimed.min) if aimed is not None else ()
    score = StarScore(
        points=points,
        items_passed=sum(state.items for state in states if state.counts and state.met),
        items_total=numbers.items_total,
        next_band=aimed.label if aimed is not None else "",
        next_points=aimed.min if aimed is not None else None,
    )
    return Concluded(
        standing=band.label,
        sentence=with_unpublished(_sentence(points, band, aimed, len(way)), states),
        distance=len(way),
        path=tuple(dict.fromkeys(state.id for state in way if state.reason == "")),
        held_down_by=open_controls(states) if aimed is not None else (),
        gaps=control_gaps(pack, verdicts) if aimed is not None else (),
        backfill=mean_backfill(verdicts, carrying(pack, verdicts)),
        score=score,
    )


def points_of(states: Sequence[ControlState]) -> float:
    """0 to 100. Without any item that applies: 0."""
    whole = sum(state.weight * state.items for state in states if state.counts)
    met = sum(state.weight * state.items for state in states if state.counts and state.met)
    return 100.0 * met / whole if whole else 0.0


def band_of(numbers: StarNumbers, points: float) -> Band:
    """The highest band whose edge is reached; an edge belongs to the band above it."""
    return next(band for band in numbers.bands if points >= band.min - _EXACT)


def next_band(numbers: StarNumbers, band: Band) -> Band | None:
    place = numbers.bands.index(band)
    return numbers.bands[place - 1] if place else None


def _way(states: Sequence[ControlState], needed: float) -> tuple[ControlState, ...]:
    """The fewest items that would reach the points, one entry each: the heaviest first."""
    whole = sum(state.weight * state.items for state in states if state.counts)
    open_ones = [state for state in states if state.counts and not state.met]
    waiting = sorted(open_ones, key=lambda state: (-state.weight, state.reason != "", state.id))
    points, way = points_of(states), []
    for state in (item for item in waiting for _ in range(item.items)):
        if points >= needed - _EXACT:
            break
        points += 100.0 * state.weight / whole
        way.append(state)
    return tuple(way)


def _sentence(points: float, band: Band, aimed: Band | None, distance: int) -> dict[str, str]:
    told = {
        "en": f"{points:.2f} of 100 points: {band.titles['en']}",
        "zh": f"{points:.2f} 分（满分 100）：{band.titles['zh']}",
    }
    if aimed is not None:
        told["en"] += f"; {distance} {'item' if distance == 1 else 'items'} from {aimed.titles['en']}"
        told["zh"] += f"；距{aimed.titles['zh']}还差 {distance} 个条目"
    return told
