"""A third party's plugin that steals, installed as any other: it is stopped, and that is reported and signed."""

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ccmm_proto.v1.statement_pb2 import UNAVAILABLE
from tests.support.fake_collector import FakeCollector
from tests.support.homes import collector, joined
from tests.support.kernel import needs_landlock
from tests.support.outside import installed, new_plugin, run_in
from tests.support.processes import running

__all__ = ["collector", "joined"]

SUPPORT = Path(__file__).parents[2] / "support"
TAKES = ("key", "folder", "host", "name", "program", "write")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which the thief is installed."""
    folder = tmp_path_factory.mktemp("thief")
    plugin = new_plugin("thief", folder / "plugin")
    shutil.copy(SUPPORT / "thief.py", plugin / "ccmm_plugin_thief" / "source.py")
    return installed(plugin, folder)


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of something that the manifest does not name."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def with_thieves(home: Path, port: int, target: Path, *, sly: bool = False) -> None:
    """One source for each thing that can be taken."""
    key = next((home / "keys").glob("*evidence*"))
    places = {"key": key, "folder": home / "keys", "name": "example.com", "write": target}
    with (home / "agent.toml").open("a") as file:
        for take in TAKES:
            file.write(f'\n[[source]]\nname = "{take}"\nplugin = "thief"\nevery = "15m"\ntake = "{take}"\n')
            file.write(f'place = "{places.get(take, "/nowhere")}"\nport = {port}\nsly = {str(sly).lower()}\n')


@needs_landlock
def test_a_plugin_that_steals_is_stopped_and_each_attempt_is_a_signed_run(
    python: Path, listener: int, joined: Path, collector: FakeCollector, tmp_path: Path
) -> None:
    with_thieves(joined, listener, tmp_path / "loot")
    command = [str(python), "-m", "ccmm_agent.main", "run", str(joined)]
    with running(command, tmp_path / "run.out", cwd=joined):
        runs = {statement.run.source: statement.run for statement in collector.wait_for(len(TAKES) + 1)}
    for take in TAKES:
        assert (runs[take].outcome, runs[take].reason) == (UNAVAILABLE, "refused"), (take, runs[take].detail)
        assert "denied by isolation" in runs[take].detail
    assert not (tmp_path / "loot").exists()


@needs_landlock
def test_check_names_every_attempt(python: Path, listener: int, joined: Path, tmp_path: Path) -> None:
    with_thieves(joined, listener, tmp_path / "loot")
    done = run_in(tmp_path, python, "-m", "ccmm_agent.main", "check", joined, "--json")
    assert done.returncode == 1
    told = {source["source"]: source for source in json.loads(done.stdout)["sources"]}
    for take in TAKES:
        failed = [line["detail"] for line in told[take]["lines"] if line["verdict"] == "failed"]
        assert any("denied by isolation" in detail for detail in failed), (take, failed)


@needs_landlock
def test_a_thief_that_swallows_every_refusal_is_told_of_all_the_same(
    python: Path, listener: int, joined: Path, tmp_path: Path
) -> None:
    with_thieves(joined, listener, tmp_path / "loot", sly=True)
    done = run_in(tmp_path, python, "-m", "ccmm_agent.main", "collect", joined, "--json")
    told = {run["source"]: run for run in json.loads(done.stdout)["runs"]}
    checked = run_in(tmp_path, python, "-m", "ccmm_agent.main", "check", joined, "--json")
    lines = {one["source"]: one["lines"] for one in json.loads(checked.stdout)["sources"]}
    assert checked.returncode == 1
    for take in TAKES:
        assert told[take]["detail"].startswith("the plugin tried what its manifest does not name: "), take
        assert [line["subject"] for line in lines[take] if line["verdict"] == "failed"] == ["isolation"], take
    assert "the agent's folder" in told["key"]["detail"]
    assert "subprocess.Popen" in told["program"]["detail"]
    assert not (tmp_path / "loot").exists()
