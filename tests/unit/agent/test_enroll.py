"""Joining and renewing against a real gRPC server with trustme certificates."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ccmm_agent.config import load_config
from ccmm_agent.enroll import renew
from ccmm_agent.epoch_file import EpochFile, EpochMark
from ccmm_agent.identity import (
    KeyFolder,
    export_pseudonym_key,
    load_enrollment,
    verify_transport,
)
from ccmm_agent.join import config_text, join
from ccmm_proto.errors import BadCertificate, BadConfig, Malformed, Permanent, Revoked, TokenRefused, Unreachable
from ccmm_proto.join_code import format_join_code
from tests.support.fake_collector import AGENT, CENTER, Authority, FakeCollector
from tests.support.homes import collector, joined

__all__ = ["collector", "joined"]


def test_join_writes_keys_certificate_and_configuration(joined: Path) -> None:
    enrollment = load_enrollment(joined)
    assert (enrollment.center, enrollment.agent) == (CENTER, AGENT)
    verify_transport(KeyFolder(joined).transport(), enrollment, datetime.now(UTC))
    assert load_config(joined).zone.key == "Asia/Shanghai"


def test_keys_are_readable_by_this_account_only(joined: Path) -> None:
    assert stat.S_IMODE((joined / "keys").stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (joined / "keys").iterdir()}
    assert modes == {"evidence.pem": 0o600, "transport.pem": 0o600, "pseudonym.key": 0o600}


def test_a_second_join_in_the_same_folder_uses_the_same_evidence_key(collector: FakeCollector, joined: Path) -> None:
    before = collector.evidence_keys[AGENT]
    join(format_join_code(collector.join_code()), joined, pseudonym_key=None, zone="UTC")
    assert collector.evidence_keys[AGENT] == before


def test_a_spent_token_does_not_serve_another_key(collector: FakeCollector, joined: Path, tmp_path: Path) -> None:
    with pytest.raises(TokenRefused):
        join(format_join_code(collector.join_code()), tmp_path / "other", pseudonym_key=None, zone="UTC")


def test_join_after_the_first_receipt_is_refused(collector: FakeCollector, joined: Path) -> None:
    EpochFile(joined).write(EpochMark(epoch=0, last_receipt=b"receipt"))
    with pytest.raises(Permanent, match="new folder"):
        join(format_join_code(collector.join_code()), joined, pseudonym_key=None, zone="UTC")


def test_another_certificate_than_the_code_names_is_refused(collector: FakeCollector, tmp_path: Path) -> None:
    code = collector.join_code()
    code.certificate_sha256 = bytes(32)
    with pytest.raises(BadCertificate, match="another certificate"):
        join(format_join_code(code), tmp_path / "agent", pseudonym_key=None, zone="UTC")


def test_no_collector_there_is_unreachable(collector: FakeCollector, tmp_path: Path) -> None:
    code = format_join_code(collector.join_code())
    collector.stop()
    with pytest.raises(Unreachable, match="is the collector running"):
        join(code, tmp_path / "agent", pseudonym_key=None, zone="UTC")


def test_a_damaged_join_code_and_an_unknown_zone_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Malformed):
        join("ccmm1-abc", tmp_path / "agent", pseudonym_key=None, zone="UTC")
    assert not (tmp_path / "agent").exists()


def test_an_unknown_zone_is_named(collector: FakeCollector, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="Asia/Nowhere"):
        join(format_join_code(collector.join_code()), tmp_path / "agent", pseudonym_key=None, zone="Asia/Nowhere")
    assert not (tmp_path / "agent").exists()


def test_the_second_agent_of_a_center_needs_the_key_of_the_first(
    collector: FakeCollector, joined: Path, tmp_path: Path
) -> None:
    collector.first_agent = False
    collector.tokens["token-2"] = ""
    code, second = format_join_code(collector.join_code("token-2")), tmp_path / "second"
    with pytest.raises(Permanent, match="export-pseudonym-key"):
        join(code, second, pseudonym_key=None, zone="UTC")
    carried = tmp_path / "carried.key"
    export_pseudonym_key(KeyFolder(joined), carried)
    assert stat.S_IMODE(carried.stat().st_mode) == 0o600
    join(code, second, pseudonym_key=carried, zone="UTC")
    assert KeyFolder(second).pseudonym_secret() == KeyFolder(joined).pseudonym_secret()


def test_the_key_is_not_exported_over_an_existing_file(joined: Path, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.write_text("precious")
    with pytest.raises(BadConfig, match="cannot be written"):
        export_pseudonym_key(KeyFolder(joined), target)
    assert target.read_text() == "precious"


def test_renewal_brings_a_certificate_for_the_new_key(collector: FakeCollector, joined: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    enrollment = load_enrollment(joined)
    chain = renew(enrollment, KeyFolder(joined).evidence(), key)
    KeyFolder(joined).save_transport(key, chain)
    transport = KeyFolder(joined).transport()
    assert transport.chain[0].public_key() == key.public_key()
    verify_transport(transport, enrollment, datetime.now(UTC))


def test_renewal_of_a_revoked_agent_says_so(collector: FakeCollector, joined: Path) -> None:
    collector.revoked = True
    with pytest.raises(Revoked):
        renew(load_enrollment(joined), KeyFolder(joined).evidence(), ec.generate_private_key(ec.SECP256R1()))


def test_renewal_does_not_believe_a_server_of_another_root(collector: FakeCollector, joined: Path) -> None:
    collector.stop()
    impostor = FakeCollector()
    impostor.enroll_port = collector.enroll_port
    impostor.start()
    try:
        with pytest.raises(Unreachable):
            renew(load_enrollment(joined), KeyFolder(joined).evidence(), ec.generate_private_key(ec.SECP256R1()))
    finally:
        impostor.stop()


def test_dates_issuer_and_name_of_the_own_certificate_are_told_apart(collector: FakeCollector, joined: Path) -> None:
    enrollment, transport = load_enrollment(joined), KeyFolder(joined).transport()
    now = datetime.now(UTC)
    with pytest.raises(BadCertificate, match="expired"):
        verify_transport(transport, enrollment, now + timedelta(days=8))
    with pytest.raises(BadCertificate, match="check the clock"):
        verify_transport(transport, enrollment, now - timedelta(days=1))
    with pytest.raises(BadCertificate, match="not for spiffe"):
        verify_transport(transport, replace(enrollment, agent="somebody"), now)
    foreign = Authority().issue(KeyFolder(joined).transport_key().public_key(), life=timedelta(days=1))
    with pytest.raises(BadCertificate, match="issuer"):
        verify_transport(replace(transport, chain=(foreign,)), enrollment, now)


def test_what_join_writes_is_short_and_a_configuration_without_sources(tmp_path: Path) -> None:
    text = config_text(tmp_path, "Asia/Shanghai")
    assert len(text.splitlines()) < 25
    assert f"ccmm-agent add-source {tmp_path} TYPE" in text
    (tmp_path / "agent.toml").write_text(text)
    config = load_config(tmp_path)
    assert (config.sources, config.zone.key) == ((), "Asia/Shanghai")
