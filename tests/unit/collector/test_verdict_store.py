"""The wheel of instants at which somebody must look again: in the store, one entry for each center, never a scan."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from ccmm_collector import verdict_sql as sql
from ccmm_collector.projection import connect
from ccmm_collector.verdict_store import FILE, Judged, VerdictStore
from ccmm_rules.model import Outcome
from ccmm_rules.verdict import Verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VerdictStore]:
    opened = VerdictStore.open(tmp_path)
    yield opened
    opened.close()


def verdict(center: str, rule: str, look_again_ms: int | None) -> Verdict:
    return Verdict(
        rule=rule,
        center=center,
        at_ms=0,
        rule_digest="d",
        outcomes={1: Outcome.SATISFIED},
        outcome=Outcome.SATISFIED,
        reached=1,
        reason="",
        blamed="",
        valid_until_ms=None,
        look_again_ms=look_again_ms,
        seen={},
        hoped={},
        limits={},
        log_id="log",
        log_index=0,
        backfill_share=0.0,
        sentence={"en": "", "zh": ""},
        reads={},
    )


def judge(store: VerdictStore, center: str, *, at_ms: int = 0, pack: str = "p", **due_ms: int | None) -> int:
    verdicts = {rule: verdict(center, rule, instant) for rule, instant in due_ms.items()}
    return store.write(Judged(center, pack, at_ms, 0, verdicts, "{}"))


def test_a_center_is_due_when_its_first_verdict_is(store: VerdictStore) -> None:
    judge(store, "b", A=300, B=200)
    judge(store, "a", A=250)
    judge(store, "never", A=None)
    assert store.next_due() == 200
    assert store.due(199) == []
    assert store.due(250) == ["b", "a"]
    assert (store.first_due("b", 201), store.first_due("b", 200), store.first_due("never", 1 << 60)) == (
        200,
        None,
        None,
    )
    assert store.due_rules("b", 299) == ["B"]


def test_judging_one_rule_again_moves_its_center_on_the_wheel(store: VerdictStore) -> None:
    judge(store, "a", A=300, B=200)
    judge(store, "a", at_ms=200, B=400)
    assert store.next_due() == 300
    judge(store, "a", at_ms=300, A=None)
    assert store.due(399) == []
    assert store.due(400) == ["a"]


def test_another_pack_takes_the_older_ones_instants_with_it(store: VerdictStore) -> None:
    judge(store, "a", A=100, B=200)
    judge(store, "a", at_ms=50, pack="q", B=500)
    assert (store.next_due(), store.verdicts("a", "p"), list(store.verdicts("a", "q"))) == (500, {}, ["B"])
    assert store.judged_before(50, "q") == []
    assert store.judged_before(50, "r") == ["a"]
    assert store.judged_before(51, "q") == ["a"]


@pytest.mark.parametrize("query", ["DUE", "FIRST_DUE", "DUE_RULES", "NEXT", "JUDGED_BEFORE", "STANDINGS", "SIZE"])
def test_no_question_of_the_wheel_reads_verdicts_or_levels(store: VerdictStore, tmp_path: Path, query: str) -> None:
    text = getattr(sql, query)
    connection = connect(tmp_path / FILE, readonly=True)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", [0] * text.count("?"))]
    connection.close()
    assert any("INDEX" in step for step in plan), plan


def test_a_store_of_before_the_wheel_is_migrated(tmp_path: Path) -> None:
    connection = connect(tmp_path / FILE, readonly=False)
    sql.SCHEMA.apply(Database(connection), stop_before="wheel_of_centers")
    connection.execute("INSERT INTO current VALUES ('a','R','p',0,0,700,x'','{}'), ('a','S','p',0,0,NULL,x'','{}')")
    connection.execute("INSERT INTO standing VALUES ('a',0,0,'p','{}')")
    connection.close()
    store = VerdictStore.open(tmp_path)
    assert (store.next_due(), store.due(700)) == (700, ["a"])
    store.close()
