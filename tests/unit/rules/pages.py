"""Pages of docs/ that exist in two languages: what they show, and what no language changes."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page: Path) -> list[tuple[str, str, str]]:
    """(language, file, content), in the order of the page."""
    return [(match[1], match[2] or "", match[3]) for match in FENCE.finditer(page.read_text("utf-8"))]


def mend(path: Path, diff: str) -> None:
    said = path.read_text("utf-8")
    gone = [line[1:] for line in diff.splitlines() if line.startswith("-")]
    come = [line[1:] for line in diff.splitlines() if line.startswith("+")]
    assert "\n".join(gone) in said
    path.write_text(said.replace("\n".join(gone), "\n".join(come)), "utf-8")


def follow_files(page: Path, folder: Path) -> None:
    """The files of the page alone, mended."""
    for language, name, content in fences(page):
        if language == "yaml":
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content, "utf-8")
        elif language == "diff":
            mend(folder / name, content)


def uncommented(language: str, name: str, content: str) -> tuple[str, str, str]:
    return language, name, re.sub(r" +#.*", "", content) if language == "sh" else content


def blocks(page: Path) -> list[str]:
    """Headings, paragraphs, rows of tables, items of lists; of what is shown only that it is there."""
    text = FENCE.sub(lambda match: f"```{match[1]}", page.read_text("utf-8"))
    return re.split(r"\n\n+|\n(?=[|-] )", text.strip())


def told(block: str) -> tuple[str, list[str], list[str], list[str]]:
    """What no language changes: the kind of block, and in any order its code, its figures and where its links lead."""
    prose = re.sub(r"`[^`]+`|\]\([^)]+\)", "", block)
    links = [link.replace(".zh-CN", "") for link in re.findall(r"\]\(([^)]+)\)", block)]
    (kind,) = re.findall(r"\A(?:#+ |- |\| |> |```\w+|)", block)
    return kind, sorted(re.findall(r"`([^`]+)`", block)), sorted(re.findall(r"[\d.]*\d", prose)), sorted(links)
