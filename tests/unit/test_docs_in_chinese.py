"""A page in Chinese says and shows what its English page does: what does not depend on the language is the same."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.unit.test_docs import PAGES, links, links_in, name_of

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
TWINS = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
of_each_twin = pytest.mark.parametrize("chinese", TWINS, ids=name_of)


def english_of(chinese: Path) -> Path:
    return chinese.with_name(chinese.name.replace(".zh-CN", ""))


@of_each_twin
def test_a_page_in_chinese_has_what_its_english_page_has(chinese: Path) -> None:
    assert drift(english_of(chinese).read_text(encoding="utf-8"), chinese.read_text(encoding="utf-8")) == []


@of_each_twin
def test_a_page_in_chinese_and_its_english_page_lead_to_each_other(chinese: Path) -> None:
    english = english_of(chinese)
    assert re.findall(r"^\*中文.*：\[.*\]\((.+)\)\*$", english.read_text(encoding="utf-8"), re.M) == [chinese.name]
    assert re.findall(r"^\*English: \[.*\]\((.+)\)\*$", chinese.read_text(encoding="utf-8"), re.M) == [english.name]


@of_each_twin
def test_a_page_in_chinese_leads_to_pages_in_chinese_where_there_are_any(chinese: Path) -> None:
    named = {(chinese.parent / link.partition("#")[0]).resolve() for link in links(chinese)}
    assert [
        name_of(twin) for twin in TWINS if twin != chinese and english_of(twin) in named and twin not in named
    ] == []


def drift(english: str, chinese: str) -> list[str]:
    """Each kind of thing in which the two pages differ that do not depend on the language, and how."""
    found = [
        f"{what}: {told(english)} != {told(chinese)}"
        for what, told in (("headings", levels), ("links", places), ("rows and items", rows), ("words", code_words))
        if told(english) != told(chinese)
    ]
    shown = [[(match[1], match[2]) for match in FENCE.finditer(page)] for page in (english, chinese)]
    if [language for language, _ in shown[0]] != [language for language, _ in shown[1]]:
        found.append("blocks of code")
        return found
    for (language, block), (_, twin) in zip(*shown, strict=True):
        if language and lines_of(block, whole="--lang zh" not in twin) != lines_of(twin, whole="--lang zh" not in twin):
            found.append(f"code: {twin}")
    return found


def levels(page: str) -> list[int]:
    return [len(signs) for signs in re.findall(r"^(#+) ", FENCE.sub("", page), re.MULTILINE)]


def places(page: str) -> list[str]:
    return sorted(link.replace(".zh-CN.md", ".md") for link in links_in(page))


def rows(page: str) -> Counter[str]:
    """How many rows of tables, points of lists and numbered points."""
    return Counter(re.findall(r"^(?: *- | *\d\. |\|)", FENCE.sub("", page), re.MULTILINE))


def code_words(page: str) -> list[str]:
    return sorted({" ".join(word.split()) for word in re.findall(r"`([^`]+)`", FENCE.sub("", page))})


def lines_of(block: str, *, whole: bool) -> list[str]:
    """Lines without comments; only the commands where what they print depends on the language."""
    lines = [re.sub(r" --lang zh|(^|\s+)#.*", "", line) for line in block.splitlines()]
    return [line for line in lines if line and (whole or line.startswith("$"))]


def test_a_page_that_drifts_from_its_twin_would_be_found() -> None:
    page = """# A\n\nSee [b](b.md), `x`.\n\n| `x` |\n\n```sh\nmake it  # so\n```\n\n```console\n$ say x\nx\n```\n"""
    twin = page.replace("b.md", "b.zh-CN.md").replace("# so", "# 如此").replace("See", "见")
    assert drift(page, twin) == []
    assert drift(page, twin.replace("say x\nx", "say x --lang zh\n叉")) == []
    for one, other in (
        ("# A", "## A"),
        ("b.zh-CN.md", "c.md"),
        ("`x`.", "`y`."),
        ("| `x` |", "| `x` |\n| `x` |"),
        ("make it", "make that"),
        ("say x\nx", "say x\n叉"),
        ("$ say x", "$ say y --lang zh"),
        ("```console\n$ say x\nx\n```\n", ""),
    ):
        assert drift(page, twin.replace(one, other)) != [], other
