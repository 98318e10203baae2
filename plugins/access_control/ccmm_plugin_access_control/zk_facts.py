"""From users and punches of a ZKTeco terminal to badges and passages. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from ccmm_agent.delimited import BadTable, LocalTimes
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_access_control.passages import NO_BADGE, UNKNOWN, Attributes, Passage
from ccmm_plugin_access_control.zk_records import Punch, User

STATES = {"0": "in", "1": "out", "2": "out", "3": "in", "4": "in", "5": "out"}
# check-in, check-out, break-out, break-in, overtime in, overtime out:
# https://desarrollo.zktecolatinoamerica.com/sdk/on_att_transaction_ex
_OLDEST_YEAR = 2005  # a terminal whose battery is empty begins at 2000
_CLOCK_CHANGE = timedelta(hours=2)
_CLASSES = ("personal", "shared", "temporary", "visitor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the terminal's numbers mean in this house."""

    door: str
    zone: str | None
    opens: bool
    states: Mapping[str, str]
    groups: Mapping[str, str]
    badge_is: Literal["user", "card"]
    controlled: bool | None
    dedicated: bool | None
    project: str | None

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        badge_is = options.text("badge", "user")
        if badge_is not in ("user", "card"):
            raise BadOption("badge", '"user" or "card"')
        fixed = options.text("direction", None)
        if fixed not in (None, "in", "out"):
            raise BadOption("direction", '"in" or "out"')
        return cls(
            door=options.text("door"),
            zone=options.text("door_zone", None),
            opens=options.flag("opens_door", True),
            states=_states(options, fixed),
            groups=_groups(options),
            badge_is="card" if badge_is == "card" else "user",
            controlled=options.flag("controlled", None),
            dedicated=options.flag("dedicated", None),
            project=options.text("project", None),
        )

    def badges(self, users: Iterable[User]) -> dict[str, Attributes]:
        """Badge -> attributes. Raises BadTable where two users have the same card."""
        found: dict[str, Attributes] = {}
        for user in users:
            badge = self.badge(user)
            if badge in found:
                raise BadTable("two users of the terminal have the same card number")
            found[badge] = {
                "person": user.id,
                "class": self.class_of(user),
                "enabled": user.enabled,
                "zones": [self.zone] if self.zone else None,
                "project": self.project,
            }
        return found

    def badge(self, user: User) -> str:
        """What the badge is called: as in other door systems of the house."""
        return str(user.card) if self.badge_is == "card" and user.card else user.id

    def class_of(self, user: User | None) -> str | None:
        """By the user's group; nothing where no groups are told."""
        if not self.groups or user is None:
            return None
        return self.groups.get(user.group, UNKNOWN)

    def passage(self, punch: Punch, at: datetime, users: Mapping[str, User]) -> Passage:
        """One punch at an instant in UTC."""
        user = users.get(punch.id) if punch.id is not None else None
        badge = self.badge(user) if user is not None else punch.id
        attributes: Attributes = {
            "badge": badge,
            "person": punch.id,
            "badge_class": self.class_of(user),
            "door": self.door,
            "zone": self.zone,
            "direction": self.states.get(str(punch.state), self.states.get("*")),
            "result": "open" if self.opens else None,
            "controlled": self.controlled,
            "dedicated": self.dedicated,
            "project": self.project,
        }
        return Passage(badge or NO_BADGE, at, attributes)


@dataclass(slots=True)
class Seen:
    """What one pass over the log met, in counts: it is told, never passed over."""

    since: datetime  # of earlier records it was told before
    undated: int = 0  # no date, or one from before terminals
    doubled: int = 0  # the same user, second and state once more
    gone: int = 0  # of users whose id is no longer known
    ahead: int = 0  # later than it can be
    steps_back: int = 0  # earlier than the record before by more than a clock change


def passages(
    punches: Iterable[Punch],
    meaning: Meaning,
    users: Mapping[str, User],
    times: LocalTimes,
    *,
    latest: datetime,
    seen: Seen,
) -> Iterator[Passage]:
    """In the order of the log. The hour that a clock change repeats is told by that order."""
    before: datetime | None = None
    met: set[tuple[str | int | None, int]] = set()
    for punch in punches:
        if punch.at is None or not _OLDEST_YEAR <= punch.at.year <= latest.year + 1:
            seen.undated += 1
            continue
        at = times.instant(punch.at, after=before)
        is_new = at >= seen.since
        seen.steps_back += is_new and before is not None and before - at > _CLOCK_CHANGE
        if at != before:
            met.clear()
        before = at
        who = (punch.id if punch.id is not None else punch.place, punch.state)
        if who in met:
            seen.doubled += is_new
            continue
        met.add(who)
        seen.gone += is_new and punch.id is None
        seen.ahead += at > latest
        yield meaning.passage(punch, at, users)


def _states(options: Options, fixed: str | None) -> dict[str, str]:
    if fixed is not None:
        return {"*": fixed}
    told = options.table("states", None)
    if told is None:
        return dict(STATES)
    found = {state: told.text(state) for state in told.keys()}  # noqa: SIM118 - no mapping
    for state, direction in found.items():
        if not state.isdigit() or direction not in ("in", "out"):
            raise BadOption(f"states.{state[:20]}", 'a number = "in" or "out"')
    return found


def _groups(options: Options) -> dict[str, str]:
    told = options.table("groups", None)
    found = {} if told is None else {group: told.text(group) for group in told.keys()}  # noqa: SIM118 - no mapping
    for group, word in found.items():
        if word not in _CLASSES:
            raise BadOption(f"groups.{group[:20]}", f"one of {', '.join(_CLASSES)}")
    return found
