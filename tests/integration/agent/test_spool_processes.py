"""Several processes at one spool."""

import subprocess
import sys
from pathlib import Path

import pytest

from ccmm_agent.home import AlreadyRunning, is_running, run_lock
from ccmm_proto.chain import ZERO
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.wire import parse_statement
from tests.support.homes import collector, home_of, joined

__all__ = ["collector", "joined"]


def test_two_processes_never_give_one_number_twice(joined: Path) -> None:
    program = (
        "from pathlib import Path; import sys; sys.path.insert(0, sys.argv[2]);"
        "from tests.support.homes import home_of, put;"
        "from ccmm_agent.home import opened_home;\n"
        "with opened_home(Path(sys.argv[1]), alone=False) as home: put(home, 40)"
    )
    with home_of(joined):
        pass
    root = str(Path(__file__).parents[3])
    command = [sys.executable, "-c", program, str(joined), root]
    both = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    with home_of(joined) as home:
        assert [one.sequence for one in home.spool.waiting(limit=100)] == list(range(80))
        waiting = home.spool.waiting(limit=100)
        chained = [parse_statement(parse_envelope(one.envelope).payload) for one in waiting]
        digests = [one.digest for one in waiting]
        assert [one.previous for one in chained] == [ZERO, *digests[:-1]]


def test_one_run_at_a_time_works_on_a_folder(joined: Path) -> None:
    assert not is_running(joined)
    with run_lock(joined):
        assert is_running(joined)
        with pytest.raises(AlreadyRunning), run_lock(joined):
            pass
    assert not is_running(joined)
