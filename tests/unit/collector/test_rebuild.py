import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector.judge import only_judge
from ccmm_collector.projection import FILE
from ccmm_collector.rebuild import FRESH, Report, rebuild
from ccmm_proto.errors import BadConfig
from tests.unit.collector.chapters import Agent, answer, append, hour, offered
from tests.unit.collector.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    other = Agent()
    for number in range(1, 4):
        made.tell(hour(number), 0.0, float(number))
        append(made.log, other.run((hour(number - 1), hour(number)), [offered(hour(number - 1), number)]))
    answer(made.log, "seats", "12", center="south")
    made.settle(hour(3) + 5000)
    yield made
    made.log.close()


def run(world: World) -> Report:
    return rebuild(world.folder, lambda what, done, of: None)


def alter(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


def test_what_is_made_anew_from_the_log_is_equal_and_takes_the_old_ones_place(world: World) -> None:
    before = world.ask(hour(3) + 6000)
    report = run(world)
    assert (report.differences, report.swapped, report.entries) == ([], True, 9)
    assert report.verdicts == 2  # one rule, two centers
    assert report.tables["measure"][0] == 3
    assert not list(world.folder.glob(FRESH + "*"))
    assert world.ask(hour(3) + 6000) == before
    world.settle(hour(9))
    assert run(world).differences == []


def test_beside_a_running_judge_it_compares_and_swaps_nothing(world: World) -> None:
    with only_judge(world.folder, wait=False) as mine:
        assert mine
        report = run(world)
    assert (report.differences, report.swapped) == ([], False)


def test_a_projection_that_is_gone_is_made_again(world: World) -> None:
    for path in world.folder.glob(FILE + "*"):
        path.unlink()
    assert run(world).swapped
    assert world.ask(hour(3) + 6000)["verdicts"][0]["outcome"] == "not_satisfied"


def test_an_altered_row_is_told_and_nothing_is_swapped(world: World) -> None:
    alter(world.folder / FILE, "UPDATE measure SET count = 99 WHERE count = 2")
    report = run(world)
    assert not report.swapped
    (difference,) = report.differences
    assert difference.startswith("measure: 3 rows held, 3 from the log; first: held ")
    assert " 99, " in difference


def test_a_row_too_many_is_told(world: World) -> None:
    alter(
        world.folder / FILE,
        "INSERT INTO answer VALUES ('north', 'gov_hotline', 1, 'false', NULL)",
    )
    assert [difference.split(":")[0] for difference in run(world).differences] == ["answer"]


def test_an_altered_verdict_is_told(world: World) -> None:
    alter(
        world.folder / "verdicts.sqlite",
        "UPDATE current SET verdict = replace(verdict, 'not_satisfied', 'satisfied') WHERE center = 'north'",
    )
    (difference,) = run(world).differences
    assert difference.startswith("north D-SEC-90: held ")


def test_a_pack_whose_files_were_altered_is_refused(world: World) -> None:
    (rule,) = world.folder.glob("packs/*/D6/*.yaml")
    rule.write_text(rule.read_text(encoding="utf-8").replace("1.0", "9.0"), encoding="utf-8")
    with pytest.raises(BadConfig, match="not the pack of this digest"):
        run(world)
