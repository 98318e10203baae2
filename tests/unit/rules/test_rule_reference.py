"""docs/rule-reference.md and its Chinese twin hold every key that a rule may have and every name that a read gives."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from ccmm_rules import cel
from ccmm_rules.derived import FORMS as MADE
from ccmm_rules.derived import kind_named
from ccmm_rules.errors import PackError, PackErrors
from ccmm_rules.limits import DECIMAL_UNITS, WHOLE_UNITS
from ccmm_rules.load import BUILT_IN, load_pack
from ccmm_rules.model import Outcome, Read
from ccmm_rules.operators.derived_load import KEYS as MADE_KEYS
from ccmm_rules.operators.holes import LOWERED, RAISED
from ccmm_rules.operators.match import PICKS
from ccmm_rules.operators.series_load import ROW_NAMES
from ccmm_rules.parsing import GRAINS, LAG_UNITS, ReadContext
from ccmm_rules.rowlanguage import attribute_types, row_names
from ccmm_rules.rule_load import KEYS, OPERATORS
from ccmm_rules.scenario import run_scenarios
from ccmm_rules.spec import HOUR_MS
from ccmm_rules.strict_yaml import Node, parse_document
from ccmm_rules.vocabulary.tables import load_vocabulary
from ccmm_rules.wording import REASONS
from tests.unit.rules.pages import DOCS, blocks, fences, follow_files, told

ENGLISH, CHINESE = PAGES = (DOCS / "rule-reference.md", DOCS / "rule-reference.zh-CN.md")
HEAD, LENGTHS, SHARED, ROWS, WORDS, MADE_ROWS, EXPRESSIONS, LIMITS, CASES, SCENARIOS, OUTCOMES = (
    1, 2, 3, 8, 9, 10, 13, 14, 15, 16, 17,
)  # fmt: skip
CHAPTER = {"metric": 4, "slots": 5, "series": 6, "coverage": 7, "match": 11, "rules": 12} | dict.fromkeys(
    ("inventory", "occurrences", "documents", "attestations"), ROWS
)
KEY_LISTS = re.compile(r"(?:Keys|的键|键)[^`:：|\n]*[:：] ?((?:`\w+`(?:, |,\n|、\n|、)?)+)")
EVERYWHERE = {"fresh_for", "optional"}
WRITTEN = {"_?_:_": "a ? b : c", "@in": "in", "-_": "-", "!_": "!"}
CALLED = ("size", "startsWith", "double", "int")

# Reads that bind what no read of a pack and no example does.
OTHERS = """
- {inventory: asset, bad: "healthy", weight: mlps_grade}
- {occurrences: incident, bad: "reportable", over: 90d, by: class, lag: [started, detected], in: hours, abs: true}
- {match: {inventory: device}, with: {inventory: asset, same: {key: key}}, good: "b.has_owner", sample: 5}
- {match: {occurrences: signal.answer_rate, every: day, by: queue}, with: {occurrences: breach.answer_rate, every: day,
   meets: target, split: true, by: queue, same: {group: group}, inside: 0m}, over: 30d}
"""

of_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
Allowed = list[tuple[Node, frozenset[str]]]


def chapter(page: Path, number: int) -> str:
    return page.read_text("utf-8").split("\n## ")[number]


def spans(text: str) -> list[str]:
    """All that stands in backquotes outside the blocks."""
    return re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def words(text: str) -> set[str]:
    return {word for span in spans(text) for word in re.findall(r"\w+", span)}


def first_cells(text: str) -> list[str]:
    """What stands in backquotes in the first column of its tables."""
    rows = [re.split(r"(?<!\\)\|", line)[1] for line in text.splitlines() if line.startswith("| `")]
    return [span.replace("\\|", "|") for row in rows for span in re.findall(r"`([^`]+)`", row)]


def shown(page: Path) -> Iterator[tuple[str, str, Node]]:
    """(rule, read, what it reads) of each example."""
    for _, name, content in fences(page):
        if not name.endswith(".yaml"):
            yield from ((name, read, node) for read, node in parse_document(content, name).mapping().items())


@cache
def all_reads() -> tuple[Node, ...]:
    """Every read of every rule of every pack, and some that none of them has."""
    found: list[Node] = list(parse_document(f"reads:{OTHERS}", "others").child("reads").sequence())
    for path in sorted(BUILT_IN.rglob("*.yaml")):
        reads = parse_document(path.read_text("utf-8"), path.name).get("reads")
        found += reads.mapping().values() if reads is not None else ()
    return tuple(found)


def operator_of(node: Node) -> str:
    return next(word for word in OPERATORS if word in node.mapping())


def loaded(node: Node) -> Read:
    context = ReadContext(vocabulary=load_vocabulary(), name="x", fresh_for_ms=HOUR_MS, optional=False)
    return OPERATORS[operator_of(node)](node, context)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Allowed:
    """Which keys a loader allowed in which mapping of a rule."""
    load_vocabulary()
    heard: Allowed = []
    only = Node.only

    def listening(self: Node, keys: Mapping[str, object] | frozenset[str], page: str = "") -> list[PackError]:
        heard.append((self, frozenset(keys)))
        return only(self, keys, page)

    monkeypatch.setattr(Node, "only", listening)
    return heard


def by_operator(reads: Iterable[Node]) -> dict[str, list[Node]]:
    ordered = sorted(reads, key=operator_of)
    return {operator: list(nodes) for operator, nodes in groupby(ordered, operator_of)}


def key_lists(page: Path, operator: str) -> set[frozenset[str]]:
    """The keys of an operator as its chapter lists them, one list for each of its forms."""
    text = chapter(page, CHAPTER[operator])
    if CHAPTER[operator] == ROWS:
        lists = re.findall(rf"^- `{operator}`[:：] ?(.*)$", text, re.MULTILINE)
    else:
        lists = KEY_LISTS.findall(text)
    return {frozenset(spans(one)) for one in lists}


@of_each_page
def test_the_head_of_a_rule_is_told_key_by_key(page: Path) -> None:
    assert sorted(first_cells(chapter(page, HEAD))) == sorted(KEYS)


@of_each_page
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_key_of_an_operator_stands_in_its_chapter_and_no_other(
    page: Path, operator: str, allowed: Allowed
) -> None:
    nodes = by_operator(all_reads())[operator]
    for node in nodes:
        loaded(node)
    own = {keys - EVERYWHERE for at, keys in allowed if any(at is node for node in nodes)}
    inner = {key for at, keys in allowed if not any(at is node for node in nodes) for key in keys}
    made = {key for keys in MADE_KEYS.values() for key in keys}
    if operator == "occurrences":  # of rows that the engine makes there are more, told in their own chapter
        own = {keys - made | (keys & {"by"}) for keys in own}
    assert own == key_lists(page, operator)
    known = {*words(chapter(page, CHAPTER[operator])), *words(chapter(page, SHARED)), *words(chapter(page, MADE_ROWS))}
    assert inner <= known | set(OPERATORS)
    assert set(first_cells(chapter(page, SHARED))) >= EVERYWHERE


@of_each_page
def test_every_name_that_an_operator_binds_stands_in_its_chapter_and_no_other(page: Path) -> None:
    bound: dict[int, set[str]] = {}
    for node in all_reads():
        read = loaded(node)
        bound.setdefault(CHAPTER[read.operator], set()).update(f".{name}" if name else "x" for name in read.names)
    for number, names in bound.items():
        cells = first_cells(chapter(page, number))
        assert {cell for cell in cells if cell.startswith(".") or cell == "x"} == names


@of_each_page
def test_an_example_is_a_read_of_the_rule_that_it_names_and_loads(page: Path) -> None:
    operators = []
    for rule, name, node in shown(page):
        (path,) = BUILT_IN.glob(f"cc_cmm/*/{rule}.yaml")
        found = parse_document(path.read_text("utf-8"), path.name).child("reads").child(name)
        assert node.plain() == found.plain(), rule
        operators.append(loaded(node).operator)
    assert set(operators) == set(OPERATORS)


@of_each_page
def test_every_word_of_a_test_on_rows_is_told(page: Path) -> None:
    found = set()
    for kind in load_vocabulary().kinds.values():
        times = [name for name, word in attribute_types(kind).items() if word == "time"]
        ages = {f"{time}_{unit}": f"t_{unit}" for time in times for unit in ("days", "hours", "minutes", "workdays")}
        has = {f"has_{name}": "has_y" for name in kind.known}
        found |= {ages.get(name, has.get(name, name)) for name in row_names(kind).keys() - kind.known.keys()}
    text = chapter(page, WORDS)
    assert {*first_cells(text), "key"} == found
    assert "key" in spans(text)


@of_each_page
def test_rows_that_the_engine_makes_are_told_with_their_keys_and_attributes(page: Path) -> None:
    vocabulary, text = load_vocabulary(), chapter(page, MADE_ROWS)
    assert {cell.partition(".")[0] for cell in first_cells(text)} == set(MADE)
    assert {key for keys in MADE_KEYS.values() for key in keys} <= words(text)
    for name in ("breach.answer_rate by queue", "signal.answer_rate by queue", "change.register", "silence"):
        own = vocabulary.kinds["register"].attributes if name.startswith("change") else {}
        assert kind_named(name, vocabulary).attributes.keys() - own.keys() <= words(text), name


@of_each_page
def test_words_that_only_some_places_take_are_told(page: Path) -> None:
    assert words(chapter(page, CHAPTER["series"])) >= {*ROW_NAMES, "rank", "metrics", "benchmark", "each"}
    assert set(PICKS) <= set(first_cells(chapter(page, CHAPTER["match"])))
    assert set(LAG_UNITS) <= words(chapter(page, ROWS))
    assert set(GRAINS) <= words(chapter(page, LENGTHS))
    whole, decimal = re.findall(r"^- .*$", chapter(page, LIMITS), re.MULTILINE)
    assert [set(spans(whole)), set(spans(decimal))] == [set(WHOLE_UNITS), set(DECIMAL_UNITS)]


@of_each_page
def test_expressions_are_told_operator_by_operator(page: Path) -> None:
    symbols = {WRITTEN.get(name, f"{name}()" if name in CALLED else name.strip("_")) for name in cel.OPERATORS}
    assert set(first_cells(chapter(page, EXPRESSIONS))) == symbols | {"all()", "exists()"}


@of_each_page
def test_outcomes_and_reasons_are_all_told(page: Path) -> None:
    text = chapter(page, OUTCOMES)
    assert sorted(first_cells(text)) == sorted([*Outcome, "values", *REASONS])
    assert words(text) >= RAISED | LOWERED


@of_each_page
def test_the_scenario_of_the_page_passes_and_every_key_of_cases_and_scenarios_is_told(
    page: Path, tmp_path: Path, allowed: Allowed
) -> None:
    follow_files(DOCS / "writing-rules.md", tmp_path)
    ((name, content),) = [(name, content) for _, name, content in fences(page) if name.endswith(".yaml")]
    (tmp_path / "our_rules" / name).write_text(content, "utf-8")
    pack = load_pack(tmp_path / "our_rules")
    assert run_scenarios(pack) == []
    wrong = content.replace("outcome: satisfied", "outcome: missing")
    (tmp_path / "our_rules" / name).write_text(wrong, "utf-8")
    assert len(run_scenarios(load_pack(tmp_path / "our_rules"))) == 1
    reads = {read.name for read in pack.rules["OUR-PEK-01"].reads}
    told_of = [frozenset(kind.attributes) for kind in load_vocabulary().kinds.values()]
    for number, file in ((CASES, "OUR-PEK-01.yaml"), (SCENARIOS, name)):
        keys = {key for node, keys in allowed if node.file == file and keys not in told_of for key in keys}
        if number == CASES:
            keys = {key for node, found in allowed if "outcome" in found and node.file == file for key in found} - reads
        assert keys
        assert keys <= words(chapter(page, number))


@of_each_page
def test_the_links_of_the_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    assert links
    assert all((page.parent / link).exists() for link in links)


def test_both_pages_say_the_same_block_by_block() -> None:
    assert [told(block) for block in blocks(CHINESE)] == [told(block) for block in blocks(ENGLISH)]


def test_both_pages_show_the_same() -> None:
    assert fences(CHINESE) == fences(ENGLISH)


def test_an_error_about_a_key_names_the_page() -> None:
    (node,) = parse_document('x: {occurrences: alert, over: 30d, foo: "open"}', "a.yaml").mapping().values()
    with pytest.raises(PackErrors, match=r"unknown key 'foo'; .* and \d+ more, see docs/rule-reference\.md"):
        loaded(node)
