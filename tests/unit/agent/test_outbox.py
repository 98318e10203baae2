"""Splitting, sealing, and the small parsers beside them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.attest import parse_stated, read_attestations
from ccmm_agent.clock import boot_id, clock_quality
from ccmm_agent.facts import count, inventory
from ccmm_agent.identity import format_pseudonym_key, parse_pseudonym_key
from ccmm_agent.outbox import Draft, Place, Signer, draft_of, parts_of
from ccmm_agent.software import agent_software, digest_of
from ccmm_proto.chain import ZERO
from ccmm_proto.envelope import STATEMENT_TYPE, verify_envelope
from ccmm_proto.errors import BadConfig, Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE, EpochStart, Note, Observation, Run, Span
from ccmm_proto.wire import SPLIT_BYTES, parse_statement

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
SIGNER = Signer(center="north", agent="agent-1", key=KEY, config_digest=bytes(32))


def run() -> Run:
    return Run(source="pbx", plugin="fake", run_id="r", outcome=OBSERVED, covers=Span(from_ms=1, to_ms=2))


def documents(entries: int, size: int) -> Observation:
    return inventory("setting", NOON, [(f"key-{n:05}", {"system": "s" * size}) for n in range(entries)])


def test_a_small_run_is_one_part() -> None:
    (part,) = parts_of(run(), [count("calls_offered", NOON, 3, queue="q")])
    assert (part.part, part.parts, len(part.observations)) == (1, 1, 1)


def test_a_run_without_facts_is_one_part_too() -> None:
    (part,) = parts_of(run(), [])
    assert (part.part, part.parts) == (1, 1)


def test_a_large_inventory_goes_on_in_the_next_part_and_nothing_is_lost() -> None:
    whole = documents(20_000, 100)
    parts = parts_of(run(), [whole, count("calls_offered", NOON, 3, queue="q")])
    assert len(parts) > 2
    assert all(part.ByteSize() <= SPLIT_BYTES for part in parts)
    assert [(part.part, part.parts) for part in parts] == [(n + 1, len(parts)) for n in range(len(parts))]
    pieces = [one.inventory for part in parts for one in part.observations if one.WhichOneof("fact") == "inventory"]
    assert {(piece.kind, piece.as_of_ms, piece.complete) for piece in pieces} == {("setting", 1795348800000, True)}
    assert [entry for piece in pieces for entry in piece.entries] == list(whole.inventory.entries)


def test_every_part_passes_the_contract_when_sealed() -> None:
    for part in parts_of(run(), [documents(9000, 200)]):
        sealed = SIGNER.seal(Draft(body=part), Place(epoch=0, sequence=0, previous=ZERO))
        opened = verify_envelope(sealed.envelope, KEY.public_key(), STATEMENT_TYPE)
        assert opened.digest == sealed.digest
        assert parse_statement(opened.payload).run == part


def test_an_observation_larger_than_any_statement_is_malformed() -> None:
    huge = Observation()
    huge.document.id = "d" * (5 << 20)
    with pytest.raises(Malformed, match="larger than a statement"):
        parts_of(run(), [huge])


def test_a_statement_says_who_when_and_how() -> None:
    place = Place(epoch=2, sequence=0, previous=ZERO, epoch_start=EpochStart(reason=EpochStart.COLLECTOR_AHEAD))
    draft = Draft(body=Note(kind=Note.SPOOL_FULL, detail="full", sources=["pbx"]))
    sealed = SIGNER.seal(draft, place)
    statement = parse_statement(verify_envelope(sealed.envelope, KEY.public_key(), STATEMENT_TYPE).payload)
    assert (statement.center, statement.agent, statement.epoch) == ("north", "agent-1", 2)
    assert statement.epoch_start.reason == EpochStart.COLLECTOR_AHEAD
    assert statement.clock.boot_id == boot_id()
    assert statement.agent_software == agent_software()
    assert draft_of(statement).body == draft.body


def test_the_clock_is_either_disciplined_or_its_offset_is_unknown() -> None:
    clock = clock_quality()
    assert (clock.source, clock.HasField("offset_ms")) in (("ntp", True), ("local", False))


def test_the_software_digest_covers_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    first = digest_of([tmp_path])
    (tmp_path / "a.py").write_text("x = 2")
    second = digest_of([tmp_path])
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, digest_of([tmp_path])}) == 3


@given(secret=st.binary(min_size=32, max_size=32))
def test_a_pseudonym_key_is_read_as_it_was_written(secret: bytes) -> None:
    assert parse_pseudonym_key(format_pseudonym_key(secret)) == secret


@given(text=st.binary(max_size=120) | st.from_regex(rb"ccmm-pseudonym-key-1:[0-9a-f]{64}:[0-9a-f]{16}", fullmatch=True))
def test_any_other_bytes_are_a_malformed_pseudonym_key(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_pseudonym_key(text)


_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        name: st.none() | st.text(max_size=4) | st.integers()
        for name in ("kind", "title", "sha256", "stated_ms", "until_ms", "other")
    },
)


@given(content=st.binary(max_size=100) | st.lists(_FIELDS | st.integers(), max_size=2))
def test_any_content_is_attestations_or_bad_config(content: bytes | list[object]) -> None:
    written = content if isinstance(content, bytes) else json.dumps(content).encode()
    try:
        assert isinstance(parse_stated(written, Path("attestations.json")), tuple)
    except BadConfig:
        return


NEVER = json.dumps([{"kind": "k", "title": "t", "sha256": "0" * 64, "stated_ms": 1, "until_ms": 10**30}])


@pytest.mark.parametrize("content", ["{", NEVER])
def test_damaged_attestations_are_an_unavailable_run_and_end_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "attestations.json").write_text(content)
    reading = read_attestations(tmp_path, cursor=b"", now=datetime(2026, 11, 22, tzinfo=UTC))
    assert (reading.outcome, reading.reason, reading.cursor) == (UNAVAILABLE, "unreadable", None)
    assert "attest again" in reading.detail
