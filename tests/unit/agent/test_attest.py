from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccmm_agent.attest import Stated, load_stated, observation_of, parse_setting, read_attestations, state
from ccmm_proto.errors import BadConfig
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


def test_what_an_attestation_says_beside_its_title_travels_typed(tmp_path: Path) -> None:
    settings = dict(parse_setting(one) for one in ("m2_per_seat=4.5", "rest_area=yes", "approved=2026-03-01"))
    stated = Stated(kind="workplace", title="floor", sha256="0" * 64, stated_ms=1, until_ms=None, attributes=settings)
    state(tmp_path, stated)
    (kept,) = load_stated(tmp_path)
    found = {one.name: one.value for one in observation_of(kept).attestation.attributes}
    assert (found["m2_per_seat"].number, found["rest_area"].flag) == (4.5, True)
    assert found["approved"].time_ms == 1_772_323_200_000


@pytest.mark.parametrize(
    "text", ["m2_per_seat=wide", "rest_area=perhaps", "colour=red", "until=2027-01-01", "approved=x"]
)
def test_a_setting_that_no_attestation_has_is_named(text: str) -> None:
    with pytest.raises(BadConfig, match="--set"):
        parse_setting(text)
