"""The cases and scenarios of a pack, run before somebody answers for it or puts it in force.

failing = check_cases(load(folder), "signed", despite=False)     # raises BadConfig where any fails
"""

import sys

from ccmm_collector.judge_tables import patience
from ccmm_proto.errors import BadConfig
from ccmm_rules.cases import run_cases
from ccmm_rules.model import Pack
from ccmm_rules.scenario import run_scenarios

_SHOWN = 5


def failures_of(pack: Pack) -> list[str]:
    """What fails, a line each; empty where all is well. The 170 rules of cc_cmm take two seconds."""
    with patience(sys.stderr):
        return [str(failure) for failure in (*run_cases(pack), *run_scenarios(pack))]


def check_cases(pack: Pack, done: str, *, despite: bool) -> int:
    """How many fail; raises BadConfig where any does, unless it is to be `done` to the pack despite that."""
    failures = failures_of(pack)
    if not failures:
        return 0
    more = len(failures) - _SHOWN
    lines = [*failures[:_SHOWN], *([f"and {more} more: ccmm-collector rules test"] if more > 0 else [])]
    told = f"{pack.id} {pack.version} fails {len(failures)} of its own cases and scenarios"
    if not despite:
        raise BadConfig("\n".join([f"{told}, so it is not {done}:", *lines, "mend them, or say --despite-failures"]))
    print("\n".join([f"WARNING: {told}, and it is {done} all the same:", *lines]), file=sys.stderr)
    return len(failures)
