"""A damaged spool, a full spool, a certificate that ran out: the agent says so, signed, and goes on."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ccmm_agent.enroll import signing_request
from ccmm_agent.identity import KeyFolder, load_enrollment
from ccmm_collector.authority import Authority
from ccmm_collector.config import load_config
from ccmm_proto.envelope import parse_envelope
from ccmm_proto.v1.service_pb2 import Act
from ccmm_proto.v1.statement_pb2 import SKIPPED, EpochStart, Note, Statement
from ccmm_proto.wire import parse_message
from tests.e2e.hostile import check_epochs, log_entries
from tests.e2e.product import PAPERS, House, check_chain, eventually

ROSTER = """
[[source]]
name = "roster"
plugin = "table"
every = "1s"
path = "{place}/roster.csv"
kind = "person"
key = "staff no"
[source.columns]
post = "role"
"""
ROWS = 5000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    try:
        house.set_up()
        yield house
    finally:
        house.stop()


def arrive(house: House, what: str, count: int = 1) -> None:
    """Wait for so many more statements."""
    before = len(house.statements())
    eventually(what, lambda: len(house.statements()) >= before + count)


def settle(house: House) -> None:
    """The agent ends in good order with everything acknowledged, then the collector ends."""
    eventually("nothing waits", lambda: house.unsent() == 0)
    house.agent.stop()
    house.collector.stop()


def notes(statements: list[Statement]) -> list[Note]:
    return [made.note for made in statements if made.HasField("note")]


@pytest.mark.parametrize("pages", [1, 8], ids=["its head", "a page inside"])
def test_a_corrupt_spool_is_set_aside_with_a_signed_note_and_the_agent_goes_on(house: House, pages: int) -> None:
    house.agent.start()
    arrive(house, "some statements arrive", 4)
    settle_agent(house)
    damage(house.agent_folder / "spool.sqlite", pages)
    house.agent.start()
    eventually("the agent speaks again", lambda: house.statements()[-1].epoch == 1)
    arrive(house, "it goes on", 2)
    settle(house)
    epochs = check_epochs(house)
    assert sorted(epochs) == [0, 1]
    first = epochs[1][0]
    assert first.epoch_start.reason == EpochStart.SPOOL_SET_ASIDE
    assert "damaged" in first.epoch_start.detail
    assert parse_envelope(first.epoch_start.last_receipt)
    assert [note.kind for note in notes(epochs[1])] == [Note.SPOOL_CORRUPT]
    assert len(list(house.agent_folder.glob("spool-corrupt-*.sqlite"))) == 1
    assert house.raised() == []


def settle_agent(house: House) -> None:
    """Stopped, with everything acknowledged: what a damaged spool loses is then nothing."""
    eventually("nothing waits", lambda: house.unsent() == 0)
    house.agent.stop()
    assert house.unsent() == 0


def damage(spool: Path, page: int) -> None:
    """Random bytes over pages of the file, as a failing disk leaves them."""
    with sqlite3.connect(spool) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with spool.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(random.Random(1).randbytes(2 * size))


def test_a_full_spool_stops_the_source_of_lowest_value_first_and_says_so_signed(tmp_path: Path) -> None:
    house = House(tmp_path, sources='spool_limit = "1MB"\n' + PAPERS + ROSTER)
    rows = "".join(f"{number},agent\n" for number in range(ROWS))
    (tmp_path / "roster.csv").write_text(f"staff no,role\n{rows}")
    try:
        house.set_up()
        house.collector.stop()
        house.agent.start()
        eventually("the agent is at work", lambda: "agent started" in house.agent.log.read_text())
        eventually("the roster stops", lambda: "roster" in stopped(house))
        runs = observed(house, "papers")
        eventually("the papers go on", lambda: observed(house, "papers") >= runs + 3)
        assert stopped(house) == ["roster"]
        house.collector.start()
        house.wait_ready()
        eventually("the roster goes on", lambda: stopped(house) == [])
        arrive(house, "new statements arrive", 4)
        settle(house)
    finally:
        house.stop()
    statements = check_chain(house)
    told = [(note.kind, list(note.sources)) for note in notes(statements)]
    assert told[:2] == [(Note.SPOOL_FULL, ["roster"]), (Note.SPOOL_ROOM_AGAIN, ["roster"])]
    skipped = [made.run for made in statements if made.run.outcome == SKIPPED and made.run.reason == "spool_full"]
    assert {run.source for run in skipped} == {"roster"}
    assert any(run.missed.count > 1 for run in skipped)


def stopped(house: House) -> list[str]:
    """The sources that the spool is too full for."""
    return [name for (name,) in ask(house, "SELECT name FROM source WHERE stopped = 1 ORDER BY name")]


def observed(house: House, source: str) -> int:
    """How many statements of this source are in the spool."""
    return int(ask(house, "SELECT count(*) FROM statement WHERE source = ?", source)[0][0])


def ask(house: House, question: str, *values: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{house.agent_folder / 'spool.sqlite'}?mode=ro", uri=True, timeout=10) as spool:
        rows = spool.execute(question, values).fetchall()
    spool.close()
    return rows


def test_an_agent_whose_certificate_ran_out_renews_it_by_one_call_and_goes_on(house: House) -> None:
    house.agent.start()
    arrive(house, "it works", 2)
    settle_agent(house)
    expired = make_expire(house)
    house.agent.start()
    arrive(house, "it works again", 2)
    settle(house)
    check_chain(house)
    assert [act.WhichOneof("act") for act in acts_about_agents(house)] == ["agent_enrolled", "agent_renewed"]
    assert KeyFolder(house.agent_folder).transport().not_after > datetime.now(UTC) > expired


def make_expire(house: House) -> datetime:
    """Put a certificate of the collector's own authority in place that ran out an hour ago; when."""
    config = load_config(house.collector_folder)
    enrollment, key = load_enrollment(house.agent_folder), ec.generate_private_key(ec.SECP256R1())
    request = x509.load_der_x509_csr(signing_request(key))
    then = datetime.now(UTC) - config.certificate_life - timedelta(hours=1)
    issued = Authority.load(house.collector_folder, config).issue(request, enrollment.center, enrollment.agent, then)
    chain = tuple(x509.load_der_x509_certificate(der) for der in issued.chain)
    KeyFolder(house.agent_folder).save_transport(key, chain)
    return KeyFolder(house.agent_folder).transport().not_after


def acts_about_agents(house: House) -> list[Act]:
    """Enrollments, renewals, revocations, in order."""
    acts = [entry.envelope for entry in log_entries(house.collector_folder) if entry.kind == "act"]
    parsed = [parse_message(Act, parse_envelope(envelope).payload) for envelope in acts]
    return [act for act in parsed if (act.WhichOneof("act") or "").startswith("agent_")]
