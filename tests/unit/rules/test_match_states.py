"""What a join says of itself beside its numbers: whether it is decided, and what stands where there is no pair."""

from collections.abc import Sequence

import pytest

from ccmm_rules.columns import ENDED, KEY, KEY_ID, Column, Columns, coded
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Happening, Span
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import ms, one_rule
from tests.unit.rules.test_match_edges import at, joined
from tests.unit.rules.test_matching import NOW, told

LAG = ", lag: [a.started, b.started], in: minutes"


def test_a_join_whose_looks_agree_is_decided_and_one_whose_looks_differ_is_not() -> None:
    first, how = [at("10:00"), at("11:00")], 'time: [-1m, 1m], if: "b.lost_minutes <= 10.0"'
    sure = joined(how, first, [at("10:00", lost_minutes=5.0)], require="x.only_a <= 1").reads["x"]
    assert (sure.state, sure.reason) == ("", "")
    unsure = joined(how, first, [at("10:00", lost_minutes=5.0), at("11:00")], require="x.only_a <= 1").reads["x"]
    assert (unsure.state, unsure.reason) == ("inconclusive", "undecidable")


def test_where_no_pair_was_made_each_lag_is_what_the_read_says_of_none() -> None:
    seen = joined("time: [0m, 1m]", [at("10:00")], [], more=LAG, require="x.p50 + x.p90 + x.p95 + x.max <= 0.0").seen
    assert {name: seen[f"x.{name}"] for name in ("p50", "p90", "p95", "max")} == dict.fromkeys(
        ("p50", "p90", "p95", "max"), 0.0
    )


def test_a_lag_stands_wherever_one_of_the_looks_has_a_pair() -> None:
    how = 'time: [-1m, 5m], if: "b.lost_minutes <= 10.0"'
    verdict = joined(how, [at("10:00")], [at("10:03")], more=LAG, require="x.max <= 0.0")
    assert verdict.outcome == Outcome.INCONCLUSIVE
    assert "x.max" not in verdict.seen


def test_where_all_groups_together_are_too_few_there_is_no_group() -> None:
    seen = joined("time: [-1m, 1m]", [at("10:00", service="voice")], [], more=", by: service, sample: 5").seen
    assert seen == {"x.a": 1}
    several = [at("10:00", service="voice"), at("11:00", service="chat")]
    seen = joined("time: [-1m, 1m]", several, [], more=", by: service, sample: 2").seen
    assert (seen["x.groups"], seen["x.worst"]) == (1, 0.0)


def test_fewer_than_the_sample_say_the_same_in_both_looks() -> None:
    verdict = joined("time: [-1m, 1m]", [at("10:00")], [], more=", sample: 3", require="x.a >= 1 && x.only_a == 0")
    assert (verdict.outcome, verdict.reason, verdict.seen, verdict.hoped) == (
        Outcome.INCONCLUSIVE,
        "sample",
        {"x.a": 1},
        {},
    )


@pytest.mark.parametrize(
    ("condition", "both"),
    [("a.system == 'ups'", 1), ("b.grade == 'I'", 2), ("a.system == 'dlp' && b.grade == 'I'", 1)],
)
def test_a_condition_reads_each_side_from_its_own_rows_also_where_rows_are_packed(condition: str, both: int) -> None:
    sides = [("ups", "I"), ("dlp", "I"), ("dlp", "II")]
    read = f'{{match: {{occurrences: alert}}, with: {{occurrences: incident, time: [-1m, 1m], if: "{condition}"}}'
    read += ", over: 30d, empty: 0}"
    alerts = told("alert", [at(f"1{n}:00", system=mine) for n, (mine, _) in enumerate(sides)])
    incidents = told("incident", [at(f"1{n}:00", grade=grade) for n, (_, grade) in enumerate(sides)])
    for packed in (False, True):
        evidence = Packed([alerts, incidents], {"zone": "Asia/Shanghai"}, at_ms=ms(NOW))
        evidence.packed = packed
        verdict = judge(one_rule(read, "x.both >= 0"), evidence, ms(NOW))["D-SEC-01"]
        assert verdict.seen["x.both"] == both, packed


@pytest.mark.parametrize("packed", [False, True])
def test_a_condition_tells_the_two_rows_of_one_table_apart(packed: bool) -> None:
    condition = "a.system == 'ups' && b.system == 'dlp'"
    read = (
        f'{{match: {{occurrences: alert}}, with: {{occurrences: alert, time: [1m, 9m], if: "{condition}"}}, over: 30d}}'
    )
    rows = [("10:00", "ups"), ("10:05", "dlp"), ("11:00", "dlp"), ("11:05", "ups"), ("12:00", "ups"), ("12:05", "ups")]
    alerts = told("alert", [at(time, system=system) for time, system in rows])
    evidence = Packed([alerts], {"zone": "Asia/Shanghai"}, at_ms=ms(NOW))
    evidence.packed = packed
    seen = judge(one_rule(read, "x.both >= 0"), evidence, ms(NOW))["D-SEC-01"].seen
    assert (seen["x.both"], seen["x.only_a"], seen["x.only_b"]) == (1, 5, 5)


class Packed(MemoryEvidence):
    """Gives its occurrences column by column, as a collector does that has them in rolls."""

    packed = True

    def happenings(self, kind: str, span: Span) -> Sequence[Happening]:
        rows = super().happenings(kind, span)
        if not self.packed or not rows:
            return rows
        names = {name for row in rows for name in row.attributes}
        columns: dict[str, Column] = {name: coded([row.attributes.get(name) for row in rows]) or () for name in names}
        columns |= {KEY: [row.id for row in rows], ENDED: [row.ended_ms for row in rows], KEY_ID: ["k"] * len(rows)}
        return Columns(agent=rows[0].agent, source=rows[0].source, starts=[r.started_ms for r in rows], told=columns)
