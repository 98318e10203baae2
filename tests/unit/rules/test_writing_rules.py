"""docs/writing-rules.md, followed to the letter: its files, its commands and their output, its tables."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from ccmm_rules.rule_load import KEYS, OPERATORS

PAGE = Path(__file__).parents[3] / "docs" / "writing-rules.md"
COLLECTOR = Path(sys.executable).parent / "ccmm-collector"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| .* \| `(\{.*\})` \| `(.*)` \|$", re.MULTILINE)

EXAMPLE = """
id: OUR-EXA-01
title: {{en: Example, zh: 示例}}
heading: S1_reachability
level: 1
remedy: {{en: None., zh: 无。}}
fresh_for: 26h
reads:
  x: {read}
require: {condition}
cases: [{{outcome: missing}}]
"""


def text() -> str:
    return PAGE.read_text("utf-8")


def fences() -> list[tuple[str, str, str]]:
    """(language, file, content), in the order of the page."""
    return [(match[1], match[2] or "", match[3]) for match in FENCE.finditer(text())]


def mend(path: Path, diff: str) -> None:
    said = path.read_text("utf-8")
    gone = [line[1:] for line in diff.splitlines() if line.startswith("-")]
    come = [line[1:] for line in diff.splitlines() if line.startswith("+")]
    assert "\n".join(gone) in said
    path.write_text(said.replace("\n".join(gone), "\n".join(come)), "utf-8")


def run(session: str, folder: Path) -> None:
    """One command and what it prints, word for word; a last line `...` leaves the rest open."""
    command, *wanted = session.rstrip("\n").split("\n")
    words = command.removeprefix("$ ccmm-collector ").split()
    done = subprocess.run([COLLECTOR, *words], cwd=folder, capture_output=True, text=True, check=False)
    printed = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", done.stdout + done.stderr).rstrip("\n").split("\n")
    if wanted[-1] == "...":
        wanted, printed = wanted[:-1], printed[: len(wanted) - 1]
    assert printed == wanted
    assert (done.returncode == 0) is not printed[0].startswith("bad_config")


def follow(folder: Path) -> int:
    """Do all that the page says, in its order; how many commands were run."""
    commands = 0
    for language, name, content in fences():
        if language == "yaml":
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, "utf-8")
        elif language == "diff":
            mend(folder / name, content)
        elif language == "console":
            run(content, folder)
            commands += 1
    return commands


def test_following_the_page_makes_a_pack_that_loads_and_passes(tmp_path: Path) -> None:
    assert follow(tmp_path) == 5
    pack = load_pack(tmp_path / "our_rules")
    assert list(pack.rules) == ["OUR-PEK-01"]
    assert run_cases(pack) == []


def test_the_pack_of_the_page_can_be_signed_and_put_in_force(tmp_path: Path) -> None:
    follow(tmp_path)

    def collector(*words: str) -> str:
        done = subprocess.run([COLLECTOR, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    collector("init", "DIR")
    printed = ""
    (steps,) = [content for language, _, content in fences() if language == "sh"]
    for line in steps.splitlines():
        printed = collector(*line.partition("#")[0].split()[1:])
        if " sign " in line:
            (key,) = re.findall(r'"YOUR NAME" = "([0-9a-f]{64})"', printed)
            config = tmp_path / "DIR" / "collector.toml"
            table = "[packs.trusted_keys]\n"
            config.write_text(config.read_text("utf-8").replace(table, f'{table}"us" = "{key}"\n'), "utf-8")
    assert "our_rules" in printed


def test_every_key_of_a_rule_stands_in_the_table() -> None:
    (table,) = re.findall(r"## The keys of a rule\n(.*?)\n## ", text(), re.DOTALL)
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {word for cell in first_cells for word in re.findall(r"`(\w+)`", cell)} == KEYS


def test_all_ten_operators_have_an_example() -> None:
    assert [match[1] for match in ROW.finditer(text())] == [
        "metric",
        "slots",
        "series",
        "coverage",
        "inventory",
        "occurrences",
        "documents",
        "attestations",
        "match",
        "rules",
    ]
    assert {match[1] for match in ROW.finditer(text())} == set(OPERATORS)


@pytest.mark.parametrize(("operator", "read", "condition"), ROW.findall(PAGE.read_text("utf-8")))
def test_the_example_of_an_operator_loads(operator: str, read: str, condition: str, tmp_path: Path) -> None:
    follow_files(tmp_path)
    (tmp_path / "our_rules" / "OUR-EXA-01.yaml").write_text(
        EXAMPLE.format(read=read, condition=condition), encoding="utf-8"
    )
    assert load_pack(tmp_path / "our_rules").rules["OUR-EXA-01"].reads[0].operator == operator


def follow_files(folder: Path) -> None:
    """The files of the page alone, mended."""
    for language, name, content in fences():
        if language == "yaml":
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, "utf-8")
        elif language == "diff":
            mend(folder / name, content)


def test_every_outcome_is_told_of() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", text().partition("## What comes out")[2], re.MULTILINE)) == set(Outcome)


def test_the_links_of_the_page_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", text())
    assert links
    assert all((PAGE.parent / link).exists() for link in links)
