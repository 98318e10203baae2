"""What the loader says of each thing that can be wrong in a rule: the very words, and where."""

from pathlib import Path

import pytest

from ccmm_rules.errors import PackErrors
from ccmm_rules.load import digest_of, folder_digest, load_pack, pack_of
from ccmm_rules.model import Outcome, Rule
from ccmm_rules.spec import DAY_MS, HOUR_MS, Window
from tests.unit.rules.examples import FOLDER, example_files, one_rule

RULE = """id: D-SEC-01
title: {en: "A rule", zh: "一条规则"}
remedy: {en: "Mend it.", zh: "改进。"}
heading: D6_security
level: 2
gate: true
fresh_for: 26h
grace: 3d
hold: 30d
since: "2026-01-01"
until: "2026-12-31"
crosswalk: [iso27001:A.5.18]
replaces: [D-SEC-99]
applies: profile.gov_hotline
reads:
  x: {metric: answer_rate, over: 7d}
  y: {inventory: account, of: enabled, bad: "last_login_days > 90", fresh_for: 2h, optional: true}
limits: {unit: "%", L2: 80, L4: 90}
require: x >= limit && (level < 3 || y.bad == 0)
given: {x: 80.0, y: {bad: 0, n: 1}, held: 30d, profile: {gov_hotline: true}}
cases:
  - {outcome: satisfied}
  - {level: 3, y: {bad: [1, 0]}, outcome: inconclusive}
  - {x: missing, outcome: missing}
  - {y: unsure, level: 4, x: [89.0, 91.0], held: 1d, outcome: inconclusive}
"""


def pack_with(text: str, name: str = "D-SEC-01.yaml") -> Rule:
    return pack_of({"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), name: text.encode()}).rules["D-SEC-01"]


def test_a_rule_has_what_its_file_says() -> None:
    rule = pack_with(RULE)
    assert (rule.id, rule.heading, rule.level, rule.gate, rule.file) == (
        "D-SEC-01", "D6_security", 2, True, "D-SEC-01.yaml"
    )  # fmt: skip
    assert (dict(rule.titles), dict(rule.remedy)) == (
        {"en": "A rule", "zh": "一条规则"},
        {"en": "Mend it.", "zh": "改进。"},
    )
    assert (rule.crosswalk, rule.replaces, rule.since, rule.until) == (
        ("iso27001:A.5.18",), ("D-SEC-99",), "2026-01-01", "2026-12-31"
    )  # fmt: skip
    assert (rule.grace_ms, rule.hold, rule.fresh_for_ms) == (3 * DAY_MS, Window(unit="d", count=30), 26 * HOUR_MS)
    assert [(read.name, read.fresh_for_ms, read.optional, read.operator) for read in rule.reads] == [
        ("x", 26 * HOUR_MS, False, "metric"),
        ("y", 2 * HOUR_MS, True, "inventory"),
    ]
    assert rule.applies is not None
    assert rule.applies.names == frozenset(("profile.gov_hotline",))
    (table,) = rule.limits
    assert (table.name, table.unit, table.type, dict(table.values)) == ("limit", "%", "double", {2: 80.0, 4: 90.0})
    assert len(rule.digest) == 64


def test_what_a_rule_does_not_say_is_as_the_language_has_it() -> None:
    rule = one_rule("{metric: answer_rate, over: 90d}", "x >= 95.0").rules["D-SEC-01"]
    assert (rule.gate, rule.crosswalk, rule.since, rule.until, rule.replaces) == (False, (), "", "", ())
    assert (rule.grace_ms, rule.hold, rule.applies, rule.limits) == (0, None, None, ())
    assert rule.reads[0].fresh_for_ms == 26 * HOUR_MS


def test_cases_are_merged_with_what_is_given() -> None:
    first, second, third, fourth = pack_with(RULE).cases
    assert [case.level for case in (first, second, third, fourth)] == [2, 3, 2, 4]
    assert (first.outcome, third.outcome, fourth.outcome) == (Outcome.SATISFIED, Outcome.MISSING, Outcome.INCONCLUSIVE)
    assert (first.held, fourth.held) == (Window(unit="d", count=30), Window(unit="d", count=1))
    assert (dict(first.profile), first.line) == ({"gov_hotline": True}, 22)
    assert (dict(first.reads["x"].worst), dict(first.reads["y"].best)) == ({"": 80.0}, {"bad": 0, "n": 1})
    assert (dict(second.reads["y"].worst), dict(second.reads["y"].best)) == ({"bad": 1}, {"bad": 0})
    assert (third.reads["x"].state, dict(third.reads["x"].worst)) == ("missing", {})
    assert (fourth.reads["y"].state, dict(fourth.reads["y"].best)) == ("inconclusive", {})
    assert (dict(fourth.reads["x"].worst), dict(fourth.reads["x"].best)) == ({"": 89.0}, {"": 91.0})


def test_a_read_that_neither_names_is_missing_in_a_case() -> None:
    rule = pack_with(RULE.replace("given: {x: 80.0, ", "given: {"))
    assert (rule.cases[0].reads["x"].state, rule.cases[0].reads["y"].state) == ("missing", "")


WRONG = [
    ("id: D-SEC-01", "id: D-SEC-1", "1:5: 'D-SEC-1' is no rule id; write like D-SEC-09"),
    ("level: 2", "level: 6", "5:8: a level is 1 to 5"),
    ("level: 2", "level: 0", "5:8: a level is 1 to 5"),
    ("level: 2\n", "leval: 2\n", "unknown key 'leval'"),
    ("heading: D6_security", "heading: D9", "4:10: 'D9' is no heading of the pack; known: "),
    ('since: "2026-01-01"', 'since: "2026-13-01"', "10:8: '2026-13-01' is no day; write \"2026-01-31\""),
    ('"2026-12-31"', '"2025-12-31"', "11:8: ends before it begins on 2026-01-01; write the last day"),
    ("hold: 30d", "hold: 48h", "9:7: hold counts days; write 30d, 13w, 12mo or 4q"),
    ("  x: {metric", "  level: {metric", "16:3: 'level' cannot name a read; write a short lower-case word"),
    ("  x: {metric", "  X: {metric", "16:3: 'X' cannot name a read"),
    ("{metric: answer_rate, over: 7d}", "{over: 7d}", "one operator is expected here; write one of metric, slots"),
    (
        "{metric: answer_rate, over: 7d}",
        "{metric: answer_rate, slots: aht, over: 7d}",
        "one operator is expected here",
    ),
    ("require: x >= limit && (", "require: 95.0 >= limit && (", "16:3: read 'x' is never used"),
    ('limits: {unit: "%",', "limits: {unit: kg,", "18:16: 'kg' is no unit; known: %, count"),
    ('limits: {unit: "%", L2: 80, L4: 90}', 'limits: {unit: "%"}', "18:9: no value for any level; add L1: 85"),
    ("L4: 90}", "L6: 90}", "unknown key 'L6'"),
    ('unit: "%"', "unit: s", "limit is in s, x in %; use one unit"),
    ("x >= limit", "x >= 80.0", "18:9: limit is never used"),
    ("L2: 80, L4", "L3: 80, L4", "19:10: limit has no value at level 2"),
    ("outcome: satisfied}", "outcome: good}", "'good' is no outcome; write one of satisfied, "),
    ("outcome: satisfied}", "outcome: waived}", "a waiver is no matter of a case; waivers are the center's"),
    ("{level: 3,", "{level: 1,", "the rule is not judged at level 1; write 2 to 5"),
    ("{level: 3,", "{level: 6,", "the rule is not judged at level 6; write 2 to 5"),
    ("x: missing", "x: mising", "'mising' is no state of a read; write missing, unsure or values"),
    ("held: 1d", "held: 1w", "'hold' counts in d; write it in d too, like 30d"),
    ("x: [89.0, 91.0]", "x: [89.0, 90.0, 91.0]", "two looks are [worst, best]"),
    ("x: [89.0, 91.0]", "x: {values: 89.0}", "unknown key 'values'"),
    ("y: {bad: 0, n: 1}", "y: 3", "y binds no value of its own; write {"),
    ("profile: {gov_hotline: true}", "profile: {gov_hot: true}", "unknown key 'gov_hot'"),
    ("{x: missing,", "{x: missing, gate: true,", "unknown key 'gate'"),
    ('unit: "%", L2: 80', "unit: days, L2: 80.5", "18:26: a whole number is expected here"),
    ("profile: {gov_hotline: true}", "profile: {gov_hotline: 3}", "20:"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_what_is_wrong_in_a_rule_is_said_with_its_place(old: str, new: str, said: str) -> None:
    assert old in RULE
    with pytest.raises(PackErrors) as caught:
        pack_with(RULE.replace(old, new, 1))
    assert said in str(caught.value)


def test_a_rule_may_hold_on_one_day_only() -> None:
    assert pack_with(RULE.replace('"2026-12-31"', '"2026-01-01"')).until == "2026-01-01"


def test_a_rule_reads_something_and_has_a_case() -> None:
    begin, end = RULE.index("reads:"), RULE.index("limits:")
    with pytest.raises(PackErrors, match=r"1:1: .reads. is not there"):
        pack_with(RULE[:begin] + RULE[end:])
    with pytest.raises(PackErrors, match=r"21:8: no case"):
        pack_with(RULE[: RULE.index("cases:")] + "cases: []\n")


def test_a_limit_may_be_judged_by_slots_alone_and_has_as_many_tables_as_are_named() -> None:
    slots = "{slots: answer_rate, over: 7d, every: 1h, meets: %s}"
    one_rule(slots % "limit", "x.bad == 0", more='limits: {unit: "%", L1: 80}')
    with pytest.raises(PackErrors, match="limit is never used"):
        one_rule(slots % "80", "x.bad == 0", more='limits: {unit: "%", L1: 80}')
    with pytest.raises(PackErrors, match="limit is never used"):
        one_rule(slots % "target", "x.bad == 0", more='limits: {unit: "%", L1: 80}')
    two = "limits: {share: {unit: '%', L1: 80}, bad: {unit: count, L1: 3}}"
    rule = one_rule(slots % "80", "x.share >= limit.share && x.bad <= limit.bad", more=two).rules["D-SEC-01"]
    assert [(table.name, table.type) for table in rule.limits] == [("limit.share", "double"), ("limit.bad", "int")]
    with pytest.raises(PackErrors, match=r"limit.bad is in min, x.share in %"):
        one_rule(slots % "80", "x.share >= limit.bad", more="limits: {bad: {unit: min, L1: 3}}")


@pytest.mark.parametrize(("bound", "fits"), [("20.0", True), ("50.0", False), ("limit", False)])
def test_a_percentile_is_compared_with_bounds_of_its_buckets_only(bound: str, fits: bool) -> None:
    more = "limits: {unit: s, L1: 21, L3: 20}" if bound == "limit" else ""
    if fits:
        one_rule("{metric: wait_p90, over: 90d}", f"x <= {bound}", more=more)
        return
    with pytest.raises(PackErrors) as caught:
        one_rule("{metric: wait_p90, over: 90d}", f"x <= {bound}", more=more)
    value = "21" if bound == "limit" else "50"
    assert f"x is a bucket bound and cannot be compared with {value}; write one of 2, 5, 10" in str(caught.value)
    assert len(caught.value.errors) == 1


@pytest.mark.parametrize("guard", ["profile.gov_hotline", "!profile.gov_hotline", "profile.zone == 'UTC'"])
def test_a_limit_without_a_value_needs_a_guard_whatever_the_center_answers(guard: str) -> None:
    read, more = "{metric: answer_rate, over: 90d}", 'limits: {unit: "%", L3: 80}'
    one_rule(read, "x.n >= 1 && (level < 3 || x >= limit)", more=more)
    one_rule(read, f"x.n >= 1 && (level < 3 || x >= limit && {guard})", more=more)
    with pytest.raises(PackErrors, match="limit has no value at level 1") as caught:
        one_rule(read, f"x.n >= 1 && (level < 3 && {guard} || x >= limit)", more=more)
    assert len(caught.value.errors) == 2  # at the first and the second level, each once


def test_a_guard_that_holds_at_either_answer_of_the_center_is_one() -> None:
    read, more = "{metric: answer_rate, over: 90d}", 'limits: {unit: "%", L3: 80}'
    one_rule(read, "(profile.gov_hotline ? level < 3 : level <= 2) || x >= limit", more=more)
    with pytest.raises(PackErrors, match="limit has no value at level 2"):
        one_rule(read, "(profile.gov_hotline ? level < 3 : level < 2) || x >= limit", more=more)
    with pytest.raises(PackErrors, match="limit has no value at level 2"):
        one_rule(read, "(profile.gov_hotline ? level < 2 : level < 3) || x >= limit", more=more)


def test_errors_of_a_pack_stand_at_their_files() -> None:
    files = example_files()
    with pytest.raises(PackErrors) as caught:
        load_pack(Path("/nonexistent"))
    assert str(caught.value) == "pack.yaml:1:1: no pack here: /nonexistent; a pack is a folder with pack.yaml"
    with pytest.raises(
        PackErrors, match=r"other/M-KPI-02.yaml:\d+:\d+: M-KPI-02 is in M-KPI-02.yaml too; ids are unique"
    ):
        pack_of(files | {"other/M-KPI-02.yaml": files["M-KPI-02.yaml"]})
    stray = {"M-KPI-99.scenarios.yaml": files["M-KPI-02.scenarios.yaml"]}
    with pytest.raises(PackErrors, match=r"scenarios of no rule: M-KPI-99.scenarios.yaml; name the file ID.scenarios"):
        pack_of(files | stray)
    with pytest.raises(PackErrors, match=r"file and id differ: M-KPI-02; name the file M-KPI-02.yaml"):
        pack_of({"pack.yaml": files["pack.yaml"], "M-KPI-01.yaml": files["M-KPI-02.yaml"]})
    with pytest.raises(PackErrors):
        pack_of({name: data for name, data in files.items() if name != "pack.yaml"})


def test_the_digest_is_of_names_and_bytes_in_any_order() -> None:
    files = example_files()
    assert digest_of(files) == digest_of(dict(reversed(files.items()))) == folder_digest(FOLDER)
    assert digest_of({"a": b"bc"}) != digest_of({"ab": b"c"})
    assert digest_of({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
