"""What a scoring model concludes: one type for all of them, and the score of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccmm_rules.model import Outcome
from ccmm_rules.vocabulary.tables import Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A rule that must still be met."""

    rule: str
    gate: bool
    dimension: str
    outcome: Outcome
    reason: str
    title: Titles
    remedy: Titles


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """A condition that is not met: gate, pass_share, dimension_share, fresh_share, backfill, or control."""

    condition: str
    subject: str  # the rule, dimension or control; empty for the whole
    found: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlState:
    """How a control stands. `reason` is unpublished or untested where no rule could show it."""

    id: str
    group: str
    title: Titles
    items: int
    weight: float
    binding: bool
    outcome: Outcome
    reason: str
    failed: tuple[str, ...]  # rules not satisfied, gates first
    rules: int  # how many it names that apply
    gate_failed: bool

    @property
    def counts(self) -> bool:
        """A view, a recommendation and a control outside the scope count for nothing."""
        return self.binding and self.items > 0 and self.outcome != Outcome.NOT_APPLICABLE

    @property
    def advises(self) -> bool:
        """A recommendation inside the scope."""
        return not self.binding and self.items > 0 and self.outcome != Outcome.NOT_APPLICABLE

    @property
    def met(self) -> bool:
        return self.outcome == Outcome.SATISFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class StarScore:
    """`points_to_stars`."""

    points: float  # 0 to 100
    items_passed: int
    items_total: int
    next_band: str  # empty at the top
    next_points: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """`item_count_with_cure`. `cure_until` is a day, counted from the day of judgement in UTC.

    Empty, and days and months None, without a cure, and while unpublished items keep anyone from saying.
    """

    items_passed: int
    items_total: int
    certified_at: int
    cure_days: int | None
    cure_months: int | None
    cure_until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformityScore:
    """`conformity`: every clause by its state."""

    conform: tuple[str, ...]
    minor: tuple[str, ...]
    major: tuple[str, ...]
    undecided: tuple[str, ...]  # no current evidence, cannot be decided, waived, unpublished, untested
    cycle_months: int
    surveillance_months: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdScore:
    """`threshold_table`: the binding limits by their state, and the recommendations that are not met."""

    met: tuple[str, ...]
    not_met: tuple[str, ...]
    undecided: tuple[str, ...]
    advice: tuple[str, ...]


Score = StarScore | ItemScore | ConformityScore | ThresholdScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What one model finds; `level_of` adds what is the same for all. Names as in LevelResult."""

    standing: str
    sentence: Mapping[str, str]
    distance: int
    path: tuple[str, ...]
    held_down_by: tuple[Obstacle, ...]
    gaps: tuple[Gap, ...]
    backfill: float  # 0 to 1
    level: int | None = None
    next_level: int | None = None
    shares: Mapping[int, float] = field(default_factory=dict)
    score: Score | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelResult:
    """What a pack concludes about a center. `level` 0: not even L1; None: the model has no levels.

    `provisional`: it rests on backfill. `distance` is how many rules (in models without levels: controls) the next step
    still takes; `path` names the shortest choice of them.
    """

    center: str
    at_ms: int
    pack: str
    pack_version: str
    pack_digest: str
    log_id: str
    log_index: int  # highest that any verdict read
    model: str
    standing: str  # a word: L3, four_star, cure_short, minor, met
    sentence: Mapping[str, str]
    claims_certificate: bool
    level: int | None
    provisional: bool
    backfill_percent: int
    coverage: float  # percent of the applicable rules that have current evidence
    next_level: int | None
    distance: int
    path: tuple[str, ...]
    held_down_by: tuple[Obstacle, ...]  # why the next level is not reached
    next_level_gaps: tuple[Gap, ...]  # what to mend for it, gates first
    shares: Mapping[int, float]  # pass share by level
    controls: tuple[ControlState, ...]
    unpublished: int  # items whose text is not public
    untested: int  # items that no rule of ours speaks to
    score: Score | None
