"""What a pack says about its standard: controls, the packs it uses, and the numbers of its scoring model.

Every number stands in `pack.yaml`. Its `origin` says which of them the standard's publisher published: others are ours.
"""

from dataclasses import dataclass

from ccmm_rules.vocabulary.tables import Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A pack whose rules this one names."""

    pack: str
    digest: str  # SHA-256, hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rule named by a control, and the level at which it is asked (the rule's own where none is said)."""

    rule: str
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the standard asks. `about`: tested by rules; unpublished: its text is not public; untested: no rule of ours
    speaks to it.

    `items` is how many of the standard's items it stands for: 0 is a view that counts for nothing.
    """

    id: str
    titles: Titles
    group: str  # empty where the standard does not say
    about: str  # tested, unpublished, untested
    asks: tuple[Asked, ...]
    items: int
    weight: float
    binding: bool  # false: a recommendation, shown beside what counts


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelNumbers:
    """`cumulative_levels`: shares from 0 to 1."""

    model: str
    min_pass_share: float
    min_dimension_share: float
    min_fresh_share: float
    max_backfill_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """From so many points on."""

    label: str
    min: float
    titles: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class StarNumbers:
    """`points_to_stars`: bands, highest first; the last begins at 0."""

    model: str
    items_total: int
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemNumbers:
    """`item_count_with_cure`: certified at so many items, otherwise time to mend by how many are met."""

    model: str
    items_total: int
    certified_at: int
    short_cure_from: int
    short_cure_days: int
    long_cure_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformityNumbers:
    """`conformity`: a clause fails in a major way when a gate does, or more than this share of its rules."""

    model: str
    items_total: int  # 0: the standard does not count them
    major_share: float
    cycle_months: int  # 0: not known
    surveillance_months: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdNumbers:
    """`threshold_table`: no number of its own. The limits stand in the rules, and each binding one must be met."""

    model: str


Scoring = LevelNumbers | StarNumbers | ItemNumbers | ConformityNumbers | ThresholdNumbers
