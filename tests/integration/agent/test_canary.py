"""A canary in every secret file of every registered source: no command, log, spool or status ever sings of it.

The systems are not there, or answer with whatever they were sent. Healthy ones: test_canary_everywhere.
"""

import base64
import json
import re
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.plugin import BadOption, Options
from tests.contract.test_plugin_contract import SOURCES
from tests.support.answering import answering
from tests.support.canary import CANARY, heard, songs
from tests.support.fake_collector import FakeCollector
from tests.support.homes import collector, joined
from tests.support.processes import running

__all__ = ["collector", "joined"]

SECRET = re.compile(r"^(?:# )?(\w*(?:password|secret|token|community|credential|key)s?_file) = ", re.MULTILINE)
BESIDE: Mapping[str, dict[str, object]] = {"ups": {"username": "ccmm"}}  # what a commented secret needs in the example
GREETINGS = {"asterisk_ami": b"Asterisk Call Manager/7.0.3\r\n", "freeswitch": b"Content-Type: auth/request\n\n"}
WITH_SECRETS = sorted(word for word, source in SOURCES.items() if SECRET.search(source.example))
PATIENCE_S = 240.0  # 22 readers start, beside all else that a busy machine does
Table = dict[str, object]


def table_of(word: str) -> Table:
    (table,) = tomllib.loads(SOURCES[word].example)["source"]
    return dict(table)


def is_taken(word: str, table: Table) -> bool:
    options = Options({key: value for key, value in table.items() if key not in OF_SCHEDULE})
    try:
        SOURCES[word].from_options(options).manifest()
        options.refuse_unknown()
    except BadOption:
        return False
    return True


def with_canaries(word: str, folder: Path) -> list[Table]:
    """The example with a canary in each secret file that can stand in it, alone or with the others."""
    table = {**table_of(word), **BESIDE.get(word, {})}
    found = []
    for key in dict.fromkeys(SECRET.findall(SOURCES[word].example)):
        file = folder / f"{word}.{key}"
        file.write_text(f"{CANARY}\n")
        file.chmod(0o600)
        if key in table or is_taken(word, {**table, key: str(file)}):
            table[key] = str(file)
        else:
            others = {name: value for name, value in table.items() if not name.endswith("_file") or name == "ca_file"}
            found.append({**others, key: str(file)})
    return [one for one in (table, *found) if is_taken(word, one)]


def pointed_at(word: str, table: Table, port: int) -> Table:
    """The same with its system on a loopback port, in the clearest way that the source allows."""
    if "url" in table:
        parts = urlsplit(str(table["url"]))
        here = [parts._replace(scheme=scheme, netloc=f"127.0.0.1:{port}").geturl() for scheme in ("http", parts.scheme)]
        variants = [{**table, "url": here[0], "plain": True}, {**table, "url": here[1]}]
    else:
        variants = [{**table, "host": "127.0.0.1", "port": port}]
    return next((one for one in variants if is_taken(word, one)), table)


@contextmanager
def echoing(word: str, heard: dict[str, bytes]) -> Iterator[int]:
    """A system that answers with what it was sent, as some put it into their errors."""

    def serve(stream: socket.socket) -> None:
        stream.sendall(GREETINGS.get(word, b""))
        while told := stream.recv(65536):
            heard[word] += told
            stream.sendall(told)

    with answering(serve) as port:
        yield port


def write_sources(home: Path, tables: list[Table], timeout: str = "6s") -> None:
    with (home / "agent.toml").open("a", encoding="utf-8") as file:
        for number, table in enumerate(tables):
            plain = {key: value for key, value in table.items() if not isinstance(value, dict | list)}
            file.write("\n[[source]]\n")
            for key, value in {**plain, "name": f"s{number}", "timeout": timeout}.items():
                file.write(f"{key} = {json.dumps(value, ensure_ascii=False)}\n")
            for key, inner in table.items():
                if isinstance(inner, dict | list):
                    file.write(f"{key} = {inline(inner)}\n")


def inline(value: object) -> str:
    """TOML on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def everything_said(home: Path) -> bytes:
    """What all commands print, and every file of the agent's folder afterwards."""
    said = b""
    said += agent("check", str(home))
    command = [sys.executable, "-m", "ccmm_agent.main", "run", str(home)]
    printed = home.parent / "run.out"
    with running(command, printed) as process:
        until = time.monotonic() + PATIENCE_S
        while not all_read(told := agent("status", str(home), "--json")) and process.poll() is None:
            assert time.monotonic() < until, told.decode()
            time.sleep(2)
    said += printed.read_bytes()
    for words in (["status"], ["status", "--json"], ["show-outbox"], ["show-outbox", "--json"]):
        said += agent(words[0], str(home), *words[1:])
    said += agent("plugins", "--json")
    return said + b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def all_read(status: bytes) -> bool:
    """Whether each source has been read once; the status itself where it is none."""
    assert status.startswith(b"{"), status.decode()
    return all(source["outcome"] for source in json.loads(status)["sources"])


def agent(*words: str) -> bytes:
    command = [sys.executable, "-m", "ccmm_agent.main", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    return done.stdout


def assert_silent(said: bytes, canary: str) -> None:
    assert not heard(said, [canary])


def test_every_source_with_a_secret_is_tried() -> None:
    assert {"asterisk_ami", "freeswitch", "ldap", "snmp", "sql", "ups"} <= set(WITH_SECRETS)


def test_a_canary_that_sings_would_be_heard() -> None:
    for told in (
        CANARY,
        quote(CANARY, safe=""),
        base64.b64encode(f"user:{CANARY}".encode()).decode(),
        CANARY.encode().hex(),
    ):
        with pytest.raises(AssertionError):
            assert_silent(b"before " + told.encode() + b" after", CANARY)
    assert_silent(b"nothing", CANARY)


@pytest.mark.parametrize("system", ["not there", "echoing"])
def test_no_failing_system_makes_a_canary_sing(
    system: str, joined: Path, collector: FakeCollector, tmp_path: Path
) -> None:
    told = dict.fromkeys(WITH_SECRETS, b"")
    with ExitStack() as stack:
        tables = []
        for word in WITH_SECRETS:
            with_files = with_canaries(word, tmp_path)
            assert with_files, f"{word}: its example takes no secret file: add what it needs to BESIDE"
            port = stack.enter_context(echoing(word, told)) if system == "echoing" else closed_port()
            tables += [pointed_at(word, one, port) for one in with_files]
        write_sources(joined, tables)
        said = everything_said(joined)
    assert said.count(b'"outcome": "UNAVAILABLE"') >= len(tables), said[:20_000].decode(errors="replace")
    assert_silent(said, CANARY)
    sent = {word for word, text in told.items() if any(song in text for song in songs(CANARY))}
    assert system == "not there" or sent >= {"freeswitch", "asterisk_ami"}


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port
