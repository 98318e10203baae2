"""A plugin of a third party: built as a wheel and installed into an environment of its own, outside the workspace."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

Finished = subprocess.CompletedProcess[str]


def run_in(folder: Path, *command: str | Path) -> Finished:
    """A command in a folder that knows nothing of the workspace; it must not fail on its own account."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


def new_plugin(name: str, folder: Path) -> Path:
    """As its maker begins: by the command."""
    made = run_in(folder.parent, sys.executable, "-m", "ccmm_agent.main", "new-plugin", name, folder)
    assert made.returncode == 0, made.stderr
    return folder


def lent_environment(folder: Path) -> Path:
    """The interpreter of a fresh environment; what this one has installed is lent to it."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    lent = sysconfig.get_paths()["purelib"]
    (site / "lent.pth").write_text(f"import site; site.addsitedir({lent!r})\n")
    return folder / "bin" / "python"


def installed(plugin: Path, folder: Path) -> Path:
    """The interpreter of a fresh environment with the plugin's wheel."""
    wheels = folder / "wheels"
    offline = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    built = run_in(folder, sys.executable, "-m", "pip", "wheel", *offline, "--no-build-isolation", "-w", wheels, plugin)
    assert built.returncode == 0, built.stderr
    python = lent_environment(folder / "venv")
    (wheel,) = wheels.glob("*.whl")
    put = run_in(folder, sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel)
    assert put.returncode == 0, put.stderr
    return python
