import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_collector import keys
from ccmm_collector.config import CONFIG_FILE
from ccmm_collector.pack_signing import sign_pack
from ccmm_collector.packs import activate_pack, load
from ccmm_collector.rule_commands import check
from ccmm_proto.errors import BadConfig, BadSignature
from tests.unit.collector.chapters import hour
from tests.unit.collector.pack_worlds import LOOSER, OUR_KEY, PUBLIC, configure, newer, signed, told_world
from tests.unit.collector.test_judge_commands import AT, document, run
from tests.unit.collector.worlds import RULE, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with told_world(tmp_path) as made:
        yield made


def test_a_pack_is_signed_with_a_new_key_and_verified_by_a_trust_list(world: World, tmp_path: Path) -> None:
    folder, key = newer(tmp_path), tmp_path / "pack.key"
    found = document("rules", "sign", folder, "--new-key", key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert found["key"] == keys.load_ed25519_key(key).public_key().public_bytes_raw().hex()
    assert document("rules", "verify", folder)["signer"] is None
    configure(world, trusted=f'"standards group" = "{found["key"]}"')
    verified = document("rules", "verify", folder, "--trust", world.folder / CONFIG_FILE)
    assert (verified["signer"], verified["digest"]) == ("standards group", found["digest"])
    assert "by standards group" in run("rules", "verify", folder, "--trust", world.folder / CONFIG_FILE).stdout
    assert found["key"] in run("rules", "verify", folder).stdout


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    folder, key = newer(tmp_path), tmp_path / "pack.key"
    run("rules", "sign", folder, "--new-key", key)
    held = key.read_bytes()
    with pytest.raises(BadConfig, match="no new key"):
        run("rules", "sign", folder, "--new-key", key)
    assert key.read_bytes() == held
    assert run("rules", "sign", folder).exit_code == 2
    assert run("rules", "sign", folder, "--key", key, "--new-key", key).exit_code == 2


def test_signing_changes_no_digest(tmp_path: Path) -> None:
    folder = newer(tmp_path)
    before = load(folder).digest
    sign_pack(folder, load(folder), OUR_KEY)
    assert load(folder).digest == before


def test_whatever_was_changed_after_signing_is_named(tmp_path: Path) -> None:
    folder = signed(tmp_path)
    rule = folder / "D6" / "D-SEC-90.yaml"
    text = rule.read_text(encoding="utf-8")
    rule.write_text(text.replace("8.0", "9.0"), encoding="utf-8")
    with pytest.raises(BadSignature, match=r"D-SEC-90\.yaml was changed"):
        run("rules", "verify", folder)
    rule.write_text(text, encoding="utf-8")
    (folder / "D6" / "D-SEC-91.yaml").write_text(text.replace("D-SEC-90", "D-SEC-91"), encoding="utf-8")
    with pytest.raises(BadSignature, match=r"D-SEC-91\.yaml is new"):
        run("rules", "verify", folder)


def test_an_unsigned_or_foreign_pack_is_neither_used_nor_put_in_force(world: World, tmp_path: Path) -> None:
    configure(world)
    folder, size = newer(tmp_path), world.log.size()
    for words in (("level", world.folder, "north", "--pack", folder), ("rules", "activate", world.folder, folder)):
        with pytest.raises(BadConfig, match="nobody signed this pack"):
            run(*words)
    sign_pack(folder, load(folder), OUR_KEY)
    for words in (("level", world.folder, "north", "--pack", folder), ("rules", "activate", world.folder, folder)):
        with pytest.raises(BadConfig, match="no key of the trust list"):
            run(*words)
    configure(world, trusted=f'"standards group" = "{PUBLIC}"')
    rule = folder / "D6" / "D-SEC-90.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("8.0", "9.0"), encoding="utf-8")
    with pytest.raises(BadConfig, match="was changed"):
        run("rules", "activate", world.folder, folder)
    assert world.log.size() == size


def test_a_pack_of_a_trusted_key_judges_and_its_answers_say_whose_it_is(world: World, tmp_path: Path) -> None:
    configure(world, trusted=f'"standards group" = "{PUBLIC}"')
    at = "2026-01-01T01:00:06Z"
    found = document("verdicts", world.folder, "north", "--at", at, "--pack", signed(tmp_path))
    assert found["verdicts"][0]["outcome"] == "satisfied"
    assert found["pack"]["trust"] == "signed"
    assert found["pack"]["signed_by"] == {"name": "standards group", "key": PUBLIC}
    assert found["notice"] is None
    held = document("verdicts", world.folder, "north", "--at", at)
    assert (held["verdicts"][0]["outcome"], held["pack"]["trust"]) == ("not_satisfied", "built_in")


@pytest.mark.parametrize("command", [("verdicts", "north"), ("level", "north"), ("centers",)])
def test_an_unsigned_pack_that_is_let_in_is_called_so_everywhere(
    world: World, tmp_path: Path, command: tuple[str, ...]
) -> None:
    configure(world, allow_unsigned=True)
    asked = (command[0], world.folder, *command[1:], "--pack", newer(tmp_path))
    assert document(*asked)["notice"]["en"].startswith("unsigned pack")
    assert run(*asked).stdout.splitlines()[-1].startswith("unsigned pack")
    assert run(*asked, "--lang", "zh").stdout.splitlines()[-1].startswith("未签名的规则包")


def test_a_pack_put_in_force_unsigned_is_called_so_for_ever_and_one_of_a_dropped_key_too(
    world: World, tmp_path: Path
) -> None:
    configure(world, allow_unsigned=True)
    document("rules", "activate", world.folder, newer(tmp_path))
    configure(world)
    assert document("level", world.folder, "north")["pack"]["trust"] == "unsigned"
    configure(world, trusted=f'"standards group" = "{PUBLIC}"')
    document("rules", "activate", world.folder, signed(tmp_path / "b", rule=LOOSER.replace("8.0", "7.0")))
    assert document("level", world.folder, "north")["notice"] is None
    configure(world)
    assert "no longer in the trust list" in document("level", world.folder, "north")["notice"]["en"]


def test_a_pack_signed_afterwards_is_put_in_force_again_by_its_signature(world: World, tmp_path: Path) -> None:
    configure(world, allow_unsigned=True, trusted=f'"standards group" = "{PUBLIC}"')
    folder = newer(tmp_path)
    document("rules", "activate", world.folder, folder)
    with pytest.raises(BadConfig, match="in force then already"):
        run("rules", "activate", world.folder, folder)
    sign_pack(folder, load(folder), OUR_KEY)
    assert document("rules", "activate", world.folder, folder)["pack"]["trust"] == "signed"
    assert document("level", world.folder, "north")["notice"] is None
    with pytest.raises(BadConfig, match="in force then already"):
        run("rules", "activate", world.folder, folder)


def test_a_pack_that_is_put_in_force_judges_every_center_from_then_on(world: World, tmp_path: Path) -> None:
    configure(world, trusted=f'"standards group" = "{PUBLIC}"')
    world.clock.now = hour(2)
    told = document("rules", "activate", world.folder, signed(tmp_path))
    assert (told["pack"]["version"], told["from"]) == ("2", None)
    (line,) = document("centers", world.folder)["centers"]
    assert line["judged_by"]["version"] == "2"
    before = document("verdicts", world.folder, "north", "--at", "2026-01-01T01:30:00Z")
    assert (before["verdicts"][0]["outcome"], before["pack"]["version"]) == ("not_satisfied", "1")
    with pytest.raises(BadConfig, match="in force then already"):
        run("rules", "activate", world.folder, tmp_path / "newer")


def test_an_older_pack_comes_back_by_its_digest(world: World, tmp_path: Path) -> None:
    configure(world, trusted=f'"standards group" = "{PUBLIC}"')
    digest = document("level", world.folder, "north")["pack"]["digest"]
    document("rules", "activate", world.folder, signed(tmp_path))
    assert document("rules", "activate", world.folder, digest[:16])["pack"]["trust"] == "built_in"
    assert document("level", world.folder, "north")["pack"]["digest"] == digest


def test_an_effective_date_ahead_is_kept_unless_somebody_names_a_later_instant(world: World, tmp_path: Path) -> None:
    configure(world, allow_unsigned=True)
    folder = newer(tmp_path, effective="2199-01-01")
    with pytest.raises(BadConfig, match="effective from 2199-01-01"):
        run("rules", "activate", world.folder, folder, "--from", "2198-06-01T00:00Z")
    with pytest.raises(BadConfig, match="has passed"):
        run("rules", "activate", world.folder, folder, "--from", AT)
    assert document("rules", "activate", world.folder, folder)["from"] == "2199-01-01T00:00:00.000+00:00"
    assert document("level", world.folder, "north")["pack"]["version"] == "1"
    later = document("rules", "activate", world.folder, folder, "--from", "2199-01-01T00:00+08:00")
    assert later["from"] == "2198-12-31T16:00:00.000+00:00"


def test_a_pack_whose_last_day_has_passed_is_not_put_in_force_and_says_so_where_it_is(
    world: World, tmp_path: Path
) -> None:
    configure(world, allow_unsigned=True)
    folder = newer(tmp_path)
    text = (folder / "pack.yaml").read_text(encoding="utf-8")
    (folder / "pack.yaml").write_text(text + 'effective_until: "2026-01-31"\n', encoding="utf-8")
    with pytest.raises(BadConfig, match="was effective until 2026-01-31"):
        run("rules", "activate", world.folder, folder)
    activate_pack(world.folder, world.log, folder)
    assert "effective until 2026-01-31" in document("level", world.folder, "north")["notice"]["en"]
    assert document("level", world.folder, "north", "--at", "2026-01-31T23:00Z", "--pack", "tiny")["notice"] is None


def test_diff_tells_which_levels_and_verdicts_would_change(world: World, tmp_path: Path) -> None:
    world.tell(int(time.time() * 1000) - 60_000, 5.0)
    world.settle(world.clock.now)
    found = document("rules", "diff", "tiny", newer(tmp_path), world.folder)
    (line,) = found["centers"]
    assert (line["center"], line["old"]["level"], line["new"]["level"], line["level_changes"]) == ("north", 0, 5, True)
    (verdict,) = line["verdicts"]
    assert (verdict["rule"], verdict["old"]["outcome"], verdict["new"]["outcome"]) == (
        "D-SEC-90",
        "not_satisfied",
        "satisfied",
    )
    assert found["rules"] == {"added": [], "removed": [], "changed": ["D-SEC-90"]}
    text = run("rules", "diff", "tiny", tmp_path / "newer", world.folder).stdout
    assert "north: no level -> L5" in text
    assert "D-SEC-90: not satisfied -> satisfied (L5)" in text
    assert "未达级 -> L5" in run("rules", "diff", "tiny", tmp_path / "newer", world.folder, "--lang", "zh").stdout
    same = document("rules", "diff", "tiny", "tiny", world.folder)
    assert (same["centers"], same["unchanged"]) == ([], 1)
    assert world.outcome(world.clock.now) == "not_satisfied"


def test_errors_as_json_have_place_and_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = newer(tmp_path, RULE.replace("level: 1", "leval: 1"))
    (folder / "D6" / "D-SEC-91.yaml").write_text("id: [", encoding="utf-8")
    with pytest.raises(BadConfig, match="does not load"):
        check(str(folder), as_json=True)
    errors = json.loads(capsys.readouterr().out)["errors"]
    assert {error["file"] for error in errors} == {"D6/D-SEC-90.yaml", "D6/D-SEC-91.yaml"}
    assert all(error["line"] >= 1 and error["column"] >= 1 and error["message"] for error in errors)
    assert any(error["mend"] for error in errors)
