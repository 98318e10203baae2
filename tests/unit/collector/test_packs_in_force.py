"""What becomes of centers when another pack comes into force, and packs that rest on others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector.judging import Judge
from ccmm_collector.pack_signing import sign_pack
from ccmm_collector.packs import Packs, activate_pack, load
from ccmm_collector.rebuild import rebuild
from ccmm_proto.errors import BadConfig
from tests.unit.collector.chapters import Agent, append, hour
from tests.unit.collector.pack_worlds import OUR_KEY, configure, newer, told_world
from tests.unit.collector.test_judge_commands import document, run
from tests.unit.collector.worlds import World, pack_folder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with told_world(tmp_path) as made:
        yield made


def many(world: World, count: int) -> list[str]:
    names = [f"c{number:02}" for number in range(count)]
    for name in names:
        append(world.log, Agent(name="it", center=name).run((hour(0), hour(1)), source="s", feeds=("setting",)))
    world.settle(world.clock.now)
    return names


def test_a_pack_of_a_later_date_comes_into_force_then(world: World, tmp_path: Path) -> None:
    folder = newer(tmp_path, effective="2026-01-03")
    pack = load(folder)
    starts_ms = hour(48)
    activate_pack(world.folder, world.log, folder, starts_ms=starts_ms)
    for number in range(2, 50):
        world.tell(hour(number), 5.0)
    world.settle(hour(49) + 5000)
    assert world.outcome(starts_ms - 1) == "not_satisfied"
    assert world.outcome(starts_ms) == "satisfied"
    assert world.history()[-1] == (starts_ms, "satisfied")
    judge = Judge(world.folder, world.log)
    assert judge.store.standings()["north"][1] == pack.digest
    judge.close()
    assert rebuild(world.folder, lambda *_: None).differences == []


def test_a_date_that_has_come_while_nobody_judged_is_judged_at_its_own_instant(world: World, tmp_path: Path) -> None:
    starts_ms = hour(2)
    activate_pack(world.folder, world.log, newer(tmp_path), starts_ms=starts_ms)
    world.settle(hour(1) + 6000)
    world.settle(hour(20))
    assert world.history()[1:] == [(starts_ms, "satisfied"), (hour(3) + 1, "missing")]


def test_old_verdicts_stand_until_a_centers_turn_has_come_also_over_a_crash(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [*many(world, 12), "north"]
    world.clock.now += 1000
    pack = activate_pack(world.folder, world.log, newer(tmp_path))
    monkeypatch.setattr("ccmm_collector.judging.BATCH_SECONDS", 0.0)
    world.clock.now += 1000
    judge = Judge(world.folder, world.log)
    before = {name: judge.store.standing(name) for name in names}
    judge.project()
    for done in range(1, 6):
        assert judge.expire(world.clock.now + 10_000)
        standings = judge.store.standings()
        assert sum(1 for _, digest in standings.values() if digest == pack.digest) == done
        for name in names:
            if standings[name][1] != pack.digest:
                assert judge.store.standing(name) == before[name]
                assert judge.store.verdicts(name, standings[name][1])
    judge.close()  # as a crash would: nothing is kept but the stores

    later = Judge(world.folder, world.log)
    assert len(later._transition.left(world.clock.now + 10_000)) == len(names) - 5
    later.settle(world.clock.now + 10_000)
    assert {digest for _, digest in later.store.standings().values()} == {pack.digest}
    assert not later.expire(world.clock.now + 10_000)
    later.close()
    assert rebuild(world.folder, lambda *_: None).differences == []


def test_a_judgement_that_breaks_off_leaves_the_older_one_whole(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate_pack(world.folder, world.log, newer(tmp_path))
    judge = Judge(world.folder, world.log)
    held = list(judge.store.all_current())

    class Broken(RuntimeError):
        pass

    def breaks(*_: object) -> None:
        raise Broken

    monkeypatch.setattr("ccmm_collector.verdict_store._turn", breaks)
    judge.project()
    with pytest.raises(Broken):
        judge._pass_time("north", hour(3))
    assert list(judge.store.all_current()) == held
    judge.close()


def test_operators_read_how_far_judging_by_another_pack_is(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    many(world, 3)
    activate_pack(world.folder, world.log, newer(tmp_path))
    with caplog.at_level("INFO"):
        world.settle(world.clock.now + 10_000)
    told = [line for line in caplog.records if "re-judg" in line.message]
    assert told[-1].message == "every center is re-judged"
    assert (told[-1].__dict__["done"], told[-1].__dict__["of"]) == (4, 4)


STARS = """
id: stars
version: "1"
effective_from: "2026-01-01"
title: {{en: Stars, zh: 星级}}
uses: [{{pack: tiny, digest: "{}"}}]
scoring:
  model: points_to_stars
  items_total: 2
  bands:
    - {{label: five, min: 85, title: {{en: five stars, zh: 五星级}}}}
    - {{label: fail, min: 0, title: {{en: not passed, zh: 未通过}}}}
"""
CONTROLS = """
controls:
  - {id: c1, title: {en: Settings, zh: 设置}, rules: [D-SEC-90]}
  - {id: c2, title: {en: More, zh: 更多}, unpublished: true}
"""


def star_pack(tmp_path: Path) -> Path:
    used = pack_folder(tmp_path / "tiny")
    folder = tmp_path / "stars"
    folder.mkdir()
    (folder / "pack.yaml").write_text(STARS.format(load(used).digest), encoding="utf-8")
    (folder / "controls.yaml").write_text(CONTROLS, encoding="utf-8")
    return folder


def test_a_pack_that_uses_another_is_kept_with_it(world: World, tmp_path: Path) -> None:
    folder = star_pack(tmp_path)
    pack = activate_pack(world.folder, world.log, folder)
    shutil.rmtree(tmp_path / "tiny")
    (use,) = pack.uses
    alone = Packs(world.folder)
    assert alone.of_digest(pack.digest).rules.keys() == {"D-SEC-90"}
    kept = world.folder / "packs" / use.digest
    assert alone.folder_of(folder, "tiny", use.digest) == kept
    (kept / "D6" / "D-SEC-90.yaml").unlink()
    with pytest.raises(BadConfig, match="these files are not the pack of this digest"):
        Packs(world.folder).of_digest(pack.digest)


def test_a_kept_pack_is_verified_with_the_packs_kept_beside_it(world: World, tmp_path: Path) -> None:
    folder = star_pack(tmp_path)
    sign_pack(folder, load(folder), OUR_KEY)
    digest = activate_pack(world.folder, world.log, folder).digest
    shutil.rmtree(tmp_path / "tiny")
    assert document("rules", "verify", world.folder / "packs" / digest)["digest"] == digest


def test_a_pack_of_another_scoring_model_judges_beside_the_one_in_force(world: World, tmp_path: Path) -> None:
    configure(world, allow_unsigned=True)
    asked = ("north", "--at", "2026-01-01T01:00:06Z", "--pack", star_pack(tmp_path))
    found = document("level", world.folder, *asked)
    assert (found["model"], found["level"], found["standing"]) == ("points_to_stars", None, "fail")
    told = run("level", world.folder, *asked).stdout
    assert told.splitlines()[1] == f"north: {found['sentence']['en']}"
    assert "None" not in told
    assert found["sentence"]["zh"] in run("level", world.folder, *asked, "--lang", "zh").stdout
    assert found["sentence"]["en"] in run("centers", world.folder, *asked[1:]).stdout
    assert document("level", world.folder, *asked[:3])["model"] == "cumulative_levels"
