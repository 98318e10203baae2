from dataclasses import replace
from datetime import date

import pytest

from ccmm_rules.model import Pack
from ccmm_rules.versions import Stage, in_force, stage_of
from tests.unit.rules.examples import example_pack


def version(name: str, since: str, until: str = "", replaces: tuple[str, ...] = ()) -> Pack:
    pack = replace(example_pack(), version=name, effective_from=since)
    return replace(pack, effective_until=until, replaces=replaces)


OLD = version("1", "2026-01-01")
NEW = version("2", "2026-07-01", replaces=("1",))
KEPT = version("1", "2026-01-01", until="2026-09-30")


@pytest.mark.parametrize(
    ("day", "chosen"),
    [("2025-12-31", None), ("2026-01-01", "1"), ("2026-06-30", "1"), ("2026-07-01", "2"), ("2030-01-01", "2")],
)
def test_the_newer_version_takes_over_on_its_first_day(day: str, chosen: str | None) -> None:
    for versions in ((OLD, NEW), (NEW, OLD), (KEPT, NEW)):
        found = in_force(versions, date.fromisoformat(day))
        assert (found.version if found is not None else None) == chosen


@pytest.mark.parametrize(
    ("day", "stage"),
    [
        ("2025-12-31", Stage.COMING),
        ("2026-06-30", Stage.IN_FORCE),
        ("2026-07-01", Stage.TRANSITION),
        ("2026-09-30", Stage.TRANSITION),
        ("2026-10-01", Stage.ENDED),
    ],
)
def test_a_replaced_version_is_accepted_until_its_own_last_day(day: str, stage: Stage) -> None:
    assert stage_of(KEPT, (KEPT, NEW), date.fromisoformat(day)) == stage


def test_a_replaced_version_without_a_last_day_ends_at_once() -> None:
    assert stage_of(OLD, (OLD, NEW), date(2026, 7, 1)) == Stage.ENDED


def test_a_version_that_is_over_replaces_nothing_any_more() -> None:
    trial = version("2", "2026-07-01", until="2026-07-31", replaces=("1",))
    found = in_force((OLD, trial), date(2026, 8, 1))
    assert found is not None
    assert found.version == "1"


def test_two_versions_that_do_not_know_of_each_other_the_later_one_judges() -> None:
    other = replace(NEW, replaces=())
    found = in_force((other, OLD), date(2026, 8, 1))
    assert found is not None
    assert found.version == "2"
    assert stage_of(OLD, (replace(NEW, id="another"),), date(2026, 8, 1)) == Stage.IN_FORCE


def test_a_pack_with_a_last_day_judges_nothing_after_it() -> None:
    assert in_force((KEPT,), date(2026, 9, 30)) is KEPT
    assert in_force((KEPT,), date(2026, 10, 1)) is None
