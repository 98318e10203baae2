import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ccmm_collector import judge_commands
from ccmm_collector.judge_tables import WORDS
from ccmm_proto.errors import BadConfig, CcmmError
from tests.unit.collector.chapters import hour
from tests.unit.collector.worlds import RULE, World

AT = "2026-01-01T03:00:06Z"  # hour(3) + 6 s


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    for number in range(1, 4):
        made.tell(hour(number), 0.0)
        made.settle(hour(number) + 5000)
    yield made
    made.log.close()


def run(*words: object) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    judge_commands.register(app)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, CcmmError):
        raise result.exception
    return result


def document(*words: object) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_verdicts_at_an_instant_as_json(world: World) -> None:
    found = document("verdicts", world.folder, "north", "--at", AT)
    (verdict,) = found["verdicts"]
    assert (found["center"], found["at"], found["pack"]["id"]) == ("north", "2026-01-01T03:00:06.000+00:00", "tiny")
    assert (verdict["rule"], verdict["outcome"], verdict["seen"]) == (
        "D-SEC-90",
        "satisfied",
        {"bad.bad": 0, "bad.n": 1, "bad.share": 0.0},
    )
    assert verdict["valid_until"] == "2026-01-01T05:00:00.000+00:00"
    assert verdict["since"] == "2026-01-01T01:00:01.000+00:00"
    assert set(verdict["sentence"]) == set(verdict["title"]) == {"en", "zh"}
    assert found["level"]["level"] == 5


def test_the_same_question_gets_the_same_answer_later(world: World) -> None:
    asked = ("verdicts", world.folder, "north", "--at", AT)
    before = run(*asked, "--json").stdout
    world.tell(hour(4), 9.0)
    world.settle(hour(5))
    assert run(*asked, "--json").stdout == before
    assert document("verdicts", world.folder, "north", "--at", "2026-01-01T05:00Z")["verdicts"][0]["outcome"] == (
        "not_satisfied"
    )


def test_without_a_time_the_answer_is_for_now(world: World) -> None:
    assert document("verdicts", world.folder, "north")["verdicts"][0]["outcome"] == "missing"
    (line,) = document("centers", world.folder)["centers"]
    assert (line["center"], line["level"], line["coverage"]) == ("north", 0, 0.0)
    assert line["last_seen"] == "2026-01-01T03:00:01.000+00:00"


def test_centers_at_a_past_instant(world: World) -> None:
    (line,) = document("centers", world.folder, "--at", AT)["centers"]
    assert (line["level"], line["provisional"], line["fresh_s"]) == (5, False, 6)


def test_level_says_what_holds_it_down(world: World) -> None:
    found = document("level", world.folder, "north")
    assert found["level"] == 0
    assert [gap["rule"] for gap in found["next_level_gaps"]] == ["D-SEC-90"]
    text = run("level", world.folder, "north", "--lang", "zh").stdout
    assert "受限于：门槛规则 D-SEC-90 交换机设置安全：缺少证据" in text
    assert "\nnorth：未达级\n" in text
    assert "修正设置。" in text
    text = run("level", world.folder, "north").stdout
    assert "\nnorth: no level\n  1 rule from L1\n" in text
    assert "held down by: share of rules satisfied: 0 %, at least 90 % needed" in text


def test_tables_are_plain_lines_where_the_output_is_piped(world: World) -> None:
    about, head, line, counted, level, _ = run(
        "verdicts", world.folder, "north", "--at", AT, "--all"
    ).stdout.splitlines()
    assert re.fullmatch(r"by tiny 1 \([0-9a-f]{12}\), coverage 100 %; our own interpretation, .+", about)
    assert head.split("\t")[:3] == ["rule", "title", "outcome"]
    assert line.split("\t")[:4] == ["D-SEC-90", "Every switch setting is safe", "satisfied", "L5"]
    assert (counted, level) == ("1 rule: 1 satisfied", "north: level L5")
    assert "满足" in run("verdicts", world.folder, "north", "--at", AT, "--lang", "zh").stdout
    told = run("centers", world.folder, "--at", AT).stdout
    assert told.splitlines()[1].startswith("north\tL5\t100 %\tnone\t0 min\t")


def test_rules_that_are_met_are_counted_and_shown_only_when_asked_for(world: World) -> None:
    _, head, *below = run("verdicts", world.folder, "north", "--at", AT).stdout.splitlines()
    assert head.startswith("rule\ttitle")
    assert below[:2] == ["1 rule: 1 satisfied", "only open rules are shown; --all shows every one"]
    shown = run("verdicts", world.folder, "north").stdout
    assert "D-SEC-90\tEvery switch setting is safe\tmissing" in shown
    assert "--all" not in shown


def test_centers_and_answers_are_told_in_chinese(world: World) -> None:
    run("scope", world.folder, "north", "seats=12", "--until", "2026-01-02T00:00Z")
    head, north = run("centers", world.folder, "--at", AT, "--lang", "zh").stdout.splitlines()[:2]
    assert head.split("\t")[:3] == ["中心", "等级", "覆盖率"]
    assert north.startswith("north\tL5")
    assert "分钟" in north
    assert run("centers", world.folder, "--at", "2026-01-01T00:00:00Z", "--lang", "zh").exit_code == 0
    answers = run("scope", world.folder, "north", "--lang", "zh").stdout
    assert answers.splitlines()[0] == "问题\t答复\t有效至"
    assert run("centers", world.folder, "--lang", "de").exit_code == 2
    assert WORDS["en"].keys() == WORDS["zh"].keys()


def test_scope_answers_become_acts_and_are_listed(world: World) -> None:
    found = document("scope", world.folder, "north", "seats=12", "queues=a,b", "--until", "2030-01-01T00:00+08:00")
    answers = {line["key"]: line for line in found["answers"]}
    assert (answers["seats"]["value"], answers["queues"]["value"]) == (12, ["a", "b"])
    assert (answers["seats"]["until"], answers["seats"]["in_force"]) == ("2029-12-31T16:00:00+00:00", True)
    assert {"zone", "seats"} <= answers.keys()
    assert {line["key"] for line in document("scope", world.folder, "north", "seats=")["answers"]} == {"zone", "queues"}


def test_a_name_that_nobody_knew_is_said_to_be_a_new_center(world: World) -> None:
    assert "new center" not in run("scope", world.folder, "north", "seats=12").stderr
    told = run("scope", world.folder, "norht", "seats=12").stderr
    assert "norht is a new center" in told
    assert "Known: north" in told
    assert "new center" not in run("scope", world.folder, "norht", "seats=").stderr
    assert "是新中心" in run("scope", world.folder, "nroth", "seats=12", "--lang", "zh").stderr


def test_a_center_that_no_certificate_could_name_gets_no_answer(world: World) -> None:
    before = world.log.size()
    with pytest.raises(BadConfig, match="letters, digits"):
        run("scope", world.folder, "no/rth", "seats=12")
    assert world.log.size() == before


def test_a_copy_without_keys_can_be_asked_and_rebuilt(world: World) -> None:
    before = document("verdicts", world.folder, "north", "--at", AT)
    shutil.rmtree(world.folder / "keys")
    assert document("verdicts", world.folder, "north", "--at", AT) == before
    assert document("centers", world.folder)["centers"][0]["center"] == "north"
    assert document("rebuild", world.folder)["equal"]


def test_a_wrong_answer_changes_nothing(world: World) -> None:
    size = world.log.size()
    with pytest.raises(BadConfig, match="no such time zone"):
        run("scope", world.folder, "north", "seats=12", "zone=Mars/Olympus")
    assert world.log.size() == size


def test_a_limit_is_tightened_only_where_the_rule_in_force_has_one(tmp_path: Path) -> None:
    rule = RULE.replace("bad.bad == 0", "bad.bad <= limit").replace("reads:", "limits: {unit: count, L1: 2}\nreads:")
    world = World(tmp_path, rule.replace("{bad: {bad: 1}, outcome", "{bad: {bad: 3}, outcome"))
    world.tell(hour(1), 5.0)
    world.settle(hour(1) + 5000)
    with pytest.raises(BadConfig, match="a stricter limit is expected"):
        run("scope", world.folder, "north", "limit.D-SEC-90=3")
    with pytest.raises(BadConfig, match="no rule 'D-SEC-91'"):
        run("scope", world.folder, "north", "limit.D-SEC-91=0")
    assert [verdict["limits"] for verdict in document("verdicts", world.folder, "north")["verdicts"]] == [
        {"limit": 2.0}
    ]
    document("scope", world.folder, "north", "limit.D-SEC-90=0")
    (verdict,) = document("verdicts", world.folder, "north")["verdicts"]
    assert verdict["limits"] == {"limit": 0.0}
    world.log.close()


def test_wrong_words_are_usage_errors(world: World) -> None:
    assert run("verdicts", world.folder, "north", "--at", "yesterday").exit_code == 2
    assert run("verdicts", world.folder, "north", "--at", "2026-01-01T03:00").exit_code == 2
    assert run("scope", world.folder, "north", "seats").exit_code == 2
    assert run("level", world.folder, "north", "--lang", "fr").exit_code == 2


def test_an_instant_that_lies_ahead_is_refused(world: World) -> None:
    with pytest.raises(BadConfig, match="lies ahead"):
        run("verdicts", world.folder, "north", "--at", "2999-01-01T00:00Z")
    with pytest.raises(BadConfig, match="lies ahead"):
        run("level", world.folder, "north", "--at", AT, "--known-at", "2999-01-01T00:00Z")


def test_an_unknown_center_is_refused_with_those_that_are_known(world: World) -> None:
    with pytest.raises(BadConfig, match="known: north"):
        run("verdicts", world.folder, "nroth")


def test_another_pack_may_be_asked_without_being_in_force(world: World) -> None:
    found = document("verdicts", world.folder, "north", "--at", AT, "--pack", "cc_cmm")
    assert found["pack"]["id"] == "cc_cmm"
    assert len(found["verdicts"]) >= 25
    assert {verdict["since"] for verdict in found["verdicts"]} == {None}
    digest = document("verdicts", world.folder, "north", "--at", AT)["pack"]["digest"]
    assert document("level", world.folder, "north", "--at", AT, "--pack", digest[:12])["pack"]["digest"] == digest
    with pytest.raises(BadConfig, match="no rule pack"):
        run("level", world.folder, "north", "--pack", "../../etc")


def test_rebuild_says_that_all_is_equal(world: World) -> None:
    assert document("rebuild", world.folder)["equal"] is True
    assert run("rebuild", world.folder).stdout.splitlines()[-1] == "all equal; the new projection is in place"


def test_rules_are_checked_tested_and_explained(world: World, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    assert document("rules", "check", pack)["rules"] == 1
    assert document("rules", "test", pack) == {"cases": 4, "scenarios": 0, "failures": []}
    explained = document("rules", "explain", "D-SEC-90", pack)
    (fed,) = explained["reads"][0]["feeds"]
    assert (explained["level"], fed["feed"], fed["ways"][0]) == (1, "setting", {"by": "plugin", "name": "asterisk_ami"})
    told = run("rules", "explain", "D-SEC-90", pack).stdout
    assert told.splitlines()[:2] == ["D-SEC-90  Every switch setting is safe", "Security"]
    assert "Mend the settings." in told
    told = run("rules", "explain", "D-SEC-90", pack, "--lang", "zh").stdout
    assert told.splitlines()[:2] == ["D-SEC-90  交换机设置安全", "安全"]
    assert "修正设置。" in told


def test_a_misspelt_rule_or_pack_is_refused_with_what_is_near(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"no rule 'd-sec-9' in cc_cmm; near: .*D-SEC-09"):
        run("rules", "explain", "d-sec-9")
    with pytest.raises(BadConfig, match=r"no rule 'lift' in cc_cmm$"):
        run("rules", "explain", "lift")
    with pytest.raises(BadConfig, match="built-in name is expected: cc_cmm, cccs_op, copc, emergency_security"):
        run("rules", "check", tmp_path / "nowhere")


def test_a_broken_pack_is_refused_with_its_place(world: World, tmp_path: Path) -> None:
    rule = tmp_path / "pack" / "D6" / "D-SEC-90.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("number > 1.0", "nunber > 1.0"), encoding="utf-8")
    with pytest.raises(BadConfig, match=r"D6/D-SEC-90.yaml:9:\d+"):
        run("rules", "check", tmp_path / "pack")
    with pytest.raises(BadConfig, match=r"D6/D-SEC-90.yaml:9:\d+"):
        run("level", world.folder, "north", "--pack", tmp_path / "pack")


def test_a_case_that_fails_is_told(world: World, tmp_path: Path) -> None:
    rule = tmp_path / "pack" / "D6" / "D-SEC-90.yaml"
    wrong = "{bad: {bad: 1}, outcome: satisfied}"
    text = rule.read_text(encoding="utf-8").replace("{bad: {bad: 1}, outcome: not_satisfied}", wrong)
    rule.write_text(text, encoding="utf-8")
    with pytest.raises(BadConfig, match="fail"):
        run("rules", "test", tmp_path / "pack")
