from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccmm_agent.attest import read_attestations
from ccmm_proto.v1.statement_pb2 import EMPTY

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_a_first_look_that_finds_no_attestation_vouches_for_that(tmp_path: Path) -> None:
    reading = read_attestations(tmp_path, cursor=b"", now=NOW)
    assert reading.outcome == EMPTY
    assert reading.covers is not None
    assert reading.covers[0] < reading.covers[1] == NOW


def test_the_next_look_vouches_from_the_last_one_on(tmp_path: Path) -> None:
    first = read_attestations(tmp_path, cursor=b"", now=NOW)
    assert first.cursor is not None
    later = NOW + timedelta(hours=6)
    assert read_attestations(tmp_path, cursor=first.cursor, now=later).covers == (NOW, later)
