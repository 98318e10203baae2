"""Fixtures that all suites share."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # as ccmm_agent.main has it: forks of a worker with gRPC's threads crash

# Shared cores make a single example slow now and then: that is no failure.
settings.register_profile("ccmm", deadline=None)
settings.load_profile("ccmm")
pytest.register_assert_rewrite("tests.support")  # an assertion that fails there shows its values

ROOT = Path(__file__).parent.parent
CAPTURES = (ROOT / os.environ.get("CAPTURES", "../shared/data")).resolve()


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures; the test is skipped, saying so, where it is absent."""
    if not (CAPTURES / "README.md").is_file():
        pytest.skip(f"no captures at {CAPTURES}: set CAPTURES=DIR")
    return CAPTURES


@pytest.fixture(autouse=True)
def heap_of_all_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner gives its heap back after each reading: here it would be that of all tests before, for seconds."""
    if runner := sys.modules.get("ccmm_agent.runner"):
        monkeypatch.setattr(runner, "give_back", lambda *, collect: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=300, help="generated histories per property")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The very last line of a run says whether captures were used."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    used = (CAPTURES / "README.md").is_file()
    reporter.write_line(f"captures: used, from {CAPTURES}" if used else f"captures: NOT used, none at {CAPTURES}")
