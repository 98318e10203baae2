"""The commands: what they print, how they fail, and that they work beside a running `serve`."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from ccmm_collector import commands, main
from ccmm_collector.config import Config, new_config
from ccmm_collector.init import init
from ccmm_proto.errors import BadConfig, CcmmError, StoreFull, UnknownAgent
from ccmm_proto.join_code import parse_join_code
from tests.unit.collector.conftest import Collector
from tests.unit.collector.small_agent import SmallAgent


def run(*arguments: object) -> Result:
    app = typer.Typer()
    commands.register(app, None)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(*arguments: object) -> Any:
    """The one JSON document that the command prints."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def failure(*arguments: object) -> CcmmError:
    result = run(*arguments)
    assert isinstance(result.exception, CcmmError), result.output
    assert "\n" not in str(result.exception)
    return result.exception


def test_init_makes_a_folder_that_the_other_commands_work_on(tmp_path: Path) -> None:
    made = printed("init", tmp_path / "c", "--name", "hq", "--address", "collector.example.org:9000")
    assert made["host"] == "collector.example.org"
    assert printed("log", tmp_path / "c") == {
        "log_id": made["log_id"],
        "size": 0,
        "chains": [],
        "refusals": [],
        "entries": [],
    }


def test_a_code_needs_no_running_serve_where_the_port_is_fixed(tmp_path: Path) -> None:
    init(tmp_path / "c", new_config("hq", "collector.example.org:9000"))
    result = run("invite", tmp_path / "c", "north")
    code = parse_join_code(result.stdout)
    assert (code.host, code.port) == ("collector.example.org", 9001)
    assert "agent-1 of north" in result.stderr


def test_where_any_port_will_do_a_code_needs_a_running_serve(folder: Path) -> None:
    assert "start ccmm-collector serve" in str(failure("invite", folder, "north"))


def test_a_printed_code_lets_an_agent_in(collector: Collector) -> None:
    made = printed("invite", collector.folder, "north", "--agent", "pbx", "--ttl", "5m")
    assert (made["center"], made["agent"]) == ("north", "pbx")
    code = parse_join_code(made["code"])
    guest = collector.guest()
    assert code.certificate_sha256 == guest.server_sha256()
    assert guest.enroll(code.token).welcome.agent == "pbx"


def test_open_invitations_hold_their_names(collector: Collector) -> None:
    names = [printed("invite", collector.folder, "north")["agent"] for _ in range(3)]
    assert names == ["agent-1", "agent-2", "agent-3"]


def test_revoke_says_where_it_stands_in_the_log(collector: Collector) -> None:
    collector.agent("north", "pbx")
    shown = printed("revoke", collector.folder, "pbx", "--reason", "replaced")
    assert shown == {"center": "north", "agent": "pbx", "log_index": 1}
    (act,) = [entry["act"] for entry in printed("log", collector.folder, "--after", 0)["entries"]]
    assert act["agent_revoked"] == {"center": "north", "agent": "pbx", "reason": "replaced"}


def test_revoking_nobody_names_nobody(collector: Collector) -> None:
    assert isinstance(failure("revoke", collector.folder, "ghost", "--reason", "x"), UnknownAgent)


def test_the_log_shows_entries_chains_and_refusals(collector: Collector) -> None:
    agent = collector.agent()
    send(agent, agent.signer.statements(3)[::2], b"nonsense")
    shown = printed("log", collector.folder)
    assert [entry["index"] for entry in shown["entries"]] == [0, 1, 2, 3]
    kinds = [entry["kind"] for entry in shown["entries"]]
    assert kinds == ["act", "statement", "statement", "act"]
    assert shown["entries"][3]["act"]["chain_raised"]["kind"] == "GAP"
    assert (shown["entries"][2]["sequence"], shown["entries"][2]["counted"]) == (2, True)
    assert shown["entries"][2]["isolation"] == "unspecified"
    (chain,) = shown["chains"]
    assert (chain["next_sequence"], chain["missing"], chain["counted"], chain["uncounted"]) == (3, 1, 2, 0)
    (refusal,) = shown["refusals"]
    assert (refusal["agent"], refusal["name"], refusal["count"]) == ("agent-1", "malformed", 1)


def test_the_log_as_lines_has_one_for_each_entry(collector: Collector) -> None:
    agent = collector.agent()
    forked = agent.signer.odd(sequence=0, previous=b"x" * 32)
    send(agent, [forked], b"nonsense")
    result = run("log", collector.folder)
    lines = result.stdout.splitlines()
    assert "agent_enrolled" in lines[0]
    assert lines[1].endswith("north agent-1  0/0  NOT COUNTED")
    assert "chain_raised" in lines[2]
    assert lines[2].endswith("FORK 0/0")
    assert "refused 1 x malformed: agent-1 of north" in result.stderr


def test_the_log_is_shown_page_by_page(collector: Collector) -> None:
    agent = collector.agent()
    send(agent, agent.signer.statements(5))
    entries = printed("log", collector.folder, "--after", 1, "--limit", 2)["entries"]
    assert [entry["index"] for entry in entries] == [2, 3]


def send(agent: SmallAgent, envelopes: list[bytes], *more: bytes) -> None:
    with agent.stream() as talk:
        talk.say(*envelopes, *more)
        for _ in (*envelopes, *more):
            talk.hear()


@pytest.mark.parametrize(
    "arguments",
    [
        ["invite", "DIR", "north", "--ttl", "soon"],
        ["invite", "DIR", "nor/th"],
        ["invite", "DIR", "north", "--agent", "a b"],
        ["init", "DIR", "--address", "host:port"],
        ["init", "DIR", "--name", ""],
        ["revoke", "DIR", "agent-1", "--reason", " "],
        ["revoke", "DIR", "agent-1"],
        ["log"],
    ],
)
def test_wrong_usage_exits_with_2(folder: Path, arguments: list[str]) -> None:
    assert run(*(folder if argument == "DIR" else argument for argument in arguments)).exit_code == 2


def test_a_code_lives_for_a_day_at_most(tmp_path: Path, config: Config) -> None:
    init(tmp_path / "c", new_config("hq", "collector.example.org:9000"))
    assert isinstance(failure("invite", tmp_path / "c", "north", "--ttl", "2d"), BadConfig)


@pytest.mark.parametrize("command", [["serve"], ["log"], ["invite", "north"], ["revoke", "agent-1", "--reason", "x"]])
def test_a_folder_without_a_collector_is_named(tmp_path: Path, command: list[str]) -> None:
    name, *rest = command
    assert "ccmm-collector init" in str(failure(name, tmp_path, *rest))


def test_renew_ca_needs_the_root_key(folder: Path) -> None:
    assert run("renew-ca", folder, "--root-key", folder / "root-key" / "root.key").exit_code == 0
    assert isinstance(failure("renew-ca", folder, "--root-key", folder / "keys" / "server.key"), BadConfig)


@pytest.mark.parametrize(
    ("error", "shown"), [(StoreFull("no room"), "store_full: no room\n"), (ZeroDivisionError("x"), "this is a bug")]
)
def test_the_program_ends_with_1_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, shown: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "build", lambda: fail)
    monkeypatch.setattr(main, "configure", lambda level: None)
    monkeypatch.setattr("os.umask", lambda _: 0)
    monkeypatch.setattr(main.logger, "exception", lambda message: print(message, file=sys.stderr))
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert shown in capsys.readouterr().err
