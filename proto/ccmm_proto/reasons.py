"""Why a run could not look, did not look, or was not allowed to: the closed list of `Run.reason`."""

from enum import StrEnum


class Reason(StrEnum):
    """A word for machines; `Run.detail` has the sentence for people."""

    # UNAVAILABLE
    NOT_FOUND = "not_found"  # file, folder, base DN is not there
    REFUSED = "refused"  # rights, log-in
    UNREACHABLE = "unreachable"  # connection
    LIMITED = "limited"  # the system gave only a part (size limit)
    UNREADABLE = "unreadable"  # there, but not understood
    TIMEOUT = "timeout"
    MEMORY = "memory"
    FLOOD = "flood"  # more output than allowed
    CRASHED = "crashed"
    BAD_SCHEMA = "bad_schema"  # facts of an undeclared shape
    BAD_OPTION = "bad_option"  # the source's configuration is wrong
    # MISSED
    AGENT_DOWN = "agent_down"
    # SKIPPED
    STILL_RUNNING = "still_running"
    QUIET_HOURS = "quiet_hours"
    SPOOL_FULL = "spool_full"
    BUDGET = "budget"  # so many readings as the source may have were made
    VETOED = "vetoed"  # the center lets these facts not leave
    PAUSED = "paused"  # runs in a row could not look: the source is asked less often
