"""A contact: one time a call entered a queue, as far as its switch tells of it."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["waiting", "answered", "abandoned", "left"]


@dataclass(slots=True, kw_only=True)
class Contact:
    """A call in a queue from its entering on; `queue` None: a call that no queue took.

    `talk_s`, `hold_s` and `after_s` are None until the call ended, and where the switch does not tell them. `ended_by`
    is `agent`, `caller`, `system` or `transfer`; `lost`: its end was never written.
    """

    call: str
    queue: str | None
    entered_s: int
    outcome: Outcome = "waiting"
    agent: str | None = None
    wait_s: float | None = None
    talk_s: float | None = None
    hold_s: float | None = None
    after_s: float | None = None
    ended_by: str | None = None
    unanswered_rings: int = 0
    direction: str | None = "in"
    system: str = "acd"
    lost: bool = False
    number: str | None = None
    shown_number: str | None = None
    from_ivr: bool = False
    on_standby: bool = False

    @property
    def is_open(self) -> bool:
        return not self.lost and (self.outcome == "waiting" or (self.outcome == "answered" and self.talk_s is None))
