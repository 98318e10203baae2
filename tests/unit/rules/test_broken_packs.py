"""Packs with one damage each: `rules check` says of every one the file, the line, the column and what mends it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccmm_rules.cases import run_cases
from ccmm_rules.errors import PackErrors
from ccmm_rules.load import BUILT_IN, folder_digest, load_pack, pack_of
from ccmm_rules.scenario import run_scenarios
from ccmm_rules.strict_yaml import parse_document

FOLDER = Path(__file__).parent / "broken"
COLLECTOR = Path(sys.executable).parent / "ccmm-collector"


def cases() -> list[dict[str, Any]]:
    plain = parse_document((FOLDER / "cases.yaml").read_bytes(), "cases.yaml").plain()
    assert isinstance(plain, dict)
    return plain["cases"]  # type: ignore[return-value]  # a list of cases, as the tests show


CASES = {case["name"]: case for case in cases()}


def base() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((FOLDER / "base").glob("*.yaml"))}


def damaged(files: dict[str, bytes], case: dict[str, Any]) -> dict[str, bytes]:
    if "was" not in case:
        return files | {case.get("add") or case["file"]: case["now"].encode()}
    text = files[case["file"]].decode()
    for damage in (case, case.get("and")):
        if damage:
            assert damage["was"] in text
            text = text.replace(damage["was"], damage["now"], 1)
    return files | {case["file"]: text.encode()}


def expected(case: dict[str, Any]) -> list[str]:
    return [line.replace("DIGEST", folder_digest(BUILT_IN / "cc_cmm")) for line in case["says"]]


def test_the_undamaged_pack_loads_and_passes_its_cases() -> None:
    pack = load_pack(FOLDER / "base")
    assert run_cases(pack) == []
    assert run_scenarios(pack) == []


def test_there_are_thirty_and_more() -> None:
    assert len(CASES) == len(cases()) >= 30


@pytest.mark.parametrize("name", CASES)
def test_a_damage_is_told_with_file_line_column_and_mend(name: str) -> None:
    with pytest.raises(PackErrors) as caught:
        pack_of(damaged(base(), CASES[name]))
    assert [str(error) for error in caught.value.errors] == expected(CASES[name])
    assert all(error.line >= 1 and error.column >= 1 and error.mend for error in caught.value.errors)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COLLECTOR, "rules", "check", str(folder)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["a key stands twice", "a misspelt name in require", "rules in a circle"])
def test_the_command_prints_them(name: str, tmp_path: Path) -> None:
    done = check(write(tmp_path / "small", damaged(base(), CASES[name])))
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if ".yaml:" in line] == expected(CASES[name])


def test_the_errors_of_five_files_are_told_at_once(tmp_path: Path) -> None:
    files = base()
    told: list[str] = []
    for name in (
        "a share beyond one",
        "a misspelt name in require",
        "a whole number for a decimal",
        "a read that is not used",
        "a control that names no rule",
        "a scenario with an unknown kind",
    ):
        files = damaged(files, CASES[name])
        told += expected(CASES[name])
    files["pack.yaml"] = base()["pack.yaml"]  # without its headings no rule can be read
    told = [line for line in told if not line.startswith("pack.yaml")]
    done = check(write(tmp_path / "small", files))
    assert sorted(line for line in done.stderr.splitlines() if ".yaml:" in line) == sorted(told)
    assert len({line.partition(":")[0] for line in told}) == 5


def test_several_errors_of_one_file_are_told_at_once() -> None:
    text = base()["D-ONE-01.yaml"].decode()
    for was, now in (
        ("level: 1", "level: 9"),
        ("heading: D1", "heading: D2"),
        ("hold: 30d", "hold: 30h"),
        ("last_login_days", "last_logon_days"),
        ('unit: "%"', "unit: percent"),
    ):
        assert was in text
        text = text.replace(was, now, 1)
    with pytest.raises(PackErrors) as caught:
        pack_of(base() | {"D-ONE-01.yaml": text.encode()})
    assert [error.line for error in caught.value.errors] == [3, 4, 10, 15, 21]


def test_an_error_of_a_rule_does_not_make_errors_of_those_that_name_it() -> None:
    files = base() | {"D-ONE-03.yaml": b"id: [\n", "D-ONE-01.yaml": b"id: D-ONE-01\n"}
    with pytest.raises(PackErrors) as caught:
        pack_of(files)
    assert {error.file for error in caught.value.errors} == {"D-ONE-01.yaml", "D-ONE-03.yaml"}


def test_a_file_from_which_nothing_is_read_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small", base())
    for name in ("README.md", "LICENSE", "pack.sig", ".swapped"):
        (folder / name).write_text("-", "utf-8")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("-", "utf-8")
    (folder / ".#D-ONE-01.yaml").symlink_to("an-editor-is-at-it")
    assert load_pack(folder).digest == load_pack(FOLDER / "base").digest
    (folder / "more").mkdir()
    for name in ("D-ONE-04.yml", "D-ONE-05.YAML", "more/D-ONE-06.yml", "more/notes.txt"):
        (folder / name).write_bytes(base()["D-ONE-01.yaml"])
    with pytest.raises(PackErrors) as caught:
        load_pack(folder)
    assert [str(error) for error in caught.value.errors] == [
        "D-ONE-04.yml:1:1: nothing is read from a file of this name; name it D-ONE-04.yaml",
        "D-ONE-05.YAML:1:1: nothing is read from a file of this name; name it D-ONE-05.yaml",
        "more/D-ONE-06.yml:1:1: nothing is read from a file of this name; name it D-ONE-06.yaml",
        "more/notes.txt:1:1: this is no file of a pack; move it out of the folder; README and LICENSE may stay",
    ]
