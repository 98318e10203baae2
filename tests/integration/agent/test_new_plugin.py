"""`new-plugin` as a plugin maker meets it: the package passes untouched, is built, installed and run by an agent."""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.new_plugin import MAX_NAME, write_plugin
from ccmm_proto.errors import BadConfig
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.fake_collector import FakeCollector
from tests.support.homes import collector, joined
from tests.support.outside import installed, new_plugin, run_in
from tests.support.processes import running

__all__ = ["collector", "joined"]

SOURCE = '\n[[source]]\nname = "calls"\nplugin = "bell_log"\nevery = "15m"\nfile = "{file}"\n'


@dataclass(frozen=True)
class Kit:
    folder: Path
    python: Path


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """What `new-plugin` wrote, untouched, and the environment that has its wheel."""
    folder = tmp_path_factory.mktemp("third-party")
    plugin = new_plugin("bell_log", folder / "bell")
    return Kit(plugin, installed(plugin, folder))


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Two calls of yesterday."""
    file = tmp_path / "calls.csv"
    day = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    file.write_text(f"entered,queue,waited,answered\n{day}T00:00:10Z,support,7,yes\n{day}T00:00:20Z,support,9,no\n")
    return file


def test_its_own_tests_pass_untouched(kit: Kit) -> None:
    done = run_in(kit.folder, kit.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("name", ["b", "bell_log", "x" * MAX_NAME])
def test_it_is_typed_formatted_and_clean_whatever_its_name(name: str, tmp_path: Path) -> None:
    write_plugin(name, tmp_path / "p")
    tools = Path(sys.executable).parent
    for command in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        done = run_in(tmp_path / "p", tools / command[0], *command[1:], ".")
        assert done.returncode == 0, done.stdout
    if name == "bell_log":
        done = run_in(tmp_path / "p", tools / "mypy", "--cache-dir", tmp_path / "mypy", ".")
        assert done.returncode == 0, done.stdout


def test_an_agent_lists_checks_and_reads_it(kit: Kit, export: Path, tmp_path: Path) -> None:
    home = tmp_path / "agent"
    home.mkdir()
    (home / "agent.toml").write_text('zone = "UTC"\n' + SOURCE.format(file=export))

    def agent(*words: str | Path) -> dict[str, list[dict[str, object]]]:
        done = run_in(tmp_path, kit.python, "-m", "ccmm_agent.main", *words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
        return found

    (listed,) = [one for one in agent("plugins")["plugins"] if one["plugin"] == "bell_log"]
    assert listed["feeds"] == ["calls_offered", "calls_answered", "calls_abandoned", "wait_answered"]
    (checked,) = agent("check", home)["sources"]
    assert checked["outcome"] == "OBSERVED"
    (run,) = agent("collect", home, "--source", "calls")["runs"]
    assert run["plugin"] == "bell_log"


def test_a_running_agent_signs_and_sends_what_it_reads(
    kit: Kit, export: Path, joined: Path, collector: FakeCollector, tmp_path: Path
) -> None:
    with (joined / "agent.toml").open("a") as file:
        file.write(SOURCE.format(file=export))
    command = [str(kit.python), "-m", "ccmm_agent.main", "run", str(joined)]
    with running(command, tmp_path / "run.out", cwd=joined):
        statements = collector.wait_for(2)
    (told,) = [statement for statement in statements if statement.run.source == "calls"]
    assert (told.plugin_software.name, told.plugin_software.version) == ("ccmm-plugin-bell-log", "0.1.0")
    assert len(told.plugin_software.digest) == 32
    assert told.run.outcome == OBSERVED
    offered = [one.measure.count for one in told.run.observations if one.measure.id == "calls_offered"]
    assert offered == [2]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Bell",
        "bell-log",
        "1st",
        "_x",
        "x__y",
        "x_",
        "class",
        "attestations",
        "x" * (MAX_NAME + 1),
        "bell\n",
        "läuten",
    ],
)
def test_a_name_that_no_package_can_have_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="expected"):
        write_plugin(name, tmp_path / "p")
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("name", ["asterisk", "telephony"])
def test_a_name_that_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="installed"):
        write_plugin(name, tmp_path / "p")


def test_a_folder_with_something_in_it_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mine").write_text("mine")
    for folder in (tmp_path / "p", tmp_path / "p" / "mine"):
        with pytest.raises(BadConfig, match="new or empty"):
            write_plugin("bell", folder)
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["mine"]
