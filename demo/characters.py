"""The three simulated centers: a good one, an ordinary one, and one that polishes its figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """How a center works. Shares are 0..1; the seed makes every run of the demo alike."""

    id: str
    title: str
    seed: int
    months: int  # of history before today
    agents: int
    calls_a_day: int
    answered: float  # share of calls that an agent answers
    mean_wait_s: float  # of answered calls
    short_calls: float = 0.0  # share of answered calls that the agent drops at once: the polisher's trick
    recorded: float = 1.0  # share of answered calls with a playable recording
    ticketed: float = 1.0  # share of answered calls with a ticket
    badged: float = 1.0  # share of log-ins with a badge entry before them
    billed: float = 1.0  # calls on the invoice, of those answered
    leavers_closed: bool = True  # accounts and badges of leavers are disabled the same day
    encoding: str = "utf-8"  # of its badge export
    maturity: int = 1  # which papers and tables it keeps: those of rules up to this level


CHARACTERS = (
    Character(
        id="harbour",
        title="good: 26 months, keeps what it promises",
        seed=11,
        months=26,
        agents=14,
        calls_a_day=84,
        answered=0.975,
        mean_wait_s=6.0,
        recorded=1.0,
        ticketed=1.0,
        maturity=3,
    ),
    Character(
        id="riverside",
        title="ordinary: 8 months, decent, not more",
        seed=22,
        months=8,
        agents=12,
        calls_a_day=84,
        answered=0.94,
        mean_wait_s=8.0,
        recorded=0.998,
        ticketed=0.985,
        encoding="gb18030",
        maturity=2,
    ),
    Character(
        id="glasstower",
        title="polished: 2 months, figures too good, doors too open",
        seed=33,
        months=2,
        agents=12,
        calls_a_day=84,
        answered=0.99,
        mean_wait_s=3.0,
        short_calls=0.14,
        recorded=0.86,
        ticketed=0.8,
        badged=0.55,
        billed=1.08,
        leavers_closed=False,
        encoding="gb18030",
        maturity=3,
    ),
)
