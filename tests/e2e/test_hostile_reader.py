"""A plugin that is installed and hostile, through `ccmm-agent collect --json`: it reaches nothing of the agent's.

What a reader may not do is tested one act at a time in tests/integration/agent/test_isolation.py; here the whole way is
walked once, by an agent that joined and a plugin as pip installs one. It tears down the fence inside Python first.
"""

import json
import os
import socket
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ccmm_agent import landlock
from ccmm_proto.join_code import format_join_code
from tests.e2e.hostile import opened
from tests.e2e.product import command

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "key-folder": 'do = "list_folder"\npath = "{agent}/keys"',
    "key-file": 'do = "read_file"\npath = "{agent}/keys/evidence.pem"',
    "parents-memory": 'do = "read_parent"',
    "another-port": 'do = "connect"\nport = {port}',
}
ALLOWED = {"own-folder": 'do = "list_folder"\npath = "{place}/papers"\nfolders = ["{place}/papers"]'}
SOURCE = '\n[[source]]\nname = "{name}"\nplugin = "hostile"\nevery = "15m"\ntorn = true\n{options}\n'

pytestmark = pytest.mark.skipif(landlock.abi() < 4, reason="this kernel's Landlock is missing or knows no ports")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter of its own, in which the product and a hostile plugin are installed."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place / "venv", symlinks=True)
    ours = Path(sysconfig.get_path("purelib"))
    packages = next((place / "venv").glob("lib/python*/site-packages"))
    (packages / "product.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n{ROOT}\n")
    about = packages / "hostile_plugin-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-plugin\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[ccmm_agent]\nhostile = tests.support.hostile.plugin\n")
    return place / "venv" / "bin" / "python"


@pytest.fixture
def runs(tmp_path: Path, python: Path) -> Iterator[dict[str, Any]]:
    """What `collect --json` says of each source of a joined agent, by name."""
    with opened(tmp_path / "place") as door, closing(socket.create_server(("127.0.0.1", 0))) as listener:
        agent = door.agent_folder
        command("ccmm-agent", "join", format_join_code(door.code()), agent, "--zone", "UTC")
        (door.place / "papers").mkdir()
        names = {"agent": agent, "place": door.place, "port": listener.getsockname()[1]}
        sources = [
            SOURCE.format(name=name, options=options.format(**names))
            for name, options in {**FORBIDDEN, **ALLOWED}.items()
        ]
        (agent / "agent.toml").write_text('zone = "UTC"\n' + "".join(sources))
        done = subprocess.run(
            [python, "-c", "from ccmm_agent.main import main; main()", "collect", agent, "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert done.returncode == 1, done.stderr  # some sources could not look
        yield {run["source"]: run for run in json.loads(done.stdout)["runs"]}


def test_an_installed_hostile_plugin_reads_no_key_no_memory_and_no_port_that_is_not_its_own(
    runs: dict[str, Any],
) -> None:
    told = {name: (runs[name]["outcome"], runs[name].get("reason")) for name in FORBIDDEN}
    assert told == dict.fromkeys(FORBIDDEN, ("UNAVAILABLE", "refused"))
    assert not any("observations" in runs[name] for name in FORBIDDEN)
    # The same plugin, held to what its manifest names, works.
    assert runs["own-folder"]["outcome"] == "OBSERVED"
    assert runs["own-folder"]["observations"]
