"""Verdicts held in memory: never others than those that stand in the file, and never too many."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ccmm_collector.held_verdicts import HeldVerdicts
from ccmm_collector.kept_form import as_kept, essence, verdict_of
from ccmm_collector.verdict_store import Judged, VerdictStore
from ccmm_rules.verdict import ReadState, Spot, Verdict, canonical_json
from tests.unit.collector.test_verdict_store import verdict


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VerdictStore]:
    opened = VerdictStore.open(tmp_path)
    yield opened
    opened.close()


def wrote(store: VerdictStore, center: str, pack: str, at_ms: int, *rules: str) -> None:
    verdicts = {rule: replace(verdict(center, rule, None), at_ms=at_ms) for rule in rules}
    store.write(Judged(center, pack, at_ms, 0, verdicts, "{}"))


def instants(verdicts: Mapping[str, Verdict]) -> dict[str, int]:
    return {rule: found.at_ms for rule, found in verdicts.items()}


def read_anew(folder: Path, center: str, pack: str) -> dict[str, Verdict]:
    other = VerdictStore.open(folder, readonly=True)
    found = other.verdicts(center, pack)
    other.close()
    return found


def test_what_was_written_is_given_back_as_the_file_has_it(store: VerdictStore, tmp_path: Path) -> None:
    assert store.verdicts("a", "p") == {}
    wrote(store, "a", "p", 1, "R", "S")
    wrote(store, "a", "p", 2, "S")
    assert instants(store.verdicts("a", "p")) == {"R": 1, "S": 2}
    assert store.verdicts("a", "p") == read_anew(tmp_path, "a", "p")


def test_what_is_given_may_be_changed_without_harm(store: VerdictStore) -> None:
    wrote(store, "a", "p", 1, "R")
    store.verdicts("a", "p").clear()
    assert instants(store.verdicts("a", "p")) == {"R": 1}


def test_of_a_center_that_was_never_read_the_older_verdicts_are_there_too(tmp_path: Path) -> None:
    first = VerdictStore.open(tmp_path)
    wrote(first, "a", "p", 1, "R", "S")
    first.close()
    second = VerdictStore.open(tmp_path)
    wrote(second, "a", "p", 2, "S")
    assert instants(second.verdicts("a", "p")) == {"R": 1, "S": 2}
    second.close()


def test_a_reader_sees_at_once_what_the_judge_writes(store: VerdictStore, tmp_path: Path) -> None:
    reader = VerdictStore.open(tmp_path, readonly=True)
    assert reader.verdicts("a", "p") == {}
    wrote(store, "a", "p", 1, "R", "S")
    assert instants(reader.verdicts("a", "p")) == {"R": 1, "S": 1}
    wrote(store, "a", "p", 5, "R")
    assert instants(reader.verdicts("a", "p")) == {"R": 5, "S": 1}
    reader.close()


def test_another_judge_of_other_centers_takes_nothing_away(store: VerdictStore, tmp_path: Path) -> None:
    other = VerdictStore.open(tmp_path)
    wrote(store, "a", "p", 1, "R", "S")
    assert store.verdicts("a", "p") == other.verdicts("a", "p")
    wrote(other, "b", "p", 2, "R")
    wrote(store, "a", "p", 3, "S")
    assert instants(store.verdicts("a", "p")) == {"R": 1, "S": 3}
    assert instants(other.verdicts("b", "p")) == {"R": 2}
    other.close()


def test_another_pack_leaves_nothing_of_the_one_before(store: VerdictStore) -> None:
    wrote(store, "a", "p", 1, "R", "S")
    assert list(store.verdicts("a", "p")) == ["R", "S"]
    wrote(store, "a", "q", 2, "S")
    assert (store.verdicts("a", "p"), instants(store.verdicts("a", "q"))) == ({}, {"S": 2})


def test_a_writing_that_fails_changes_nothing_that_is_held(store: VerdictStore) -> None:
    wrote(store, "a", "p", 1, "R")
    store.verdicts("a", "p")
    with pytest.raises(Exception, match="NOT NULL"):
        store.write(Judged("a", "p", 2, 0, {"R": replace(verdict("a", "R", None), at_ms=2)}, None))
    assert instants(store.verdicts("a", "p")) == {"R": 1}


def test_no_more_are_held_than_may_be_and_the_longest_unused_go_first() -> None:
    held = HeldVerdicts(most=4)
    two = {rule: verdict("x", rule, None) for rule in ("R", "S")}
    assert held.of("a", "p") is None
    for center in ("a", "b"):
        held.hold(center, "p", two)
    assert held.of("a", "p") == two
    held.hold("c", "p", two)
    assert [held.of(center, "p") is not None for center in ("a", "b", "c")] == [True, False, True]
    held.learn("a", "p", {"T": two["R"], "U": two["S"]})
    assert [held.of(center, "p") is not None for center in ("a", "c")] == [True, False]
    held.hold("d", "p", dict.fromkeys("12345", two["R"]))  # of itself too many
    assert [held.of(center, "p") for center in ("a", "d")] == [None, None]
    held.hold("e", "p", two)
    assert (held.of("e", "p"), held.of("e", "q")) == (two, None)


def test_a_verdict_is_held_as_its_canonical_form_would_give_it() -> None:
    read = ReadState(state="", reason="", from_ms=1, to_ms=2, spot=Spot(at_ms=3, group="g", count=4))
    exact = replace(
        verdict("a", "R", 7),
        seen={"x": 1 / 3, "x.n": 3},
        hoped={"x": 2 / 3},
        limits={"limit": 0.1 + 0.2},
        reads={"x": read},
    )
    shares = replace(exact, backfill_share=1 / 7)
    for one in (exact, shares, verdict("a", "R", None)):
        assert as_kept(one) == verdict_of(canonical_json(one))
        assert essence(one) == essence(as_kept(one))
    assert as_kept(as_kept(exact)) is not exact
    assert essence(exact) != essence(replace(exact, hoped={"x": 0.5}))
    assert essence(exact) == essence(shares)
