"""What a verdict says: what decided it, where it was worst, and what to do, in both languages."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from ccmm_collector.kept_form import essence
from ccmm_rules.conclude import Bound, conclude
from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Waiver
from ccmm_rules.explaining import explain
from ccmm_rules.load import BUILT_IN, load_pack
from ccmm_rules.memory import MemoryEvidence
from ccmm_rules.model import Case, Outcome, Pack, Rule
from ccmm_rules.naming import load_titles
from ccmm_rules.saying import shown, spaced
from ccmm_rules.verdict import Spot, Verdict
from ccmm_rules.vocabulary.tables import load_vocabulary
from ccmm_rules.wording import LONGEST, REASONS, Findings, sentence
from tests.unit.rules.examples import ZONE, counted, listed, ms, one_rule

AT = "2026-03-20T04:00"


def told(pack: Pack, *facts: object, at: str = AT, zone: bool = True, waivers: tuple[Waiver, ...] = ()) -> Verdict:
    profile = {"zone": str(ZONE)} if zone else {}
    evidence = MemoryEvidence(list(facts), profile, waivers=waivers)  # type: ignore[arg-type]
    return judge(pack, evidence, ms(at))["D-SEC-01"]


def calls(offered: int, answered: int, until: str = "2026-03-20T03:00") -> object:
    counts = {"calls_offered": {"support": [offered]}, "calls_answered": {"support": [answered]}}
    return counted(counts, "2026-01-01T00:00", until)


RATE = "{metric: answer_rate, over: 7d, by: queue}"


def test_what_failed_is_named_with_value_limit_and_the_worst_queue() -> None:
    said = told(one_rule(RATE, "x >= 95.0 && x.n >= 1"), calls(1000, 912)).sentence
    assert said["en"] == (
        "A rule: not satisfied at L1: Staffed answer rate over 7 days, worst queue: 91.2 % (at least 95 % needed), "
        "worst: queue support"
    )
    assert said["zh"] == (
        "一条规则：L1 不满足：近 7 天人工接通率（最差队列）：91.2 %（要求不低于 95 %），最差：队列 support"
    )


def test_a_sliding_day_that_fell_short_is_counted_and_dated() -> None:
    read = "{slots: answer_rate, over: 7d, every: 24h, step: 1h, meets: 95, by: queue}"
    said = told(one_rule(read, "x.bad == 0"), calls(1000, 912)).sentence
    assert said["en"].startswith(
        "A rule: not satisfied at L1: spans of any 24 hours by queue over 7 days with Staffed answer rate below 95 %: "
    )
    assert " (none allowed), worst: 91.2 % on 2026-03-" in said["en"]
    assert said["en"].endswith(", queue support")


def test_only_the_parts_that_fail_are_told() -> None:
    said = told(one_rule(RATE, "x >= 95.0 && x.n >= 1 && (level < 2 || x >= 99.0)"), calls(1000, 912)).sentence
    assert said["en"].count("needed") == 1
    both = told(one_rule(RATE, "x >= 95.0 || x.n >= 9999999"), calls(1000, 912)).sentence
    assert both["en"].count("needed") == 2


def test_a_number_just_short_of_its_limit_is_not_rounded_up_to_it() -> None:
    said = told(one_rule(RATE, "x >= 95.0"), calls(1_000_000, 949_960)).sentence
    assert "94.996 % (at least 95 % needed)" in said["en"]


@pytest.mark.parametrize(
    ("value", "beside", "text"),
    [(91.2, None, "91.2"), (94.996, 95.0, "94.996"), (95.0, 95.0, "95"), (0.1 + 0.2, None, "0.3"), (3, None, "3")],
)
def test_numbers_are_written_as_people_write_them(value: float, beside: float | None, text: str) -> None:
    assert shown(value, beside) == text


ACCOUNTS = '{inventory: account, of: "has_enabled && enabled", bad: "has_last_login && last_login_days > 90"}'


def test_a_test_on_entries_is_told_in_words() -> None:
    entries: dict[str | int, dict[str, object]] = {
        7: {"system": "crm", "enabled": True, "last_login": ms("2025-11-01T00:00")}
    }
    said = told(one_rule(ACCOUNTS, "x.bad == 0"), listed("account", entries, "2026-03-20T03:00")).sentence
    assert "accounts (enabled) where last login more than 90 days ago: 1 (none allowed), one of them: " in said["en"]
    assert "账号（启用）中最近登录距今大于 90 天者的数量：1（不允许出现）" in said["zh"]


def test_what_was_never_heard_of_is_named_with_what_may_deliver_it() -> None:
    said = told(one_rule(ACCOUNTS, "x.bad == 0")).sentence
    untold, ways = said["en"].split("; connect one of: ")
    assert untold == "A rule: no current evidence at L1: nothing was ever heard of accounts"
    listed, kept = ways.split(" (read the system) or ")
    assert ({"ldap", "linux_auth"} <= {*listed.split(", ")}, kept) == (True, "table (hand-kept)")
    untold, ways = said["zh"].split("；请接入以下之一：")
    assert untold == "一条规则：L1 缺少有效证据：从未收到账号"
    assert ways.endswith("（读取系统）或 table（手工维护）")


@pytest.mark.parametrize(
    ("read", "en", "zh"),
    [
        ("{inventory: person, of: active}", "connect table (hand-kept)", "请接入 table（手工维护）"),
        (
            "{inventory: endpoint, of: encrypted}",
            "connect tls (reads the system) or table (hand-kept)",
            "请接入 tls（读取系统）或 table（手工维护）",
        ),
        (
            "{slots: fuel_hours, over: 7d, every: 1h, meets: 8}",
            "connect snmp (reads the system) or figures (hand-kept)",
            "请接入 snmp（读取系统）或 figures（手工维护）",
        ),
        (
            """{inventory: device, of: "class == 'camera'"}""",
            "connect table (hand-kept)",
            "请接入 table（手工维护）",
        ),
        ("{documents: plan, of: live}", "connect documents (a folder of documents)", "请接入 documents（文件夹）"),
        (
            "{attestations: workplace, of: rest_area}",
            "connect attest (a signed statement)",
            "请接入 attest（签署的声明）",
        ),
    ],
)
def test_whatever_may_deliver_it_reads_well(read: str, en: str, zh: str) -> None:
    said = told(one_rule(read, "x.n >= 1")).sentence
    assert (said["en"].rpartition("; ")[2], said["zh"].rpartition("；")[2]) == (en, zh)


def test_what_fell_silent_says_when_it_was_last_heard_on_the_centers_clock() -> None:
    said = told(one_rule(RATE, "x >= 95.0"), calls(10, 10, until="2026-03-17T08:00")).sentence
    assert "were last heard of 2026-03-17 08:00" in said["en"]
    assert "最近一次收到是 2026-03-17 08:00" in said["zh"]


def test_an_unanswered_question_is_asked_by_its_title() -> None:
    said = told(one_rule(RATE, "x >= 95.0", more="applies: profile.cards"), calls(10, 10)).sentence
    assert "the center has not answered “Takes card payments”, or its answer ran out" in said["en"]
    said = told(one_rule(RATE.replace("queue}", "queue, expect: queues}"), "x >= 95.0"), calls(10, 10)).sentence
    assert "the center has not answered “Queues that serve customers”" in said["en"]


def test_a_waiver_is_told_with_its_people_and_its_end_beside_what_is_still_wrong() -> None:
    waiver = Waiver(
        rule="D-SEC-01",
        from_ms=ms("2026-03-01T00:00"),
        until_ms=ms("2026-06-01T00:00"),
        approvers=("chen", "wang"),
        reason="new switch",
        log_index=5,
    )
    said = told(one_rule(RATE, "x >= 95.0"), calls(1000, 912), waivers=(waiver,)).sentence
    assert said["en"].startswith("A rule: waived at L1 until 2026-06-01 by chen and wang: Staffed answer rate")
    assert said["zh"].startswith("一条规则：L1 已豁免（至 2026-06-01，批准人：chen、wang）：近 7 天人工接通率")


def test_a_rule_that_must_hold_says_since_when() -> None:
    pack = one_rule(RATE, "x >= 95.0", more="hold: 6mo")
    said = told(pack, calls(10, 10)).sentence
    assert "it holds since 2026-01-09 and must for 6 months" in said["en"]
    assert "自 2026-01-09 起满足，须持续 6 个月" in said["zh"]


def _said(rule: Rule, case: Case) -> tuple[Outcome, dict[str, str]]:
    """As an evaluation would, from the values of a case; every read has a worst place."""
    bound = {
        name: Bound(
            state=read.state,
            reason={"missing": "stale", "inconclusive": "sample"}.get(read.state, ""),
            worst=read.worst,
            best=read.best,
        )
        for name, read in case.reads.items()
    }
    looks = [
        {read.full(short): value for read in rule.reads for short, value in getattr(bound[read.name], look).items()}
        for look in ("worst", "best")
    ]
    conclusion = conclude(rule, case.level, bound, case.profile)
    findings = Findings(
        worst=looks[0],
        best=looks[1],
        limits={table.name: float(v) for table in rule.limits if (v := table.at(case.level)) is not None},
        spots={read.name: Spot(at_ms=ms("2026-03-04T10:00"), group="north", count=3) for read in rule.reads},
        answers=case.profile,
        zone=ZoneInfo("Asia/Shanghai"),
    )
    return conclusion.outcome, sentence(rule, case.level, conclusion, 0, findings)


def test_every_case_of_every_rule_gives_a_sentence_that_says_why_and_is_not_too_long() -> None:
    for rule in load_pack(BUILT_IN / "cc_cmm").rules.values():
        for case in rule.cases:
            outcome, said = _said(rule, case)
            for language in ("en", "zh"):
                text = said[language]
                assert len(text) <= LONGEST + 30, text
                assert text.startswith(rule.titles[language])
                assert not any(f"{read.name}." in text for read in rule.reads), text
            if outcome == Outcome.NOT_SATISFIED:
                assert " needed)" in said["en"] or " allowed)" in said["en"], said["en"]
                assert "要求" in said["zh"] or "不允许" in said["zh"], said["zh"]


def test_the_same_findings_give_the_same_sentence() -> None:
    rule = load_pack(BUILT_IN / "cc_cmm").rules["M-KPI-02"]
    assert [_said(rule, case) for case in rule.cases] == [_said(rule, case) for case in rule.cases]


def test_every_kind_attribute_and_word_has_a_name_in_both_languages() -> None:
    titles, vocabulary = load_titles(), load_vocabulary()
    assert set(titles["kinds"]) == set(vocabulary.kinds)
    assert {name for kind in vocabulary.kinds.values() for name in kind.known} <= set(titles["attributes"])
    assert frozenset().union(*vocabulary.words.values()) <= set(titles["words"])
    for within, section in (("attributes", 2), ("words", 3)):
        for name in [name.split(".") for name in titles[within] if "." in name]:
            assert len(name) == section
            assert name[1] in vocabulary.kinds[name[0]].known
            assert section == 2 or name[2] in vocabulary.words_of(name[0], name[1])
    dimensions = {name for measure in vocabulary.measures.values() for name in measure.dimensions}
    assert dimensions <= {*titles["attributes"], *titles["dimensions"]}
    assert all(text.strip() for section in titles.values() for title in section.values() for text in title.values())


def test_chinese_stands_apart_from_latin_by_one_space() -> None:
    assert spaced("近30 天 人工接通率低于95 %") == "近 30 天人工接通率低于 95 %"


def test_every_reason_is_told_in_both_languages() -> None:
    assert all(en and zh for en, zh in REASONS.values())


def test_every_rule_explains_itself_without_names_that_only_its_author_knows() -> None:
    for rule in load_pack(BUILT_IN / "cc_cmm").rules.values():
        for language, text in explain(rule).items():
            lines = text.split("\n")
            assert lines[0] == f"{rule.id}  {rule.titles[language]}"
            asked = [line for line in lines if line.startswith("  - ")]
            assert asked
            assert not any(f"{read.name}." in line for read in rule.reads for line in asked)
            assert any(rule.remedy[language].split()[0] in line for line in lines)


def test_an_explanation_says_what_turns_the_rule() -> None:
    said = explain(load_pack(BUILT_IN / "cc_cmm").rules["M-KPI-02"])
    assert "- [Staffed answer rate over 30 days] at least limit" in said["en"]
    assert "limit: L1 85 %, L2 88 %, L3 90 %, L4 93 %, L5 95 %" in said["en"]
    assert "no current evidence when a source that it reads was not heard of for 26 hours" in said["en"]
    assert "[近 30 天人工接通率]不低于限值" in said["zh"]


def test_a_worst_place_that_moves_changes_the_sentence_and_nothing_that_a_history_compares() -> None:
    pack = one_rule("{slots: answer_rate, over: 7d, every: 24h, meets: 95}", "x.bad == 0")
    one, two = (told(pack, calls(1000, 912), at=at) for at in ("2026-03-20T04:00", "2026-03-20T05:00"))
    moved = replace(two, sentence=sentence_of_another_day(two))
    assert one.sentence == two.sentence
    assert essence(one) == essence(moved)


def sentence_of_another_day(verdict: Verdict) -> dict[str, str]:
    return {language: text.replace("2026-03-", "2026-04-") for language, text in verdict.sentence.items()}


def test_whatever_mends_it_is_something_that_can_be_done() -> None:
    en, zh = (" ".join(texts[side] for texts in REASONS.values()) for side in (0, 1))
    for act in ("declare", "signed correction", "answer it and sign"):
        assert act not in en
    for act in ("声明该缺口", "签署"):
        assert act not in zh
    assert ("two approvers" in REASONS["uncovered"][0], "批准人豁免" in REASONS["disputed"][1]) == (True, True)
    assert "ccmm-collector scope" in REASONS["unanswered"][0]


def test_one_of_a_unit_stands_in_the_singular() -> None:
    read = "{inventory: person, number: worked_days}"
    people: dict[str | int, dict[str, object]] = {7: {"worked_days": 1}}
    said = told(one_rule(read, "x.max < 1"), listed("person", people, "2026-03-20T03:00")).sentence
    assert "1 day (less than 1 day needed)" in said["en"]
    people[8] = {"worked_days": 2}
    said = told(one_rule(read, "x.max < 1"), listed("person", people, "2026-03-20T03:00")).sentence
    assert "2 days (less than 1 day needed)" in said["en"]


def test_how_often_it_fell_short_stands_first_and_the_worst_once() -> None:
    read = "{slots: answer_rate, over: 7d, every: 24h, step: 1h, meets: limit, by: queue}"
    more = 'limits: {unit: "%", L1: 95}'
    said = told(one_rule(read, "x.worst >= limit && x.bad == 0", more=more), calls(1000, 912)).sentence
    assert said["en"].startswith(
        "A rule: not satisfied at L1: spans of any 24 hours by queue over 7 days with Staffed answer rate beyond the "
        "limit: 145 of 145 (none allowed), worst: 91.2 % against a limit of 95 % on 2026-03-"
    )
    assert "：145/145（不允许出现），最差：91.2 %（限值 95 %），2026-03-" in said["zh"]
    alone = told(one_rule(read, "x.worst >= limit", more=more), calls(1000, 912)).sentence["en"]
    assert (alone.count("91.2 %"), "worst: 2026-03-" in alone) == (1, True)
