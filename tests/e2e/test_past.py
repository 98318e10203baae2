"""What was shown at a past instant is shown again, byte for byte; a long silence ends in `missing`, not in old news."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ccmm_collector.log import EvidenceLog
from ccmm_collector.main import build
from ccmm_collector.packs import activate_pack
from ccmm_collector.verdict_store import Current, VerdictStore
from tests.e2e.product import PAPERS, House, command, eventually
from tests.unit.collector.worlds import pack_folder

PAPER = """+++
class = "emergency_plan"
title = "{title}"
owner = "quality"
version = "2.1"
approved = {approved}
reviewed = {approved}
live = true
+++
"""
RULE = """
id: D-SEC-90
heading: D6_security
level: 1
gate: true
title: {en: Papers have a version, zh: 文件有版本号}
fresh_for: 2h
reads:
  papers: {documents: any, of: "live", good: "version != ''"}
require: papers.share >= 100.0
remedy: {en: Give them one., zh: 补齐版本号。}
given: {papers: {share: 100.0}}
cases:
  - {outcome: satisfied}
  - {papers: {share: 99.9}, outcome: not_satisfied}
  - {papers: missing, outcome: missing}
  - {papers: unsure, outcome: inconclusive}
"""
AHEAD = """
import time

seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() + {hours} * 3600
time.time_ns = lambda: nanoseconds() + {hours} * 3600 * 10**9
"""
NIGHT_H = 12


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, sources=PAPERS.replace('"1s"', '"2s"'))
    house.set_up()
    command("ccmm-collector", "scope", house.collector_folder, "north", "zone=UTC")
    write(house, "plan", datetime.now(UTC).year)
    yield house
    house.stop()


def write(house: House, name: str, year: int) -> None:
    (house.place / "papers" / f"{name}.md").write_text(PAPER.format(title=name, approved=f"{year}-01-01"), "utf-8")


def shown(house: House, *options: str) -> str:
    """What the installed program prints."""
    return command("ccmm-collector", "verdicts", house.collector_folder, "north", *options, "--json")


def asked(house: House, *options: str) -> str:
    """The same without starting a program for it."""
    done = CliRunner().invoke(build(), ["verdicts", str(house.collector_folder), "north", *options, "--json"])
    assert done.exit_code == 0, done.output
    return done.stdout


def papers_rule(answer: str, rule: str = "D-SYS-03") -> dict[str, Any]:
    return next(verdict for verdict in json.loads(answer)["verdicts"] if verdict["rule"] == rule)


def wait_for(house: House, outcome: str, rule: str = "D-SYS-03") -> str:
    """All verdicts and the level, as shown once the rule has this outcome; they name their instant."""
    store = VerdictStore.open(house.collector_folder, readonly=True)
    try:
        eventually(outcome, lambda: outcome in [outcome_of(held) for held in store.all_current() if held.rule == rule])
    finally:
        store.close()
    found = shown(house)
    assert papers_rule(found, rule)["outcome"] == outcome
    return found


def outcome_of(held: Current) -> str:
    return str(json.loads(held.verdict)["outcome"])


def check_still_shown(house: House, then: list[str]) -> None:
    for number, text in enumerate(then):
        assert asked(house, "--at", json.loads(text)["at"]) == text, number


def rebuilt(house: House) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(command("ccmm-collector", "rebuild", house.collector_folder, "--json"))
    return report


def test_what_was_shown_then_is_shown_again_after_more_evidence_and_after_rebuild(house: House) -> None:
    then = [wait_for(house, "missing")]
    house.agent.start()
    then.append(wait_for(house, "satisfied"))
    write(house, "old", 2020)
    then.append(wait_for(house, "not_satisfied"))
    command("ccmm-collector", "scope", house.collector_folder, "north", 'retired_sources=["agent-1/papers"]')
    then.append(wait_for(house, "missing"))
    check_still_shown(house, then)
    first = json.loads(then[1])["at"]
    assert shown(house, "--at", first) == then[1]

    beside = rebuilt(house)  # beside the running judge: compared, not put in place
    assert (beside["equal"], beside["swapped"], beside["differences"]) == (True, False, [])
    house.stop()
    report = rebuilt(house)
    assert (report["equal"], report["swapped"], report["differences"]) == (True, True, [])
    assert (report["verdicts"], report["entries"]) == (
        len(json.loads(then[0])["verdicts"]),
        len(EvidenceLog.open(house.collector_folder).entries(-1, 10**6)),
    )
    check_still_shown(house, then)


def test_what_came_late_is_known_only_when_asked_with_later_knowledge(house: House) -> None:
    house.collector.stop()
    house.agent.start()
    eventually("statements wait", lambda: (house.agent_folder / "spool.sqlite").is_file() and house.unsent() >= 3)
    before = datetime.now(UTC).isoformat()
    house.collector.start()
    house.wait_ready()
    wait_for(house, "satisfied")
    later = datetime.now(UTC).isoformat()
    eventually("later is past", lambda: datetime.now(UTC).isoformat() > later)
    then = asked(house, "--at", before)
    assert (papers_rule(then)["outcome"], papers_rule(then)["reason"]) == ("missing", "never")
    assert asked(house, "--at", before, "--known-at", before) == then
    known = shown(house, "--at", before, "--known-at", later)
    assert (papers_rule(known)["outcome"], papers_rule(known)["since"]) == ("satisfied", None)
    assert json.loads(known)["at"] == json.loads(then)["at"]


def test_a_collector_that_was_down_overnight_comes_back_with_missing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EvidenceLog.open(house.collector_folder) as log:
        pack = activate_pack(house.collector_folder, log, pack_folder(tmp_path / "short", RULE))
    house.agent.start()
    evening = wait_for(house, "satisfied", "D-SEC-90")
    expires_ms = int(papers_rule(evening, "D-SEC-90")["valid_until_ms"])
    house.agent.stop()
    house.collector.kill()
    ahead = tmp_path / "ahead"
    ahead.mkdir()
    (ahead / "sitecustomize.py").write_text(AHEAD.format(hours=NIGHT_H), "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ahead), prepend=os.pathsep)

    house.collector.start()
    morning = shown(house)  # at once, whether the collector is up yet or not
    found = papers_rule(morning, "D-SEC-90")
    assert (found["outcome"], found["reason"], found["seen"]) == ("missing", "stale", {})
    store = VerdictStore.open(house.collector_folder, readonly=True)
    eventually(
        "the judge itself says so", lambda: store.verdicts("north", pack.digest)["D-SEC-90"].outcome == "missing"
    )
    outcomes = [(row[4], row[1]) for row in store.history("north") if row[0] == "D-SEC-90"]
    store.close()
    assert [outcome for outcome, _ in outcomes][-2:] == ["satisfied", "missing"]
    assert expires_ms < outcomes[-1][1] < expires_ms + 60_000  # when it ran out, not when somebody looked
    assert shown(house, "--at", json.loads(evening)["at"]) == evening
