"""What reads share, remember or skip changes no verdict: rows by column, tests by values, joins by key."""

from collections.abc import Collection, Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_rules.cel import Language
from ccmm_rules.columns import Coded, coded
from ccmm_rules.errors import PackErrors
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Happening
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.operators.remembered import TRUE, UNDECIDED, Remembered, results_of, woven
from ccmm_rules.operators.table import Table
from ccmm_rules.operators.windows import local_hour
from ccmm_rules.verdict import Verdict
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import happened, ms, one_rule

NOW = "2026-03-20T03:00"
NAMES = {"flag": "bool", "word": "string", "words": "list", "number": "double", "at": "time", "end": "time"}
TESTS = (
    "flag || at >= end",
    "!flag && at >= end",
    "flag ? at > end : number > 1.0",
    "at > end ? flag : !flag",
    "(flag || at > end) && (word == 'a' || end > at)",
    "'a' in words || at == end",
    "words.exists(w, w == word) && at < end",
    "at < end",
    "number > 1.0 && word != 'b'",
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "flag": st.sampled_from((None, True, False)),
            "word": st.sampled_from((None, "a", "b")),
            "words": st.sampled_from((None, (), ("a",), ("b", "a"))),
            "number": st.sampled_from((None, 0.5, 2.0)),
            "at": st.sampled_from((None, 1, 2, 3)),
            "end": st.sampled_from((None, 1, 2, 3)),
        }
    ),
    max_size=12,
)


class Told:
    """Rows as they are told, some names by their few values."""

    def __init__(self, rows: Sequence[Mapping[str, object]], few: Collection[str] = ()) -> None:
        self._rows, self._few = rows, few

    def __len__(self) -> int:
        return len(self._rows)

    def coded(self, name: str) -> Coded[object] | None:
        return coded([row[name] for row in self._rows]) if name in self._few else None

    def column(self, name: str, among: Sequence[int]) -> Sequence[object]:
        return [self._rows[at][name] for at in among]


@pytest.mark.parametrize("text", TESTS)
@given(rows=ROWS, few=st.sets(st.sampled_from(("flag", "word", "words", "number", "at", "end"))))
def test_a_remembered_result_is_the_one_that_evaluation_gives(
    text: str, rows: list[dict[str, object]], few: set[str]
) -> None:
    compiled = Language(NAMES).compile_text(text)
    test = Remembered(compiled, {})
    results = results_of(test.marks(Told(rows, few)))
    told = [{n: list(v) if isinstance(v, tuple) else v for n, v in row.items() if v is not None} for row in rows]
    assert results == [compiled.evaluate(row) for row in told]
    assert test.doubtful is (None in results)


@pytest.mark.parametrize("text", ["size(words.filter(w, w == 'a')) > 0", "size(words.map(w, w)) > 0"])
def test_lists_may_be_tested_but_not_made(text: str) -> None:
    with pytest.raises(PackErrors, match="not allowed; use all"):
        Language(NAMES).compile_text(text)


def test_a_test_that_uses_no_name_of_the_row_has_a_result_for_each() -> None:
    compiled = Language({"profile.x": "bool"}).compile_text("profile.x")
    test = Remembered(compiled, {"profile.x": True})
    assert results_of(test.marks(Told([{}] * 3))) == [True, True, True]
    assert test.marks(Told([])) == b""


def test_equal_values_of_two_types_are_two_values() -> None:
    flag = Language({"profile.x": "bool"}).compile_text("profile.x")
    assert Remembered(flag, {"profile.x": True}).marks(Told([{}])) == bytes((TRUE,))
    assert Remembered(flag, {"profile.x": 1}).marks(Told([{}])) == bytes((UNDECIDED,))


def test_columns_are_woven_into_one_until_there_are_too_many_pairs_of_values() -> None:
    first = Coded([(at,) for at in range(16)], bytes(at % 16 for at in range(256)))
    second = Coded("abcdefghijklmnop", bytes(at // 16 for at in range(256)))
    both = woven(first, second)
    assert both is not None
    assert list(both) == [(*a, b) for a, b in zip(first, second, strict=True)]
    assert woven(both, Coded("xy", bytes(256))) is None
    few = Coded(both.values, bytes([255, 0] * 3))
    again = woven(few, Coded("xy", bytes([0, 0, 0, 0, 1, 1])))
    assert again is not None
    assert list(again) == [(15, "p", "x"), (0, "a", "x")] * 2 + [(15, "p", "y"), (0, "a", "y")]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"])
def test_local_hours_of_days_are_the_hours_of_each_instant(zone: str) -> None:
    """St. John's changed its clocks a minute past midnight until 2011: there a quarter of an hour spans two."""
    begin = ms("2010-11-07T10:00")
    starts = [begin + minute * 60_000 for minute in range(24 * 60)]
    rows = [
        Happening(agent="a", source="s", id=at, started_ms=at, ended_ms=None, key_id="k", attributes={})
        for at in starts
    ]
    table = Table(load_vocabulary().kinds["call"], ZoneInfo(zone), {}, rows)
    assert table.column("local_hour", 0) == [local_hour(at, ZoneInfo(zone)) for at in starts]


def verdict_on(read: str, require: str, calls: Sequence[tuple[str, Mapping[str, object]]]) -> Verdict:
    facts = [happened("call", [(at, at, attributes) for at, attributes in calls], NOW)]
    return judge(one_rule(read, require), MemoryEvidence(facts, {"zone": "Asia/Shanghai"}, at_ms=ms(NOW)), ms(NOW))[
        "D-SEC-01"
    ]


def test_a_doubtful_row_that_is_nobodys_first_leaves_no_doubt() -> None:
    base = "{occurrences: call, of: 'answered', first_by: agent}"
    read = f"{{match: {base}, with: {{occurrences: call, same: {{queue: queue}}}}, over: 30d}}"
    sure = ("2026-03-10T10:00", {"agent": 7, "queue": "sales", "answered": True})
    doubtful = ("2026-03-11T10:00", {"agent": 7, "queue": "sales"})
    assert verdict_on(read, "x.both == 1", [sure, doubtful]).outcome == "satisfied"
    assert verdict_on(read, "x.both == 1", [doubtful, sure]).outcome == "satisfied"
    early = ("2026-03-09T10:00", {"agent": 7, "queue": "sales"})
    assert verdict_on(read, "x.both == 1", [sure, early]).reason == "undecidable"


def test_two_reads_of_one_join_count_each_by_its_own_group_and_sample() -> None:
    join = "match: {occurrences: call, of: 'answered'}, with: {occurrences: call, same: {key: key}}, over: 30d"
    calls = [
        (f"2026-03-{10 + day}T10:00", {"agent": day % 3, "queue": "sales" if day % 2 else "support", "answered": True})
        for day in range(8)
    ]
    by_agent = verdict_on(f"{{{join}, by: agent, sample: 1}}", "x.groups == 3", calls)
    by_queue = verdict_on(f"{{{join}, by: queue, sample: 1}}", "x.groups == 2", calls)
    assert (by_agent.seen["x.groups"], by_queue.seen["x.groups"]) == (3, 2)
    assert by_agent.seen["x.both"] == 0  # a row is not its own partner
