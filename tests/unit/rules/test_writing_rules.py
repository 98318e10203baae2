"""docs/writing-rules.md and its Chinese twin, followed to the letter: their files, commands, outputs and tables.

What one page says and shows, the other does too.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from ccmm_rules.rule_load import KEYS, OPERATORS
from tests.unit.rules.pages import DOCS, blocks, fences, follow_files, mend, told, uncommented

ENGLISH, CHINESE = PAGES = (DOCS / "writing-rules.md", DOCS / "writing-rules.zh-CN.md")
KEY_TABLE, OUTCOME_TABLE = 2, 4  # which chapter of a page
COLLECTOR = Path(sys.executable).parent / "ccmm-collector"
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

of_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def chapter(page: Path, number: int) -> str:
    return page.read_text("utf-8").split("\n## ")[number]


def examples(page: Path) -> list[tuple[str, str, str]]:
    """(operator, read, condition), in the order of the page."""
    return ROW.findall(page.read_text("utf-8"))


def run(session: str, folder: Path) -> None:
    """One command and what it prints, word for word; a last line `...` leaves the rest open."""
    command, *wanted = session.rstrip("\n").split("\n")
    words = command.removeprefix("$ ccmm-collector ").split()
    done = subprocess.run([COLLECTOR, *words], cwd=folder, capture_output=True, encoding="utf-8", check=False)
    printed = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", done.stdout + done.stderr).rstrip("\n").split("\n")
    if wanted[-1] == "...":
        wanted, printed = wanted[:-1], printed[: len(wanted) - 1]
    assert printed == wanted
    assert (done.returncode == 0) is not printed[0].startswith("bad_config")


def follow(page: Path, folder: Path) -> int:
    """Do all that the page says, in its order; how many commands were run."""
    commands = 0
    for language, name, content in fences(page):
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


@of_each_page
def test_following_the_page_makes_a_pack_that_loads_and_passes(page: Path, tmp_path: Path) -> None:
    assert follow(page, tmp_path) == 5
    pack = load_pack(tmp_path / "our_rules")
    assert list(pack.rules) == ["OUR-PEK-01"]
    assert run_cases(pack) == []


def test_the_pack_of_the_page_can_be_signed_and_put_in_force(tmp_path: Path) -> None:
    follow_files(ENGLISH, tmp_path)

    def collector(*words: str) -> str:
        done = subprocess.run([COLLECTOR, *words], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    collector("init", "DIR")
    printed = ""
    (steps,) = [content for language, _, content in fences(ENGLISH) if language == "sh"]
    for line in steps.splitlines():
        printed = collector(*line.partition("#")[0].split()[1:])
        if " sign " in line:
            (key,) = re.findall(r'"YOUR NAME" = "([0-9a-f]{64})"', printed)
            config = tmp_path / "DIR" / "collector.toml"
            table = "[packs.trusted_keys]\n"
            config.write_text(config.read_text("utf-8").replace(table, f'{table}"us" = "{key}"\n'), "utf-8")
    assert "our_rules" in printed


@of_each_page
def test_every_key_of_a_rule_stands_in_the_table(page: Path) -> None:
    first_cells = [line.split("|")[1] for line in chapter(page, KEY_TABLE).splitlines() if line.startswith("| `")]
    assert {word for cell in first_cells for word in re.findall(r"`(\w+)`", cell)} == KEYS


def test_all_ten_operators_have_an_example() -> None:
    assert [operator for operator, _, _ in examples(ENGLISH)] == [
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
    assert {operator for operator, _, _ in examples(ENGLISH)} == set(OPERATORS)


@pytest.mark.parametrize(("operator", "read", "condition"), examples(ENGLISH))
def test_the_example_of_an_operator_loads(operator: str, read: str, condition: str, tmp_path: Path) -> None:
    follow_files(ENGLISH, tmp_path)
    (tmp_path / "our_rules" / "OUR-EXA-01.yaml").write_text(
        EXAMPLE.format(read=read, condition=condition), encoding="utf-8"
    )
    assert load_pack(tmp_path / "our_rules").rules["OUR-EXA-01"].reads[0].operator == operator


@of_each_page
def test_every_outcome_is_told_of(page: Path) -> None:
    told = re.findall(r"^\| `(\w+)` \|", chapter(page, OUTCOME_TABLE), re.MULTILINE)
    assert sorted(told) == sorted(Outcome)


@of_each_page
def test_the_links_of_the_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    assert links
    assert all((page.parent / link).exists() for link in links)


# Both languages


def test_both_pages_show_the_same_files_commands_and_errors() -> None:
    for english, chinese in zip(fences(ENGLISH), fences(CHINESE), strict=True):
        command = chinese[2].partition("\n")[0]
        if command.endswith(" --lang zh"):  # what it prints is in Chinese, and is compared by following the page
            assert command.removesuffix(" --lang zh") == english[2].partition("\n")[0]
        else:
            assert uncommented(*chinese) == uncommented(*english)


def test_both_pages_say_the_same_block_by_block() -> None:
    assert [told(block) for block in blocks(CHINESE)] == [told(block) for block in blocks(ENGLISH)]
