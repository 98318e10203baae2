"""What `rules explain` says: words as their kind has them, and all that joins, groups and counts."""

import re

import pytest

from ccmm_rules.explaining import explain
from ccmm_rules.load import BUILT_IN, load_pack
from ccmm_rules.naming import part_title
from tests.unit.rules.examples import one_rule

CHINESE = {  # by rule: what its explanation says, and what it must not say
    "D-ENV-08": ("方向为进", "呼入"),
    "D-ENV-02": ("非方向为出", "呼出"),
    "E-HRM-11": ("答复用时", "接听"),
    "O-USC-06": ("已答复", "接听"),
    "M-DAT-03": ("须录音", "要求且"),
    "D-IMP-04": ("申报收益大于 0", "声明时间"),
    "M-RES-01": ("变动属性为新增条目、删除条目、编号、指标、登记表之一", "metrics"),
    "D-CUL-03": ("（随机抽取）", "random"),
}


@pytest.mark.parametrize("rule", CHINESE)
def test_a_word_is_the_one_of_its_kind(rule: str) -> None:
    said, unsaid = CHINESE[rule]
    lines = explain(load_pack(BUILT_IN / "cc_cmm").rules[rule])["zh"].split("\n")
    asked = "".join(line for line in lines if line.startswith("  - "))
    assert (said in asked, unsaid in asked) == (True, False)


@pytest.mark.parametrize(
    "pack", sorted(folder.name for folder in BUILT_IN.iterdir() if (folder / "pack.yaml").exists())
)
def test_no_part_of_a_measure_is_told_in_english_where_chinese_is_wanted(pack: str) -> None:
    for rule in load_pack(BUILT_IN / pack).rules.values():
        for read in rule.reads:
            for dimension, word in getattr(read.spec, "where", ()):
                told = part_title(dimension, word, "zh")
                assert not re.search("[a-z]", told), (rule.id, told)


PAIRS = [
    (
        "D-SEC-10",
        "over 30 days with door passages (result is open, start after left of people)",
        "近 30 天有对应门禁通行（结果为打开，开始晚于人员的离职）的人员（离职距今不超过 90 天）数",
    ),
    (
        "D-SEC-06",
        "with another of the same person and system at the same time (place other than place of the first)",
        "近 30 天有对应另一条人员、系统相同且时间重叠的记录（地点不等于前者的地点）的会话数",
    ),
    ("E-PRO-03", "months by process over 3 months with Process steps done as written", "各流程的月数"),
]


@pytest.mark.parametrize(("rule", "en", "zh"), PAIRS)
def test_what_makes_a_pair_is_told_in_what_is_asked(rule: str, en: str, zh: str) -> None:
    told = explain(load_pack(BUILT_IN / "cc_cmm").rules[rule])
    assert f"{en}]" in told["en"]
    assert f"{zh}]" in told["zh"]


READS = [
    ("D-ENV-08", "same person, at most 12 hours before", "人员相同，此前 12 小时以内"),
    ("O-DSC-09", "same customer, same topic, 1 hour to 7 days after", "此后 1 小时至 7 天"),
    ("M-KPI-09", "same number, 10 seconds to 10 minutes after", "号码相同，此后 10 秒至 10 分钟"),
    ("E-OPS-06", "same number, at most 1 hour before", "此前 1 小时以内"),
    ("E-OPS-06", "judged from 30 cases on", "样本不少于 30"),
    ("E-PRO-03", "each expected: “Key processes”", "应有：“关键流程”"),
    ("D-SEC-02", "by class · each expected: owner, deputy", "按类别 · 应有：负责人、副职"),
]


@pytest.mark.parametrize(("rule", "en", "zh"), READS)
def test_an_explanation_says_how_rows_are_joined_grouped_and_counted(rule: str, en: str, zh: str) -> None:
    told = explain(load_pack(BUILT_IN / "cc_cmm").rules[rule])
    assert (en in told["en"], zh in told["zh"]) == (True, True)


@pytest.mark.parametrize(
    ("joined", "en", "zh"),
    [
        ("time: [-5m, 5m]", "at most 5 minutes before or after", "前后 5 分钟以内"),
        ("time: [0h, 2h]", "at most 2 hours after", "此后 2 小时以内"),
        ("time: [-2h, -1h]", "1 hour to 2 hours before", "此前 1 小时至 2 小时"),
        ("time: [-2h, 1d]", "from 2 hours before to 24 hours after", "此前 2 小时至此后 24 小时"),
        ("overlap: 0m", "at the same time", "时间重叠"),
        ("overlap: 5m", "at the same time, or at most 5 minutes apart", "时间重叠（或相隔不超过 5 分钟）"),
        ("inside: 0m", "under way when it begins", "在其开始时正在进行"),
        ("inside: 30s", "under way when it begins, 30 seconds either way", "在其开始时正在进行（前后各放宽 30 秒）"),
    ],
)
def test_how_far_apart_two_may_be_is_told(joined: str, en: str, zh: str) -> None:
    read = f"{{match: {{occurrences: call}}, with: {{occurrences: recording, {joined}}}, over: 30d}}"
    told = explain(one_rule(read, "x.both >= 1").rules["D-SEC-01"])
    assert f"calls over 30 days, each with recordings ({en})" in told["en"]
    assert f"近 30 天通话，逐一对应录音（{zh}）" in told["zh"]


@pytest.mark.parametrize(
    ("test", "en", "zh"),
    [
        ("exception_until_days >= -90", "end of the exception at most 90 days ahead", "距例外到期不超过 90 天"),
        ("exception_until_days < -1", "end of the exception more than 1 day ahead", "距例外到期大于 1 天"),
        ("last_login_hours > 1", "last login more than 1 hour ago", "最近登录距今大于 1 小时"),
        ("last_login_days > 2", "last login more than 2 days ago", "最近登录距今大于 2 天"),
    ],
)
def test_what_lies_ahead_and_what_is_one_are_told_as_people_do(test: str, en: str, zh: str) -> None:
    rule = one_rule(f'{{inventory: account, bad: "{test}"}}', "x.bad == 0").rules["D-SEC-01"]
    told = explain(rule)
    assert f"[accounts where {en}] exactly 0" in told["en"]
    assert f"[账号中{zh}者的数量]等于 0" in told["zh"]
