"""docs/plugins/writing-a-plugin.md followed to the letter: its files, changes, commands and what they print."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ccmm_agent import landlock
from tests.support.outside import Finished, lent_environment

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "writing-a-plugin.md"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = "/srv/export/calls.csv"  # of the page; here it lies beside the package
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
Run = Callable[[list[str]], Finished]


def change(path: Path, diff: str) -> None:
    """Each part of a diff, between lines `@@`, fits exactly one place of the file."""
    content = path.read_text("utf-8")
    for part in diff.split("@@\n"):
        lines = part.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        assert content.count(before) == 1, before
        content = content.replace(before, after)
    path.write_text(content, "utf-8")


def follow(session: str, run: Run) -> None:
    """One command and what it prints, word for word; a line `...` leaves the lines above or below it open."""
    command, *wanted = session.rstrip("\n").split("\n")
    done = run(command.removeprefix("$ ").split())
    told = re.sub(r"in \d+\.\d+s", "in 1.23s", done.stdout + done.stderr)
    told = re.sub(r"^clock: .*\n", "", told, flags=re.MULTILINE)  # of this machine
    printed = re.sub(r" +$", "", told, flags=re.MULTILINE).strip("\n").split("\n")
    if wanted[:1] == ["..."]:
        wanted, printed = wanted[1:], printed[-len(wanted[1:]) :]
    elif wanted[-1:] == ["..."]:
        wanted, printed = wanted[:-1], printed[: len(wanted) - 1]
    assert printed == (wanted or [""])
    assert (done.returncode == 0) is not ("failed" in "".join(wanted))


@pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock, and the page shows what one prints")
def test_following_the_page_makes_a_plugin_that_an_agent_runs(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    python = lent_environment(tmp_path / "venv")
    programs = {
        "ccmm-agent": [str(python), "-m", "ccmm_agent.main"],
        "python": [str(python)],
        "ruff": [str(Path(sys.executable).parent / "ruff")],
    }

    def run(words: list[str]) -> Finished:
        command = [*programs[words[0]], *words[1:]]
        environment = {"PATH": "/usr/bin:/bin", "RUFF_NO_CACHE": "true", **OFFLINE}
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=300, check=False
        )

    commands = 0
    for language, name, content in FENCE.findall(PAGE.read_text("utf-8")):
        if language == "console":
            follow(content, run)
            commands += 1
        elif language == "diff":
            change(folder / name, content)
        elif name:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content.replace(PLACE, str(folder / "calls.csv")), "utf-8")
        if name.endswith("recorded.csv"):
            (folder / "calls.csv").write_text(content, "utf-8")
    assert commands == 8


def test_a_step_that_does_not_hold_would_be_found(tmp_path: Path) -> None:
    def says(printed: str, code: int = 0) -> Run:
        return lambda _: Finished([], code, printed, "")

    follow("$ x\n...\nlast\n", says("first\nlast\n"))
    follow("$ x\nfirst\n...\n", says("first\nlast\n"))
    for session, run in (
        ("$ x\n", says("something\n")),
        ("$ x\nfirst\n", says("first\nlast\n")),
        ("$ x\n...\nfirst\n", says("first\nlast\n")),
        ("$ x\nlast\n...\n", says("first\nlast\n")),
        ("$ x\n1 failed\n", says("1 failed\n", 0)),
        ("$ x\nfine\n", says("fine\n", 1)),
    ):
        try:
            follow(session, run)
        except AssertionError:
            continue
        raise AssertionError(session)
