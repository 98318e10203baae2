"""The commands as their users type them: exit codes, one JSON document, one line of error."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ccmm_agent.attesting import end_of_day
from ccmm_agent.plugins import plugin_software
from ccmm_proto.envelope import STATEMENT_TYPE, verify_envelope
from ccmm_proto.errors import BadConfig
from ccmm_proto.join_code import format_join_code
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, UNAVAILABLE
from tests.support.fake_collector import AGENT, CENTER, FakeCollector
from tests.support.homes import collector, joined

__all__ = ["collector", "joined"]

Done = subprocess.CompletedProcess[str]


def agent(*arguments: str | Path) -> Done:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "ccmm_agent.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def running(joined: Path, collector: FakeCollector) -> Iterator["subprocess.Popen[bytes]"]:
    """`ccmm-agent run` on the joined folder."""
    process = subprocess.Popen([sys.executable, "-m", "ccmm_agent.main", "run", str(joined)], stderr=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def test_join_status_and_exit_codes(collector: FakeCollector, tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    done = agent("join", format_join_code(collector.join_code()), folder, "--zone", "Asia/Shanghai")
    assert (done.returncode, done.stdout) == (0, "")
    assert "joined as agent agent-1 of center north" in done.stderr
    assert f"ccmm-agent add-source {folder} TYPE" in done.stderr
    status = agent("status", folder, "--json")
    assert status.returncode == 0
    document = json.loads(status.stdout)
    assert (document["center"], document["agent"], document["running"]) == (CENTER, AGENT, False)
    assert document["spool"]["depth"] == 0
    assert document["spool"]["oldest_unsent"] is None
    assert document["last_receipt"] is None
    assert 6.9 < document["certificate"]["days_left"] <= 7
    assert [source["name"] for source in document["sources"]] == ["attestations"]
    assert "last receipt  none yet" in agent("status", folder).stdout
    assert "最近回执  尚无" in agent("status", folder, "--lang", "zh").stdout
    assert agent("status", folder, "--lang", "fr").returncode == 2


def test_an_error_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    done = agent("run", tmp_path / "nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "ccmm-agent join" in done.stderr
    assert agent("run", tmp_path / "nowhere", "--fast").returncode == 2
    assert agent("dance").returncode == 2
    assert agent("join").returncode == 2


def test_an_attestation_is_spooled_restated_and_replaced(joined: Path, tmp_path: Path) -> None:
    paper = tmp_path / "lease.pdf"
    paper.write_bytes(b"the lease")
    for title in ("floor 3", "floor 4", "floor 3"):
        done = agent("attest", joined, "--kind", "workplace", "--title", title, "--file", paper)
        assert done.returncode == 0, done.stderr
    shown = json.loads(agent("show-outbox", joined, "--json").stdout)["statements"]
    assert [one["sequence"] for one in shown] == [2, 1, 0]
    titles = [
        attribute["value"]["text"]
        for observation in shown[0]["statement"]["run"]["observations"]
        for attribute in observation["attestation"]["attributes"]
        if attribute["name"] == "title"
    ]
    assert sorted(titles) == ["floor 3", "floor 4"]
    assert "the lease" not in json.dumps(shown)
    assert {one["state"] for one in shown} == {"waiting"}
    assert agent("show-outbox", joined).returncode == 0


def test_an_attestation_that_cannot_stand_is_refused(joined: Path, tmp_path: Path) -> None:
    paper = tmp_path / "paper"
    paper.write_text("x")
    for extra in (["--valid-until", "2001-01-01"], ["--valid-until", "soon"], ["--title", ""]):
        done = agent("attest", joined, "--kind", "workplace", "--title", "t", "--file", paper, *extra)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert agent("attest", joined, "--kind", "k", "--title", "t", "--file", tmp_path / "gone").returncode == 1
    assert not (joined / "attestations.json").exists()


def test_a_day_ends_in_the_zone_of_the_center() -> None:
    assert end_of_day("2026-12-31", ZoneInfo("Asia/Shanghai")) == datetime(2027, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    with pytest.raises(BadConfig):
        end_of_day("9999-12-31", ZoneInfo("UTC"))


def with_documents(folder: Path, papers: Path) -> None:
    with (folder / "agent.toml").open("a") as file:
        file.write(f'\n[[source]]\nname = "papers"\nplugin = "documents"\nevery = "15m"\nfolder = "{papers}"\n')


def test_collect_prints_the_next_runs_and_sends_nothing(joined: Path, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    with_documents(joined, tmp_path / "papers")
    done = agent("collect", joined, "--json")
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)["runs"]
    assert [(run["source"], run["part"], run["parts"]) for run in runs] == [("papers", 1, 1), ("attestations", 1, 1)]
    assert {run["outcome"] for run in runs} == {"EMPTY"}
    assert not (joined / "spool.sqlite").exists()
    only = json.loads(agent("collect", joined, "--source", "papers", "--json").stdout)["runs"]
    assert [run["source"] for run in only] == ["papers"]
    assert agent("collect", joined, "--source", "nothing").returncode == 1


def test_check_fails_where_a_source_cannot_look(joined: Path, tmp_path: Path) -> None:
    with_documents(joined, tmp_path / "gone")
    done = agent("check", joined, "--json")
    assert done.returncode == 1
    (source,) = json.loads(done.stdout)["sources"]
    assert source["outcome"] == "UNAVAILABLE"
    assert "failed" in {line["verdict"] for line in source["lines"]}
    (tmp_path / "gone").mkdir()
    assert agent("check", joined).returncode == 0


def test_check_and_collect_work_before_joining(tmp_path: Path) -> None:
    folder, papers = tmp_path / "agent", tmp_path / "papers"
    folder.mkdir()
    papers.mkdir()
    (folder / "agent.toml").write_text('zone = "UTC"\n')
    with_documents(folder, papers)
    done = agent("collect", folder, "--json")
    assert done.returncode == 0
    assert "thrown away" in done.stderr
    json.loads(done.stdout)


def test_plugins_lists_what_is_installed() -> None:
    rows = json.loads(agent("plugins", "--json").stdout)["plugins"]
    (documents,) = [row for row in rows if row["plugin"] == "documents"]
    assert (documents["software"]["name"], documents["software"]["version"]) == ("ccmm-plugin-records", "0.1.0")
    assert documents["software"]["digest"] == plugin_software("documents").digest.hex()
    assert documents["feeds"] == ["document"]
    assert documents["manifest"]["folders"] == ["/srv/qms/controlled"]
    assert [row["plugin"] for row in rows if row["broken"]] == []
    assert {row["plugin"] for row in rows if not any(row["manifest"].values())} == set()
    assert "权限  读取" in agent("plugins", "--lang", "zh").stdout
    printed = "".join(agent("plugins").stdout.split())
    assert documents["software"]["digest"][:12] in printed


def test_an_example_can_be_appended_to_the_configuration() -> None:
    printed = agent("plugins", "--example", "documents")
    (table,) = tomllib.loads(printed.stdout)["source"]
    assert (printed.returncode, table["plugin"]) == (0, "documents")
    unknown = agent("plugins", "--example", "nobody")
    assert unknown.returncode != 0
    assert "no source type 'nobody': expected one of" in unknown.stderr


def test_a_source_is_added_filled_in_and_checked_alone(joined: Path, tmp_path: Path) -> None:
    with_documents(joined, tmp_path / "gone")
    added = agent("add-source", joined, "documents", "--name", "quality")
    assert (added.returncode, added.stdout) == (0, "")
    assert f"check {joined} --source quality" in added.stderr
    file = joined / "agent.toml"
    (tmp_path / "papers").mkdir()
    file.write_text(file.read_text().replace("/srv/qms/controlled", str(tmp_path / "papers")))
    only = agent("check", joined, "--source", "quality", "--json")
    assert only.returncode == 0, only.stdout
    assert [source["source"] for source in json.loads(only.stdout)["sources"]] == ["quality"]
    unknown = agent("check", joined, "--source", "nobody")
    assert (unknown.returncode, "expected one of papers, quality" in unknown.stderr) == (1, True)
    again = agent("add-source", joined, "documents", "--name", "quality", "--lang", "zh")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)


def test_without_a_source_check_says_what_to_do_and_is_no_success(joined: Path) -> None:
    for language, words in (("en", "no source yet"), ("zh", "尚无数据源")):
        done = agent("check", joined, "--lang", language)
        assert done.returncode == 1
        assert words in done.stderr
        assert f"ccmm-agent add-source {joined} TYPE" in done.stderr
    assert json.loads(agent("check", joined, "--json").stdout)["sources"] == []


def test_check_speaks_the_language_that_is_asked_for(joined: Path, tmp_path: Path) -> None:
    with_documents(joined, tmp_path / "gone")
    chinese = "".join(agent("check", joined, "--lang", "zh").stdout.split())
    assert "选项所指的内容不存在" in chinese
    assert "此刻将离开本机" in chinese
    assert "失败" in chinese
    assert "failed" not in chinese
    assert "What the options name" in " ".join(agent("check", joined).stdout.split())
    assert agent("check", joined, "--lang", "fr").returncode == 2


def test_run_reads_submits_and_leaves_on_sigterm(joined: Path, collector: FakeCollector, tmp_path: Path) -> None:
    with_documents(joined, tmp_path / "gone")
    process = subprocess.Popen([sys.executable, "-m", "ccmm_agent.main", "run", str(joined)], stderr=subprocess.DEVNULL)
    try:
        collector.wait_for(2)
        second = agent("run", joined)
        assert second.returncode == 1
        assert "another" in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    outcomes = {statement.run.source: statement.run.outcome for statement in collector.statements()}
    assert outcomes == {"papers": UNAVAILABLE, "attestations": EMPTY}
    key = Ed25519PublicKey.from_public_bytes(collector.evidence_keys[AGENT])
    verify_envelope(collector.log[0].envelope, key, STATEMENT_TYPE)
    assert json.loads(agent("status", joined, "--json").stdout)["spool"]["depth"] == 0


def test_attest_works_beside_a_running_agent(
    running: "subprocess.Popen[bytes]", joined: Path, collector: FakeCollector, tmp_path: Path
) -> None:
    paper = tmp_path / "paper"
    paper.write_text("x")
    collector.wait_for(1)
    assert json.loads(agent("status", joined, "--json").stdout)["running"]
    assert agent("attest", joined, "--kind", "workplace", "--title", "t", "--file", paper).returncode == 0
    statements = collector.wait_for(2)
    assert [statement.run.outcome for statement in statements] == [EMPTY, OBSERVED]
    assert [statement.sequence for statement in statements] == [0, 1]
    assert running.poll() is None


def test_a_killed_agent_goes_on_where_it_was(joined: Path, collector: FakeCollector) -> None:
    for round_number in range(1, 4):
        process = subprocess.Popen(
            [sys.executable, "-m", "ccmm_agent.main", "run", str(joined)], stderr=subprocess.DEVNULL
        )
        collector.wait_for(1)
        time.sleep(0.1 * round_number)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    numbers = [statement.sequence for statement in collector.statements()]
    assert numbers == list(range(len(numbers)))
    assert collector.forks == []


def test_run_loads_nothing_that_only_people_need() -> None:
    program = "import sys, ccmm_agent.main, ccmm_agent.run; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"rich", "typer", "click", "pydantic"} & set(loaded)
    assert "grpc" in loaded
