"""Every source type that can hold a secret reads a healthy system with it, and with a wrong one; neither ever sings.

Through the whole path: `check`, `collect`, `run` against a collector, `show-outbox`, and every file of the agent's
folder afterwards. Nor does a person who stands in those systems leave in clear.
"""

import ast
import json
import re
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ccmm_agent.plugin import BadOption, Options
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_proto.reasons import Reason
from tests.contract.test_plugin_contract import NOW, SOURCES, ZONE, options
from tests.integration.agent.test_canary import SECRET, agent, write_sources
from tests.support.canary import CANARY, heard
from tests.support.every_base import CLEAR, Table, plain, secret_file
from tests.support.every_secret import every_secret, secrets_of
from tests.support.fake_collector import FakeCollector
from tests.support.homes import collector, joined
from tests.support.processes import running

__all__ = ["collector", "joined"]

OURS = ("ccmm_plugin_", "ccmm_tables")
PERSONS = re.compile(b"|".join(CLEAR), re.IGNORECASE)
OTHER_PEM = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
Outcomes = Mapping[str, str]


@cache
def imported(module: str) -> frozenset[str]:
    """All modules of plugins and of ours that it needs."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return frozenset(_named(ast.parse(Path(spec.origin).read_text("utf-8"))))


def _named(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.startswith(OURS):
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from (name for name in names if _is_module(node.module, name))


def _is_module(package: str, name: str) -> bool:
    spec = find_spec(package)
    return spec is not None and spec.submodule_search_locations is not None and find_spec(name) is not None


def can_hold_a_secret(word: str) -> bool:
    """By its code, which opens secret files through one module, or by its example."""
    seen, ahead = set[str](), [SOURCES[word].__module__]
    while ahead:
        module = ahead.pop()
        if module not in seen and module.startswith(OURS):
            ahead += imported(module)
        seen.add(module)
    return "ccmm_agent.secret_file" in seen or SECRET.search(SOURCES[word].example) is not None


HOLDERS = sorted(word for word in SOURCES if can_hold_a_secret(word))
DOES_NOT_NOTICE = {  # types whose system takes any secret
    "ups": "upsd asks for a name and a password only where something would be changed",
}


def wrong(secret: str) -> str:
    """Another secret of the same form, as good a canary."""
    if secret.startswith("-----BEGIN"):
        return OTHER_PEM
    return str(int(secret) + 1_111) if secret.isdigit() else CANARY


def lines_of(secret: str) -> list[str]:
    """What must not be heard of it: of a private key each line of its text."""
    if not secret.startswith("-----BEGIN"):
        return [secret]
    return [line for line in secret.splitlines() if not line.startswith("-----")]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Table]]:
    with ExitStack() as stack:
        found = every_secret(stack, tmp_path_factory.mktemp("systems"), datetime.now(UTC))
        yield {word: {key: plain(value) for key, value in table.items()} for word, table in found.items()}


def through_the_agent(home: Path, tables: Mapping[str, Table], central: FakeCollector) -> tuple[bytes, Outcomes]:
    """All that the agent says and keeps of these sources, and all that came to the collector; how each looked."""
    write_sources(home, [{**table, "plugin": word, "every": "5m"} for word, table in tables.items()], "60s")
    said = agent("check", str(home))
    told, sources = run_until_all_have_looked(home)
    said += told + agent("show-outbox", str(home)) + agent("show-outbox", str(home), "--json")
    kept = [path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file() and path.name != "agent.toml"]
    came = [held.envelope for held in central.log]
    assert central.log
    return b"\n".join((said, *kept, *came)), {source["plugin"]: source["outcome"] for source in sources}


def run_until_all_have_looked(home: Path) -> tuple[bytes, list[dict[str, Any]]]:
    """What `run` prints, and what `status` tells at the end: no history remains, nothing waits to be sent."""
    command = [sys.executable, "-m", "ccmm_agent.main", "run", str(home)]
    printed = home.parent / "run.out"
    with running(command, printed) as process:
        until = time.monotonic() + 400
        while process.poll() is None:
            text = agent("status", str(home), "--json")
            state = json.loads(text)
            waits = [one for one in state["sources"] if one["outcome"] is None or has_more(one)]
            if not waits and not state["spool"]["depth"]:
                break
            assert time.monotonic() < until, text.decode()
            time.sleep(2)
    return printed.read_bytes() + text, [one for one in state["sources"] if one["plugin"] in SOURCES]


def has_more(source: Mapping[str, Any]) -> bool:
    return bool(source["reads_history"]) and source["outcome"] != "UNAVAILABLE"


def test_every_type_that_can_hold_a_secret_has_a_system_that_asks_for_it(tables: Mapping[str, Table]) -> None:
    assert sorted(tables) == HOLDERS
    assert {"asterisk_ami", "call_table", "carrier", "schedule", "zkteco"} <= set(HOLDERS)


def test_no_healthy_system_makes_a_secret_sing_and_no_person_leaves(
    tables: Mapping[str, Table], joined: Path, collector: FakeCollector
) -> None:
    secrets = [line for table in tables.values() for path in secrets_of(table) for line in lines_of(path.read_text())]
    said, looked = through_the_agent(joined, tables, collector)
    assert {word: outcome for word, outcome in looked.items() if outcome == "UNAVAILABLE"} == {}
    assert sorted(looked) == HOLDERS
    assert not heard(said, secrets)
    assert not [said[max(0, at.start() - 200) : at.end() + 40] for at in PERSONS.finditer(said)]


def test_no_wrong_secret_sings_where_it_is_refused(
    tables: Mapping[str, Table], joined: Path, collector: FakeCollector, tmp_path: Path
) -> None:
    given = {word: with_wrong_secrets(table, tmp_path / word) for word, table in tables.items()}
    secrets = [line for table in given.values() for path in secrets_of(table) for line in lines_of(path.read_text())]
    said, looked = through_the_agent(joined, given, collector)
    noticed = {word for word, outcome in looked.items() if outcome == "UNAVAILABLE"}
    assert set(HOLDERS) - noticed == set(DOES_NOT_NOTICE), said.decode(errors="replace")
    assert not heard(said, secrets)


def with_wrong_secrets(table: Table, folder: Path) -> Table:
    folder.mkdir(parents=True, exist_ok=True)

    def changed(key: str, value: object) -> object:
        if isinstance(value, dict):
            return {name: changed(name, inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(key, inner) for inner in value]
        if not key.endswith("_file") or key == "ca_file":
            return value
        return secret_file(folder, wrong(Path(str(value)).read_text().strip()), key)

    return {key: changed(key, value) for key, value in table.items()}


@pytest.mark.parametrize(
    "word", [word for word in sorted(SOURCES) if re.search(r"\"\w+://", json.dumps(options(word)))]
)
def test_a_secret_in_a_url_is_refused_and_never_repeated(word: str) -> None:
    asked = json.loads(re.sub(r"\"(\w+://)", rf'"\1reader:{CANARY}@', json.dumps(options(word))))
    assert CANARY in str(asked)
    with pytest.raises(BadOption) as refused:
        SOURCES[word].from_options(Options(asked)).manifest()
    spec = SourceSpec(name=word, plugin=word, options=asked)
    reading = read_source(spec, cursor=b"", now=NOW, zone=ZONE)
    lines = check_source_process(spec, now=NOW, zone=ZONE)
    assert reading.reason == Reason.BAD_OPTION
    assert not heard(f"{refused.value} {reading.detail} {lines}".encode(), [CANARY])


def test_what_sings_is_heard() -> None:
    for secret in ("a-secret/of+some length", OTHER_PEM.splitlines()[3]):
        for form in (secret, quote(secret), secret.encode().hex(), b64encode(b"ccmm:" + secret.encode()).decode()):
            assert heard(f"before {form} after".encode(), [secret])
    assert PERSONS.search(b"by WANDA.NACHTIGALL@center.example")
    assert not heard(b"nothing", [CANARY])
