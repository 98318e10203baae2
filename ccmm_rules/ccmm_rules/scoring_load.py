"""The scoring model of `pack.yaml`: its numbers, and which of them its publisher published.

scoring:
  model: points_to_stars
  items_total: 38
  bands:
    - {label: five_star, min: 85, title: {en: Five stars, zh: 五星级}}
    - {label: fail, min: 0, title: {en: Fail, zh: 未通过}}
  origin: {items_total: published, bands: published}
"""

from collections.abc import Callable, Mapping
from itertools import pairwise

from ccmm_rules.errors import PackErrors
from ccmm_rules.standard import (
    Band,
    ConformityNumbers,
    ItemNumbers,
    LevelNumbers,
    Scoring,
    StarNumbers,
    ThresholdNumbers,
)
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import titles_of

_SHARES = ("min_pass_share", "min_dimension_share", "min_fresh_share", "max_backfill_share")
_KEYS = {
    "cumulative_levels": _SHARES,
    "points_to_stars": ("items_total", "bands"),
    "item_count_with_cure": (
        "items_total",
        "certified_at",
        "short_cure_from",
        "short_cure_days",
        "long_cure_months",
    ),
    "conformity": ("items_total", "major_share", "cycle_months", "surveillance_months"),
    "threshold_table": (),
}
ORIGINS = ("published", "ours")


def load_scoring(node: Node) -> Scoring:
    """Raises PackErrors."""
    model = node.child("model")
    if model.text() not in _KEYS:
        model.fail(f"'{model.text()}' is no scoring model", f"write one of {', '.join(_KEYS)}")
    errors = node.only(frozenset(("model", "origin", "hold_backfill_share", *_KEYS[model.text()])))
    if errors:
        raise PackErrors(errors)
    return _LOADERS[model.text()](node)


def origin_of(node: Node) -> Mapping[str, str]:
    """Of each number that `origin` names: published or ours."""
    origin = node.get("origin")
    if origin is None:
        return {}
    for key, word in origin.mapping().items():
        if key not in node.mapping() or key in ("model", "origin"):
            origin.keys[key].fail(f"'{key}' is no number of this scoring", "name one that stands here")
        if word.text() not in ORIGINS:
            word.fail(f"'{word.text()}' is no origin", "write published or ours")
    return {key: word.text() for key, word in origin.mapping().items()}


def hold_backfill_of(node: Node) -> float:
    """How much backfill a day may rest on and still count for a `hold`; all of it where nothing is said."""
    child = node.get("hold_backfill_share")
    return _share(child) if child is not None else 1.0


def _share(node: Node) -> float:
    value = node.number()
    if not 0.0 <= value <= 1.0:
        node.fail("a share is 0 to 1", "write 0.9")
    return value


def _from(node: Node, least: int) -> int:
    value = node.whole()
    if value < least:
        node.fail(f"a whole number from {least} is expected here", f"write {least} or more")
    return value


def _levels(node: Node) -> Scoring:
    shares = [_share(node.child(key)) for key in _SHARES]
    return LevelNumbers(
        model="cumulative_levels",
        min_pass_share=shares[0],
        min_dimension_share=shares[1],
        min_fresh_share=shares[2],
        max_backfill_share=shares[3],
    )


def _stars(node: Node) -> Scoring:
    bands = tuple(_band(child) for child in node.child("bands").sequence())
    edges = [band.min for band in bands]
    if not bands or edges[-1] != 0.0 or any(high <= low for high, low in pairwise(edges)):
        node.child("bands").fail("bands go from the highest down to one that begins at 0", "write min: 85, 70, 60, 0")
    return StarNumbers(model="points_to_stars", items_total=_from(node.child("items_total"), 1), bands=bands)


def _band(node: Node) -> Band:
    errors = node.only(frozenset(("label", "min", "title")))
    if errors:
        raise PackErrors(errors)
    least = node.child("min")
    if not 0.0 <= least.number() <= 100.0:
        least.fail("points are 0 to 100", "write 85")
    return Band(label=node.child("label").text(), min=least.number(), titles=titles_of(node.child("title")))


def _items(node: Node) -> Scoring:
    total, certified = node.child("items_total"), node.child("certified_at")
    short = node.child("short_cure_from")
    if not 0 <= short.whole() < certified.whole() <= total.whole():
        certified.fail("expected: short_cure_from < certified_at <= items_total", "write 28, 34 and 34")
    return ItemNumbers(
        model="item_count_with_cure",
        items_total=_from(total, 1),
        certified_at=certified.whole(),
        short_cure_from=short.whole(),
        short_cure_days=_from(node.child("short_cure_days"), 1),
        long_cure_months=_from(node.child("long_cure_months"), 1),
    )


def _conformity(node: Node) -> Scoring:
    total, cycle, surveillance = node.get("items_total"), node.get("cycle_months"), node.get("surveillance_months")
    return ConformityNumbers(
        model="conformity",
        items_total=_from(total, 1) if total is not None else 0,
        major_share=_share(node.child("major_share")),
        cycle_months=_from(cycle, 1) if cycle is not None else 0,
        surveillance_months=tuple(_from(child, 1) for child in surveillance.sequence()) if surveillance else (),
    )


_LOADERS: Mapping[str, Callable[[Node], Scoring]] = {
    "cumulative_levels": _levels,
    "points_to_stars": _stars,
    "item_count_with_cure": _items,
    "conformity": _conformity,
    "threshold_table": lambda node: ThresholdNumbers(model="threshold_table"),
}
