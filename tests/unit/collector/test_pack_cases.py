"""A pack that fails its own cases is neither signed nor put in force, unless somebody says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector.packs import BUILT_IN, built_in, load
from ccmm_proto.errors import BadConfig
from tests.unit.collector.pack_worlds import LOOSER, OUR_KEY, configure, newer, signed, told_world
from tests.unit.collector.test_judge_commands import document, run
from tests.unit.collector.worlds import World

FAILING = LOOSER.replace("{bad: {bad: 1}, outcome: not_satisfied}", "{bad: {bad: 1}, outcome: satisfied}")
MANY = FAILING.replace("cases:\n", "cases:\n" + "  - {outcome: missing}\n" * 5)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with told_world(tmp_path) as made:
        yield made


def test_a_pack_that_fails_its_cases_is_not_signed(tmp_path: Path) -> None:
    folder, key = newer(tmp_path, FAILING), tmp_path / "pack.key"
    with pytest.raises(BadConfig) as caught:
        run("rules", "sign", folder, "--new-key", key)
    assert str(caught.value).splitlines() == [
        "tiny 2 fails 2 of its own cases and scenarios, so it is not signed:",
        "D6/D-SEC-90.yaml:15: D-SEC-90: gives not_satisfied, the case says satisfied",
        "D6/D-SEC-90.yaml:1: D-SEC-90: no case shows not_satisfied",
        "mend them, or say --despite-failures",
    ]
    assert not key.exists()
    assert not (folder / "pack.sig").exists()


def test_it_is_signed_all_the_same_where_somebody_says_so_and_told_loudly(tmp_path: Path) -> None:
    folder, key = newer(tmp_path, MANY), tmp_path / "pack.key"
    told = run("rules", "sign", folder, "--new-key", key, "--despite-failures")
    assert (told.exit_code, (folder / "pack.sig").is_file()) == (0, True)
    first, *rest = told.stderr.splitlines()
    assert first == "WARNING: tiny 2 fails 7 of its own cases and scenarios, and it is signed all the same:"
    assert (len(rest), rest[-1]) == (6, "and 2 more: ccmm-collector rules test")
    assert document("rules", "sign", newer(tmp_path / "well"), "--key", key)["failing"] == 0


def test_a_pack_that_fails_its_cases_is_not_put_in_force(world: World, tmp_path: Path) -> None:
    configure(world, trusted=f'"standards group" = "{OUR_KEY.public_key().public_bytes_raw().hex()}"')
    folder, size = signed(tmp_path, rule=FAILING), world.log.size()
    with pytest.raises(BadConfig, match="tiny 2 fails 2 of its own cases and scenarios, so it is not put in force"):
        run("rules", "activate", world.folder, folder)
    assert world.log.size() == size
    told = run("rules", "activate", world.folder, folder, "--despite-failures")
    assert told.stderr.startswith("WARNING: tiny 2 fails 2 of its own cases and scenarios, and it is put in force")
    assert world.log.size() == size + 1


def test_a_pack_of_the_product_needs_no_signature_and_no_second_test(world: World, tmp_path: Path) -> None:
    digest = load(built_in()).digest
    for words in (BUILT_IN, str(built_in())):
        told = document("rules", "verify", words)
        assert (told["digest"], told["built_in"], told["signer"]) == (digest, True, None)
    assert "is part of the product and needs no signature" in run("rules", "verify", BUILT_IN).stdout
    assert document("rules", "verify", signed(tmp_path))["built_in"] is False
    with pytest.raises(BadConfig, match="nobody signed this pack"):
        run("rules", "verify", newer(tmp_path / "draft"))
    assert document("rules", "activate", world.folder, BUILT_IN)["failing"] == 0


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sign", "a folder with pack.yaml"),
        ("verify", "a folder with pack.yaml, or a built-in name"),
        ("feeds", "a folder with pack.yaml, or a built-in name"),
        ("activate", "a folder with pack.yaml, a name, or a digest"),
    ],
)
def test_help_says_what_a_command_takes(command: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (line,) = [
        line for line in run("rules", command, "--help").stdout.splitlines() if "pack.yaml" in line and "PACK" in line
    ]
    assert says in line
    assert line.strip(" │").endswith((says, f"{says} [required]", f"{says} [default: cc_cmm]"))


def test_a_pack_compared_with_itself_has_one_notice(world: World, tmp_path: Path) -> None:
    configure(world, allow_unsigned=True)
    folder = newer(tmp_path)
    lines = run("rules", "diff", folder, folder, world.folder).stdout.splitlines()
    assert [line for line in lines if "unsigned pack" in line] == [
        "tiny 2: unsigned pack: nobody answers for its rules"
    ]
