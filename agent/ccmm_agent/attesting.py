"""The command `attest`: keep the statement, then spool a run that restates all in force. Works beside `run`."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ccmm_agent import clock
from ccmm_agent.attest import Stated, digest_of_file, observation_of, parse_setting, state
from ccmm_agent.home import attestations_lock, opened_home
from ccmm_agent.pipeline import run_source
from ccmm_agent.screen import say
from ccmm_agent.sources import attestations
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import to_ms


def attest(
    folder: Path, *, kind: str, title: str, file: Path, valid_until: str | None, settings: Sequence[str] = ()
) -> None:
    """State it and spool it; `run` sends it. Raises BadConfig for what cannot be stated."""
    with opened_home(folder, alone=False) as home, attestations_lock(folder):
        now = clock.now()
        until = None if valid_until is None else end_of_day(valid_until, home.config.zone)
        stated = Stated(
            kind=kind,
            title=title,
            sha256=digest_of_file(file),
            stated_ms=to_ms(now),
            until_ms=None if until is None else to_ms(until),
            attributes=dict(parse_setting(setting) for setting in settings),
        )
        try:
            observation_of(stated)
        except ValueError as error:
            raise BadConfig(f"this cannot be stated: {error}") from error
        if not stated.is_in_force(now):
            raise BadConfig(f"--valid-until {valid_until}: expected a day that is not over yet")
        state(folder, stated)
        # Kept. A crash here: the next run of `attestations` tells of it.
        run_source(home, attestations(folder, home.config.zone, home.config.veto), now, bell=lambda: None)
    say(f"stated: {kind}: {title}; `ccmm-agent run` sends it")


def end_of_day(text: str, zone: ZoneInfo) -> datetime:
    """The first instant after that day in the center's zone. Raises BadConfig."""
    try:
        day = date.fromisoformat(text) + timedelta(days=1)
        return datetime.combine(day, time(), zone)
    except (ValueError, OverflowError) as error:
        raise BadConfig(f"--valid-until {text}: expected a day such as 2027-06-30") from error
