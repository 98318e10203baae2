"""Each rule of the pack with `require` or a limit altered a little: some case has to notice.

Altered is one operator, one number, or one level's limit: cases stand at each limit and one step beyond it.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.errors import PackErrors
from ccmm_rules.limits import WHOLE_UNITS
from ccmm_rules.load import load_pack, pack_of

FOLDER = Path(str(resources.files("ccmm_rules"))) / "packs" / "cc_cmm"
REQUIRE = re.compile(r"^require: (\|\n(?:  .*\n)+|.*\n)", re.MULTILINE)
OPERATOR = re.compile(r">=|<=|==|!=|&&|\|\||[<>]")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
LIMITS = re.compile(r"^limits:.*\n(?:  .*\n)*", re.MULTILINE)
TABLE = re.compile(r"unit: \"?(?P<unit>[^,\"}]+)\"?, (?P<values>[^}]+)")
LIMIT = re.compile(r"(?<=L[1-5]: )\d+(?:\.\d+)?")
OTHERWISE = {
    ">=": (">", "<"),
    "<=": ("<", ">"),
    ">": (">=", "<"),
    "<": ("<=", ">"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
}


@cache
def files() -> tuple[str, ...]:
    return tuple(sorted(rule.file for rule in load_pack(FOLDER).rules.values()))


def replaced(text: str, start: int, end: int, other: str) -> str:
    return text[:start] + other + text[end:]


def with_operators_changed(text: str) -> Iterator[str]:
    start, end = required(text)
    for found in OPERATOR.finditer(text, start, end):
        for other in OTHERWISE[found[0]]:
            yield replaced(text, *found.span(), other)


def with_numbers_changed(text: str) -> Iterator[str]:
    start, end = required(text)
    for found in NUMBER.finditer(text, start, end):
        for step in (-1, 1):
            whole = "." not in found[0]
            other = str(int(found[0]) + step) if whole else str(round(float(found[0]) + 0.1 * step, 3))
            yield replaced(text, *found.span(), other)


def with_limits_changed(text: str) -> Iterator[str]:
    """One level's limit, moved by one, a tenth, or the last decimal that the table writes."""
    limits = LIMITS.search(text)
    for table in TABLE.finditer(text, limits.start(), limits.end()) if limits is not None else ():
        places = max(len(value.partition(".")[2]) for value in LIMIT.findall(table["values"]))
        step = 1.0 if table["unit"] in WHOLE_UNITS else 10.0 ** -max(places, 1)
        for found in LIMIT.finditer(text, *table.span("values")):
            for moved in (-step, step):
                value = round(float(found[0]) + moved, 3)
                yield replaced(text, *found.span(), str(int(value) if step == 1.0 else value))


def required(text: str) -> tuple[int, int]:
    require = REQUIRE.search(text)
    assert require is not None
    return require.start(1) + 1, require.end(1)


def alive(file: str, mutants: Iterator[str]) -> list[str]:
    """Mutants that load and that no case notices, each as the lines that differ."""
    head = (FOLDER / "pack.yaml").read_bytes()
    text = (FOLDER / file).read_text(encoding="utf-8")
    unseen = []
    for mutant in mutants:
        try:
            broken = pack_of({"pack.yaml": head, file: mutant.encode()})
        except PackErrors:
            continue
        if not run_cases(broken):
            unseen += [new for old, new in zip(text.splitlines(), mutant.splitlines(), strict=True) if old != new]
    return unseen


@pytest.mark.parametrize("file", files())
def test_the_cases_notice_every_operator_that_is_changed(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert list(with_operators_changed(text))
    assert alive(file, with_operators_changed(text)) == []


@pytest.mark.parametrize("file", files())
def test_the_cases_notice_every_number_that_is_moved(file: str) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert alive(file, with_numbers_changed(text)) == []


@pytest.mark.parametrize("file", files())
def test_the_cases_notice_every_limit_that_is_moved(file: str) -> None:
    """Where slots are judged by the limit itself, no case can: the rule only counts them."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    if "limit" in text[slice(*required(text))]:
        assert alive(file, with_limits_changed(text)) == []
