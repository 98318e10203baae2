"""Evidence as it concerns an earlier instant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ccmm_rules.asof import AsOf
from ccmm_rules.evidence import AttributeValue, Entry, Listing, Span
from ccmm_rules.memory import Fact, MemoryEvidence
from ccmm_rules.operators.view import REACH_MS, View
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.rules.examples import counted, happened, ms

NOW = "2026-03-20T03:00"
THEN = "2026-03-10T00:00"


def as_of(facts: Sequence[Fact], then: str = THEN) -> AsOf:
    evidence = MemoryEvidence(facts, {"zone": "Asia/Shanghai"}, at_ms=ms(NOW))
    return AsOf(View(evidence, ms(NOW), load_vocabulary()), ms(then))


def lists(*told: tuple[str, Mapping[str | int, Mapping[str, AttributeValue]]]) -> list[Fact]:
    """Complete lists of accounts in time."""
    return [
        Fact(
            agent="it", sequence=at, recorded_ms=ms(when), source="idm", feeds=("account",),
            covers=Span(ms("2026-01-01T00:00"), ms(when)),
            listings={"account": Listing(
                agent="it", source="idm", as_of_ms=ms(when), log_index=0, key_id="k",
                entries=tuple(Entry(key=key, attributes=found) for key, found in entries.items()),
            )},
        )
        for at, (when, entries) in enumerate(told)
    ]  # fmt: skip


def test_coverage_and_backfill_end_at_the_instant() -> None:
    told = counted({"calls_offered": {"q": [1]}}, "2026-03-01T00:00", NOW)
    (source,) = as_of([replace(told, outcome="OBSERVED")]).feeding("calls_offered")
    assert source.covered == source.backfilled == (Span(ms("2026-03-01T00:00"), ms(THEN)),)
    (before,) = as_of([told], "2026-02-01T00:00").feeding("calls_offered")
    assert (before.covered, before.watermark_ms) == ((), None)
    later = replace(told, covers=Span(ms("2026-03-01T00:00"), ms("2026-03-02T00:00")), outcome="EMPTY")
    (unchanged,) = as_of([later]).feeding("calls_offered")
    assert (unchanged.newest_outcome, unchanged.watermark_ms) == ("EMPTY", ms("2026-03-02T00:00"))
    (cut,) = as_of([replace(told, outcome="EMPTY")]).feeding("calls_offered")
    assert cut.newest_outcome == "OBSERVED"


def test_measures_end_at_the_instant() -> None:
    told = as_of([counted({"calls_offered": {"q": [1]}}, "2026-03-01T00:00", NOW)])
    span = Span(ms("2026-03-09T23:00"), ms("2026-03-10T02:00"))
    assert len(told.slots("calls_offered", span)) == 4
    assert [row.count for row in told.totals("calls_offered", span)] == [4]
    assert told.slots("calls_offered", Span(ms("2026-03-11T00:00"), ms("2026-03-12T00:00"))) == []


def test_holes_that_may_hold_news_of_the_time_before_stay() -> None:
    facts = [counted({"calls_offered": {"q": [1]}}, "2026-03-01T00:00", NOW)]

    def lost(at_ms: int) -> list[Fact]:
        first = replace(facts[0], recorded_ms=at_ms, covers=None, rows={})
        return [first, replace(first, sequence=2, recorded_ms=ms(NOW))]

    assert len(as_of(lost(ms(THEN) + REACH_MS - 1)).holes()) == 1
    assert as_of(lost(ms(THEN) + REACH_MS)).holes() == []


def test_changes_of_a_list_since_then_are_undone() -> None:
    kept, gone, come, turned = {"enabled": True}, {"enabled": True}, {"enabled": True}, {"enabled": False}
    facts = lists(
        ("2026-03-05T00:00", {1: kept, 2: gone, 3: turned}),
        ("2026-03-12T00:00", {1: kept, 3: {"enabled": True}}),
        (NOW, {1: kept, 3: {"enabled": True}, 4: come}),
    )
    (listing,) = as_of(facts).listings("account")
    assert {entry.key: entry.attributes for entry in listing.entries} == {1: kept, 2: gone, 3: turned}
    assert listing.as_of_ms == ms(THEN)
    (middle,) = as_of(facts, "2026-03-12T00:00").listings("account")
    assert sorted(str(entry.key) for entry in middle.entries) == ["1", "3"]


def test_a_list_not_changed_since_is_itself_and_one_emptied_since_is_as_it_was() -> None:
    facts = lists(("2026-03-05T00:00", {1: {"enabled": True}}))
    (listing,) = as_of(facts).listings("account")
    assert listing.as_of_ms == ms("2026-03-05T00:00")
    emptied = replace(facts[0], sequence=1, recorded_ms=ms(NOW), listings={}, outcome="EMPTY",
                      covers=Span(ms("2026-03-05T00:00"), ms(NOW)))  # fmt: skip
    (undone,) = as_of([*facts, emptied]).listings("account")
    assert (undone.as_of_ms, len(undone.entries)) == (ms(THEN), 1)
    (empty,) = as_of([*facts, replace(emptied, covers=Span(0, ms("2026-03-06T00:00")))]).listings("account")
    assert (empty.as_of_ms, len(empty.entries)) == (ms("2026-03-06T00:00"), 0)


def test_occurrences_are_as_far_as_they_had_come() -> None:
    rows: list[tuple[str, str | None, Mapping[str, object]]] = [
        ("2026-03-08T00:00", "2026-03-11T00:00", {"closed": ms("2026-03-10T12:00"), "due": ms("2026-03-12T00:00")}),
        ("2026-03-08T01:00", "2026-03-09T00:00", {"closed": ms("2026-03-09T00:00")}),
        ("2026-03-10T01:00", None, {}),
    ]
    told = as_of([happened("case", rows, NOW)])
    opened, closed = told.happenings("case", Span(ms("2026-03-01T00:00"), ms(NOW)))
    assert (opened.ended_ms, opened.attributes) == (None, {"due": ms("2026-03-12T00:00")})  # a plan is known before
    assert (closed.ended_ms, closed.attributes) == (ms("2026-03-09T00:00"), {"closed": ms("2026-03-09T00:00")})


def test_alterations_shown_later_are_not_there() -> None:
    facts = lists(
        ("2026-03-05T00:00", {1: {"enabled": True}}), (THEN, {1: {"enabled": False}}), (NOW, {1: {"enabled": True}})
    )
    told = as_of(facts)
    assert [found.at_ms for found in told.alterations("account", Span(0, ms(NOW) + 1))] == [ms(THEN)]
    assert told.alterations("account", Span(ms(THEN) + 1, ms(NOW) + 1)) == ()


def test_a_list_is_no_younger_than_the_last_one_before_a_hole() -> None:
    told = lists(
        ("2026-03-05T00:00", {1: {"enabled": True}}),
        ("2026-03-07T00:00", {1: {"enabled": False}}),
        ("2026-03-08T00:00", {}),  # of another source, say: the agent spoke
        (NOW, {1: {"enabled": True}}),
    )
    other = replace(told[2], source="hr", feeds=("person",), listings={})
    (whole,) = as_of([told[0], told[1], other, told[3]]).listings("account")
    assert (whole.as_of_ms, whole.entries[0].attributes["enabled"]) == (ms(THEN), False)
    (torn,) = as_of([told[0], other, told[3]]).listings("account")
    assert (torn.as_of_ms, torn.entries[0].attributes["enabled"]) == (ms("2026-03-05T00:00"), True)


def test_before_its_first_list_a_source_has_none() -> None:
    assert as_of(lists((NOW, {1: {"enabled": True}}))).listings("account") == []
