from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ccmm_collector.config import CONFIG_FILE, format_config, new_config
from ccmm_collector.keys import load_ed25519_key
from ccmm_proto.errors import BadConfig
from tests.unit.collector.chapters import hour
from tests.unit.collector.test_judge_commands import document, run
from tests.unit.collector.worlds import World

UNTIL = ("--until", "2199-01-01T00:00Z")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.tell(hour(1), 5.0)
    made.settle(hour(1) + 5000)
    lines = []
    for name in ("Li Wei", "王芳"):
        run("sign", "--new-key", tmp_path / f"{name}.key")
        public = load_ed25519_key(tmp_path / f"{name}.key").public_key().public_bytes_raw().hex()
        lines.append(f'"{name}" = "{public}"')
    text = format_config(new_config("collector", "localhost")).replace('# "Li Wei" = "..."', "\n".join(lines))
    (made.folder / CONFIG_FILE).write_text(text, encoding="utf-8")
    yield made
    made.log.close()


def soon() -> tuple[str, str]:
    """An end that a waiver may have, whatever the day is."""

    return "--until", (datetime.now(UTC) + timedelta(days=30)).isoformat()


def asked(world: World, *more: object) -> tuple[object, ...]:
    return ("waive", world.folder, "north", "D-SEC-90", *soon(), "--reason", "new door in May", *more)


def with_keys(tmp_path: Path, *names: str) -> list[object]:
    return [word for name in names for word in ("--approver-key", tmp_path / f"{name}.key")]


def waivers(world: World) -> Any:
    return document("waive", world.folder, "north")["waivers"]


def test_two_approvers_at_one_desk(world: World, tmp_path: Path) -> None:
    found = document(*asked(world, *with_keys(tmp_path, "Li Wei", "王芳")))
    assert found["approvers"] == ["Li Wei", "王芳"]
    (waiver,) = waivers(world)
    assert (waiver["rule"], waiver["in_force"], waiver["reason"]) == ("D-SEC-90", True, "new door in May")
    assert "Li Wei, 王芳" in run("waive", world.folder, "north").stdout
    assert run("waive", world.folder, "north", "--lang", "zh").stdout.startswith("规则\t自\t至\t批准人\t理由")


def test_two_approvers_at_two_desks_sign_one_request(world: World, tmp_path: Path) -> None:
    request = tmp_path / "request"
    assert run(*asked(world, "--request", request)).exit_code == 0
    signed = [tmp_path / "li.sig", tmp_path / "wang.sig"]
    for name, out in zip(("Li Wei", "王芳"), signed, strict=True):
        told = run("sign", request, "--key", tmp_path / f"{name}.key", "--out", out)
        assert "north D-SEC-90" in told.stderr
        assert "new door in May" in told.stderr
    with pytest.raises(BadConfig, match="2 different approvers"):
        run("waive", world.folder, "--approval", signed[0], "--approval", signed[0])
    granting = ("waive", world.folder, "--approval", signed[0], "--approval", signed[1])
    assert document(*granting)["approvers"] == ["Li Wei", "王芳"]
    run("waive", world.folder, "north", "D-SEC-90", "--withdraw", "--reason", "mended")
    assert [waiver["in_force"] for waiver in waivers(world)] == [False]
    with pytest.raises(BadConfig, match="granted before"):
        run(*granting)


def test_one_person_or_a_stranger_is_not_enough(world: World, tmp_path: Path) -> None:
    size = world.log.size()
    with pytest.raises(BadConfig, match="2 different approvers"):
        run(*asked(world, *with_keys(tmp_path, "Li Wei", "Li Wei")))
    run("sign", "--new-key", tmp_path / "stranger.key")
    with pytest.raises(BadConfig, match="signed by nobody"):
        run(*asked(world, *with_keys(tmp_path, "Li Wei", "stranger")))
    assert world.log.size() == size


def test_a_waiver_names_a_rule_a_center_an_end_and_a_reason(world: World, tmp_path: Path) -> None:
    keys = with_keys(tmp_path, "Li Wei", "王芳")
    with pytest.raises(BadConfig, match="no rule 'D-SEC-99'"):
        run("waive", world.folder, "north", "D-SEC-99", *soon(), "--reason", "r", *keys)
    with pytest.raises(BadConfig, match="known: north"):
        run("waive", world.folder, "nroth", "D-SEC-90", *soon(), "--reason", "r", *keys)
    with pytest.raises(BadConfig, match="at the latest 366 days"):
        run("waive", world.folder, "north", "D-SEC-90", *UNTIL, "--reason", "r", *keys)
    assert run("waive", world.folder, "north", "D-SEC-90", "--reason", "r", *keys).exit_code == 2
    assert run("waive", world.folder, "north", "D-SEC-90", *soon(), *keys).exit_code == 2
    assert run("waive", world.folder, "north", "D-SEC-90", *soon(), "--reason", "r").exit_code == 2
    assert run("waive", world.folder).exit_code == 2


def test_only_a_waiver_that_is_there_is_withdrawn(world: World) -> None:
    with pytest.raises(BadConfig, match="no waiver of D-SEC-90"):
        run("waive", world.folder, "north", "D-SEC-90", "--withdraw", "--reason", "r")


def test_nothing_else_than_a_request_is_signed(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"\x0a\x03abc")
    with pytest.raises(BadConfig, match="no request of a waiver"):
        run("sign", other, "--key", tmp_path / "Li Wei.key")
    assert not list(tmp_path.glob("other.*.sig"))
    assert run("sign").exit_code == 2
