"""The guide for headquarters on packs and waivers, followed with the installed commands."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ccmm_collector.packs import built_in
from tests.unit.collector.worlds import pack_folder

COMMAND = Path(sys.executable).parent / "ccmm-collector"


def run(*words: object, status: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([COMMAND, *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def document(*words: object) -> Any:
    return json.loads(run(*words, "--json").stdout)


@pytest.fixture
def collector(tmp_path: Path) -> Path:
    folder = tmp_path / "collector"
    run("init", folder)
    run("scope", folder, "harbour", "zone=Asia/Shanghai")
    return folder


def configure(collector: Path, table: str, line: str) -> None:
    """As a person would: a line under a table of collector.toml."""
    path = collector / "collector.toml"
    path.write_text(path.read_text("utf-8").replace(f"[{table}]\n", f"[{table}]\n{line}\n"), "utf-8")


def printed_key(told: str, name: str) -> str:
    (key,) = re.findall(r'"YOUR NAME" = "([0-9a-f]{64})"', told)
    return f'"{name}" = "{key}"'


def test_a_pack_of_ones_own_from_draft_to_force(collector: Path, tmp_path: Path) -> None:
    pack = pack_folder(tmp_path / "mine")
    assert document("rules", "check", pack)["errors"] == []
    assert "nobody signed" in run("rules", "activate", collector, pack, status=1).stderr
    told = run("rules", "sign", pack, "--new-key", tmp_path / "pack.key").stdout
    configure(collector, "packs.trusted_keys", printed_key(told, "standards group"))
    assert document("rules", "verify", pack, "--trust", collector / "collector.toml")["signer"] == "standards group"
    changed = document("rules", "diff", "cc_cmm", pack, collector)
    assert changed["rules"]["added"] == ["D-SEC-90"]
    assert document("level", collector, "harbour", "--pack", pack)["pack"]["trust"] == "signed"
    assert document("centers", collector)["pack"] is None
    assert document("rules", "activate", collector, pack)["pack"]["trust"] == "signed"
    (line,) = document("centers", collector)["centers"]
    assert line["judged_by"]["id"] == "tiny"
    shutil.rmtree(pack)
    assert document("verdicts", collector, "harbour")["verdicts"][0]["outcome"] == "missing"
    assert document("rebuild", collector)["equal"] is True


def test_a_broken_pack_is_told_as_json_with_exit_code_1(tmp_path: Path) -> None:
    pack = pack_folder(tmp_path / "mine")
    rule = pack / "D6" / "D-SEC-90.yaml"
    rule.write_text(rule.read_text("utf-8").replace("level: 1", "level: 9"), "utf-8")
    told = run("rules", "check", pack, "--json", status=1)
    (error,) = json.loads(told.stdout)["errors"]
    assert (error["file"], error["line"]) == ("D6/D-SEC-90.yaml", 4)
    assert "D6/D-SEC-90.yaml:4:" in told.stderr
    assert run("rules", "explain", "D-SEC-90", built_in(), status=1).stderr.startswith("bad_config: no rule")


def test_a_waiver_by_two_people_at_two_desks(collector: Path, tmp_path: Path) -> None:
    path = collector / "collector.toml"
    path.write_text(path.read_text("utf-8").replace("allow_unsigned = false", "allow_unsigned = true"), "utf-8")
    assert document("rules", "activate", collector, pack_folder(tmp_path / "mine"))["notice"]["zh"]
    for name in ("li", "wang"):
        told = run("sign", "--new-key", tmp_path / f"{name}.key").stdout
        configure(collector, "approvers", printed_key(told, name))
    request = tmp_path / "switch"
    asking = (
        "waive",
        collector,
        "harbour",
        "D-SEC-90",
        "--until",
        _next_month(),
        "--reason",
        "new switch in May",
    )
    run(*asking, "--request", request)
    signed = [run("sign", request, "--key", tmp_path / f"{name}.key").stdout.strip() for name in ("li", "wang")]
    found = document("waive", collector, "--approval", signed[0], "--approval", signed[1])
    assert (found["approvers"], found["rule"]) == (["li", "wang"], "D-SEC-90")
    assert outcome(collector) == "waived"
    assert "waiver_granted" in run("log", collector).stdout
    run("waive", collector, "harbour", "D-SEC-90", "--withdraw", "--reason", "mended")
    assert outcome(collector) == "missing"
    assert document("rebuild", collector)["equal"] is True


def outcome(collector: Path) -> str:
    (verdict,) = document("verdicts", collector, "harbour")["verdicts"]
    return str(verdict["outcome"])


def _next_month() -> str:
    return (datetime.now(UTC) + timedelta(days=30)).isoformat()
