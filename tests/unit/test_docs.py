"""What the documents say of files, commands, settings, rules, plugins, packs and modules is so."""

import ast
import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ccmm_agent.app import app as agent_app
from ccmm_agent.plugins import sources_of
from ccmm_collector.config import load_config
from ccmm_collector.main import build
from ccmm_proto.v1.statement_pb2 import Outcome as RunOutcome
from ccmm_rules.load import BUILT_IN
from ccmm_rules.model import Outcome

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
PACKS = sorted(path.parent.name for path in BUILT_IN.glob("*/pack.yaml"))
PACKAGES = (
    "agent/ccmm_agent",
    "ccmm_rules/ccmm_rules",
    "ccmm_rules/ccmm_rules/operators",
    "ccmm_rules/ccmm_rules/vocabulary",
    "collector/ccmm_collector",
    "plugins/access_control/ccmm_plugin_access_control",
    "plugins/crm/ccmm_plugin_crm",
    "plugins/facilities/ccmm_plugin_facilities",
    "plugins/records/ccmm_plugin_records",
    "plugins/tables/ccmm_tables",
    "plugins/telephony/ccmm_plugin_telephony",
    "proto/ccmm_proto",
)
RULE_ID = re.compile(r"(?<![\w-])[A-Z]{1,3}-[A-Z]{3}-\d\d(?!\d)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


of_each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def links(page: Path) -> list[str]:
    return links_in(page.read_text(encoding="utf-8"))


def links_in(page: str) -> list[str]:
    """Targets of links; what stands in code is none."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", page, flags=re.DOTALL))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles)


@of_each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)}: {link}"
        assert target.is_relative_to(ROOT), f"{name_of(page)}: {link} leaves the project"
        assert not anchor or anchor in anchors(target), f"{name_of(page)}: no heading {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    while todo:
        page = todo.pop().resolve()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        targets = [page.parent / link.partition("#")[0] for link in links(page) if not re.match(r"[a-z]+:|#", link)]
        todo += [target / "README.md" if target.is_dir() else target for target in targets]
    assert sorted(map(name_of, reached)) == sorted(map(name_of, PAGES))


# Commands


def shell_lines(page: Path) -> list[str]:
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def quoted_commands(page: Path) -> Iterator[list[str]]:
    """Every command line of our programs, in shell blocks and in running text, as words after the program's path."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in [*shell_lines(page), *re.findall(r"`([^`\n]+)`", text)]:
        if found := re.match(r"(?:\S*/)?(ccmm-(?:collector|agent) .+)", line):
            yield shlex.split(found[1], comments=True)


def command_of(words: list[str]) -> tuple[TyperCommand, list[str]]:
    """The command that these words name, and the words left for it."""
    command = get_command(build() if words[0] == "ccmm-collector" else agent_app)
    rest = words[1:]
    while isinstance(command, TyperGroup):
        assert rest, f"no command {' '.join(words)!r}"
        assert rest[0] in command.commands, f"no command {' '.join(words)!r}"
        command, rest = command.commands[rest[0]], rest[1:]
    assert isinstance(command, TyperCommand)
    return command, rest


@of_each_page
def test_every_command_has_the_name_and_the_options_that_the_page_gives_it(page: Path) -> None:
    for words in quoted_commands(page):
        command, rest = command_of(words)
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for word in rest:
            if word.startswith("--"):
                assert word.partition("=")[0] in options, f"{name_of(page)}: {' '.join(words)}"


@of_each_page
def test_every_command_in_a_shell_block_has_all_that_it_needs(page: Path) -> None:
    for line in shell_lines(page):
        if found := re.match(r"(?:\.venv/bin/)?(ccmm-(?:collector|agent) .+)", line):
            assert refused(shlex.split(found[1], comments=True)) is None, f"{name_of(page)}: {line}"


def refused(words: list[str]) -> str | None:
    """Why the parser does not take these words: an argument that is missing or of another type."""
    command, rest = command_of(words)
    try:
        command.make_context(words[0], rest)
    except typer.BadParameter as error:
        return None if "does not exist" in error.message else error.message  # files of the reader are not here
    return None


def test_a_command_that_is_not_there_would_be_found() -> None:
    for line in ("ccmm-collector rules polish DIR", "ccmm-agent", "ccmm-collector level-up DIR"):
        with pytest.raises(AssertionError, match="no command"):
            command_of(line.split())
    assert refused(["ccmm-collector", "rules", "verify"]) is not None


@of_each_page
def test_every_target_of_make_stands_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`make ([a-z]+)\b", text) + re.findall(r"^make ([a-z]+)", "\n".join(shell_lines(page)), re.M)
    assert set(named) <= targets


@of_each_page
def test_every_example_of_settings_is_toml(page: Path) -> None:
    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_the_settings_of_the_headquarters_guide_are_taken_by_the_collector(tmp_path: Path) -> None:
    (settings,) = blocks(DOCS / "guides" / "headquarters.md", "toml")
    head = """name = "x"\ntrust_domain = "x.ccmm"\nhost = "localhost"\nlisten = "127.0.0.1"
evidence_port = 0\nenrollment_port = 0\ncertificate_life = "7d"\n"""
    (tmp_path / "collector.toml").write_text(head + settings, encoding="utf-8")
    config = load_config(tmp_path)
    assert config.packs.trusted_keys
    assert len(config.approvers) >= 2


# Rules, packs, plugins, decisions, words


@cache
def rule_ids() -> frozenset[str]:
    files = [path.read_text(encoding="utf-8") for path in BUILT_IN.rglob("*.yaml")]
    return frozenset(found for text in files for found in re.findall(r"^(?:id: |rule: )(\S+)$", text, re.MULTILINE))


@of_each_page
def test_every_rule_that_a_page_names_is_there_or_is_written_on_the_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    written = re.findall(r"\bid: ?([A-Z]{1,3}-[A-Z]{3}-\d\d)", text)
    assert set(RULE_ID.findall(text)) - rule_ids() - controls() - {*written} == frozenset()


@cache
def controls() -> frozenset[str]:
    files = [path.read_text(encoding="utf-8") for path in BUILT_IN.glob("*/controls.yaml")]
    return frozenset(found for text in files for found in RULE_ID.findall(text))


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_has_a_page_and_stands_in_the_index(pack: str) -> None:
    assert (DOCS / "packs" / f"{pack}.md").is_file()
    assert links(DOCS / "packs" / "README.md").count(f"{pack}.md") == 1


@pytest.mark.parametrize("folder", ["decisions", "packs", "plugins"])
def test_an_index_names_every_page_of_its_folder(folder: str) -> None:
    found = {path.name for path in (DOCS / folder).glob("*.md")} - {"README.md"}
    assert found <= {*links(DOCS / folder / "README.md")}


def test_the_index_of_decisions_gives_each_its_title_once() -> None:
    index = re.findall(r"^- \[(.+)\]\((.+)\)$", (DOCS / "decisions" / "README.md").read_text(), re.MULTILINE)
    titles = {name: (DOCS / "decisions" / name).read_text().partition("\n")[0].removeprefix("# ") for _, name in index}
    assert {name: title for title, name in index} == titles
    assert len(index) == len(titles)


def test_every_installed_source_stands_in_the_index_of_plugins_and_in_the_readme() -> None:
    index, readme = (path.read_text(encoding="utf-8") for path in (DOCS / "plugins" / "README.md", ROOT / "README.md"))
    for project in ROOT.glob("plugins/*/pyproject.toml"):
        for module in (
            tomllib.loads(project.read_text())["project"].get("entry-points", {}).get("ccmm_agent", {}).values()
        ):
            for word in sources_of(import_module(module)):
                assert f"| `{word}` |" in index, word
                assert word.partition("_")[0] in readme.lower(), word


def test_the_glossary_explains_each_word_once_and_all_outcomes() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = [word for cell in re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE) for word in cell.split(", ")]
    assert [word for word, times in Counter(words).items() if times > 1 and word not in ("word", "---")] == []
    outcomes = [name for name in RunOutcome.keys() if "UNSPECIFIED" not in name]  # noqa: SIM118 - an enum of protobuf
    for word in (*Outcome, *outcomes):
        assert re.search(rf"\b{word}\b", text), word


# Modules


@pytest.mark.parametrize("package", PACKAGES)
def test_the_docstring_of_a_package_lists_each_module_once(package: str) -> None:
    folder = ROOT / package
    docstring = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    modules -= {"__init__", "__main__"}
    named = Counter(word for word in re.findall(r"^(\w+) +\S", docstring, re.MULTILINE) if word in modules)
    assert {module: named[module] for module in modules} == dict.fromkeys(modules, 1)
