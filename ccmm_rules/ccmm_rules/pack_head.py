"""`pack.yaml`: who a pack is, from when to when it holds, how it scores, and which packs it uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ccmm_rules.errors import PackErrors, one_of
from ccmm_rules.model import Heading
from ccmm_rules.parsing import Collected, flag_of, words_of
from ccmm_rules.scoring_load import hold_backfill_of, load_scoring, origin_of
from ccmm_rules.standard import Scoring, Use
from ccmm_rules.strict_yaml import Node
from ccmm_rules.vocabulary.tables import Titles, titles_of

_KEYS = frozenset(
    [
        "id",
        "version",
        "title",
        "effective_from",
        "effective_until",
        "replaces",
        "claims_certificate",
        "uses",
        "scoring",
        "dimensions",
        "headings",
    ]
)
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackHead:
    """What `pack.yaml` says by itself."""

    id: str
    version: str
    titles: Titles
    effective_from: str
    effective_until: str
    replaces: tuple[str, ...]
    claims_certificate: bool
    uses: tuple[Use, ...]
    scoring: Scoring
    origin: Mapping[str, str]
    hold_backfill_share: float
    dimensions: Mapping[str, Titles]
    headings: Mapping[str, Heading]


def load_head(root: Node) -> PackHead:
    """Raises PackErrors with all that is wrong in it."""
    collected = Collected()
    collected.errors += root.only(_KEYS)
    uses = collected.attempt(uses_of, root)
    scoring = collected.attempt(lambda: load_scoring(root.child("scoring")))
    origin = collected.attempt(lambda: origin_of(root.child("scoring")))
    hold = collected.attempt(lambda: hold_backfill_of(root.child("scoring")))
    titles = collected.attempt(lambda: titles_of(root.child("title")))
    dates = collected.attempt(_dates, root)
    names = collected.attempt(lambda: (root.child("id").text(), root.child("version").text()))
    replaces = collected.attempt(_replaces, root)
    claims = collected.attempt(flag_of, root, "claims_certificate")
    dimensions = collected.attempt(_dimensions, root)
    headings = collected.attempt(_headings, root, frozenset(dimensions or ()))
    collected.raise_any()
    assert names is not None
    assert dates is not None
    assert scoring is not None
    return PackHead(
        id=names[0],
        version=names[1],
        titles=titles or {},
        effective_from=dates[0],
        effective_until=dates[1],
        replaces=replaces or (),
        claims_certificate=claims is True,
        uses=uses or (),
        scoring=scoring,
        origin=origin or {},
        hold_backfill_share=hold if hold is not None else 1.0,
        dimensions=dimensions or {},
        headings=headings or {},
    )


def _day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError as error:
        wrong = node.error(f"'{node.text()}' is no day", 'write "2026-11-22"')
        raise PackErrors([wrong]) from error


def _dates(root: Node) -> tuple[str, str]:
    since, until = root.child("effective_from"), root.get("effective_until")
    first = _day(since)
    if until is not None and _day(until) < first:
        until.fail("the last day is before the first", "write a day after effective_from")
    return first.isoformat(), _day(until).isoformat() if until is not None else ""


def _replaces(root: Node) -> tuple[str, ...]:
    node = root.get("replaces")
    versions = words_of(node) if node is not None else ()
    if node is not None and root.child("version").text() in versions:
        node.fail("a version does not replace itself", "name earlier versions")
    return versions


def uses_of(root: Node) -> tuple[Use, ...]:
    """The used packs that a `pack.yaml` names. Raises PackErrors."""
    node = root.get("uses")
    if node is None:
        return ()
    uses = tuple(_use(child) for child in node.sequence())
    if len({use.pack for use in uses}) != len(uses):
        node.fail("a pack stands here twice", "keep one")
    return uses


def _use(node: Node) -> Use:
    errors = node.only(frozenset(("pack", "digest")))
    if errors:
        raise PackErrors(errors)
    digest = node.child("digest")
    if _DIGEST.fullmatch(digest.text()) is None:
        digest.fail("a digest is 64 digits of 0-9 and a-f", "write the digest that `rules check` prints")
    return Use(pack=node.child("pack").text(), digest=digest.text())


def _dimensions(root: Node) -> Mapping[str, Titles]:
    if "dimensions" not in root.mapping() and "uses" in root.mapping():
        return {}
    return {name: titles_of(child) for name, child in root.child("dimensions").mapping().items()}


def _headings(root: Node, dimensions: frozenset[str]) -> Mapping[str, Heading]:
    if "headings" not in root.mapping() and "uses" in root.mapping():
        return {}
    headings = root.child("headings").mapping()
    return {name: _heading(name, child, dimensions) for name, child in headings.items()}


def _heading(name: str, node: Node, dimensions: frozenset[str]) -> Heading:
    dimension = node.child("dimension")
    if dimension.text() not in dimensions:
        dimension.fail(f"'{dimension.text()}' is no dimension", one_of(dimension.text(), dimensions))
    return Heading(id=name, dimension=dimension.text(), titles=titles_of(node.child("title")))
