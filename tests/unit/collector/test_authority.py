"""The certificate authority: what it signs, for how long, and what it does without its root key."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector.authority import Authority, agent_uri, parse_agent_uri, parse_request, renew_issuing
from ccmm_collector.config import Config, new_config
from ccmm_collector.init import init
from ccmm_proto.errors import BadCertificate, BadConfig
from tests.unit.collector.small_agent import Transport

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)


def server_leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates((folder / "keys" / "server.pem").read_bytes())[0]


def test_the_server_certificate_names_the_address_and_this_machine(tmp_path: Path) -> None:
    init(tmp_path / "c", new_config("c", "collector.example.org:1"))
    names = server_leaf(tmp_path / "c").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["collector.example.org", "localhost"]
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))


def test_the_server_certificate_is_made_again_at_half_life_and_where_the_host_changed(
    folder: Path, config: Config
) -> None:
    now = datetime.now(UTC)
    authority = Authority.load(folder, config)
    first = authority.server_files(now)
    assert authority.server_files(now + timedelta(days=100)) == first
    later = authority.server_files(now + timedelta(days=250))
    assert later != first
    moved = Authority.load(folder, new_config("collector", "10.0.0.7:0"))
    assert moved.server_files(now + timedelta(days=250)) != later


def test_no_certificate_outlives_the_issuing_key(folder: Path, config: Config) -> None:
    authority = Authority.load(folder, config)
    late = authority.issuing.not_valid_after_utc - timedelta(days=2)
    issued = authority.issue(parse_request(Transport().csr()), "north", "agent-1", late)
    assert issued.not_after_ms == authority.issuing.not_valid_after_utc.timestamp() * 1000
    with pytest.raises(BadConfig, match="renew-ca"):
        authority.issue(parse_request(Transport().csr()), "north", "agent-1", late + timedelta(days=3))


def test_an_agent_cannot_issue_and_is_no_server(folder: Path, config: Config) -> None:
    authority = Authority.load(folder, config)
    issued = authority.issue(parse_request(Transport().csr()), "north", "agent-1", datetime.now(UTC))
    leaf = x509.load_der_x509_certificate(issued.chain[0])
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_root_key_makes_a_new_issuing_key_under_the_same_root(folder: Path, config: Config) -> None:
    before = Authority.load(folder, config)
    elsewhere = folder.parent / "safe.key"
    (folder / "root-key" / "root.key").rename(elsewhere)
    renew_issuing(folder, config, elsewhere, datetime.now(UTC))
    after = Authority.load(folder, config)
    assert after.issuing != before.issuing
    assert after.root == before.root
    after.issuing.verify_directly_issued_by(after.root)
    files = after.server_files(datetime.now(UTC))
    server_leaf(folder).verify_directly_issued_by(after.issuing)
    assert files == after.server_files(datetime.now(UTC))


def test_the_root_key_of_another_collector_is_refused(folder: Path, config: Config, tmp_path: Path) -> None:
    init(tmp_path / "other", config)
    with pytest.raises(BadConfig, match="not the root key"):
        renew_issuing(folder, config, tmp_path / "other" / "root-key" / "root.key", datetime.now(UTC))


def test_keys_are_readable_by_their_owner_only(folder: Path) -> None:
    assert folder.stat().st_mode & 0o077 == 0
    keys = [*folder.rglob("*.key")]
    assert sorted(key.name for key in keys) == ["issuing.key", "log.key", "receipt.key", "root.key", "server.key"]
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
    assert "off-line" in (folder / "root-key" / "README.txt").read_text()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named(folder: Path, config: Config, content: bytes) -> None:
    (folder / "keys" / "issuing.key").write_bytes(content)
    with pytest.raises(BadConfig, match=r"issuing\.key: a private key"):
        Authority.load(folder, config)


def test_init_leaves_a_folder_that_is_not_empty_alone(folder: Path, config: Config) -> None:
    before = sorted(path.name for path in folder.iterdir())
    with pytest.raises(BadConfig, match="not empty"):
        init(folder, config)
    assert sorted(path.name for path in folder.iterdir()) == before


@given(center=NAMES, agent=NAMES)
def test_parsing_an_identity_undoes_formatting_it(center: str, agent: str) -> None:
    assert parse_agent_uri(agent_uri("c.ccmm", center, agent), "c.ccmm") == (center, agent)


@given(st.text(max_size=60))
def test_only_bad_certificate_escapes_from_parsing_an_identity(text: str) -> None:
    for uri in (text, f"spiffe://c.ccmm/center/{text}", f"spiffe://other.ccmm/center/a/agent/{text}"):
        try:
            center, agent = parse_agent_uri(uri, "c.ccmm")
        except BadCertificate:
            continue
        assert agent_uri("c.ccmm", center, agent) == uri
