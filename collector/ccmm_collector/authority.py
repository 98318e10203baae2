"""The collector's certificate authority: a root whose key lives off-line, and the issuing key that `serve` works with.

keys/root.pem, keys/issuing.pem     certificates        keys/issuing.key    on-line
keys/server.pem, keys/server.key    of both ports       root-key/root.key   to be moved off-line: nothing here needs it
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ccmm_collector import keys
from ccmm_collector.config import Config
from ccmm_proto.errors import BadCertificate, BadConfig, Malformed

KEYS = Path("keys")
ROOT_KEY = Path("root-key/root.key")
ROOT_LIFE = timedelta(days=20 * 365)
ISSUING_LIFE = timedelta(days=3 * 365)
SERVER_LIFE = timedelta(days=397)
CLOCK_SLACK = timedelta(minutes=5)

ROOT_NOTE = """root.key signs the certificate of the issuing key, and nothing else. `serve` never reads it.
Move this folder to a medium that is kept off-line, in two places. You need it again every three years, or when the
issuing key was stolen: ccmm-collector renew-ca DIR --root-key FILE
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate for an agent."""

    chain: tuple[bytes, ...]  # DER, leaf first
    serial: str  # hexadecimal
    not_after_ms: int


def agent_uri(trust_domain: str, center: str, agent: str) -> str:
    """The identity that stands in an agent's certificate."""
    return f"spiffe://{trust_domain}/center/{center}/agent/{agent}"


def parse_agent_uri(uri: str, trust_domain: str) -> tuple[str, str]:
    """Center and agent of the identity; raises BadCertificate."""
    prefix = f"spiffe://{trust_domain}/center/"
    center, separator, agent = uri.removeprefix(prefix).partition("/agent/")
    if not uri.startswith(prefix) or not separator or not center or not agent or "/" in center + agent:
        raise BadCertificate("the certificate does not name an agent of this collector")
    return center, agent


def parse_request(der: bytes) -> x509.CertificateSigningRequest:
    """A certificate request for a P-256 key that signed it itself; raises Malformed."""
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        good = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise Malformed("transport_csr is not a certificate request") from error
    if not good or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Malformed("transport_csr: a P-256 key that signed its own request is expected")
    return request


def create_authority(folder: Path, config: Config, now: datetime) -> None:
    """Root and issuing key in a new folder."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{config.name} root")
    builder = _builder(name, name, root_key.public_key(), root_key.public_key(), now, ROOT_LIFE)
    root = _ca(builder, path_length=1).sign(root_key, hashes.SHA256())
    keys.save_private_key(folder / ROOT_KEY, root_key)
    (folder / ROOT_KEY).with_name("README.txt").write_text(ROOT_NOTE, encoding="utf-8")
    keys.save_public(folder / KEYS / "root.pem", root.public_bytes(Encoding.PEM))
    renew_issuing(folder, config, folder / ROOT_KEY, now)


def renew_issuing(folder: Path, config: Config, root_key_file: Path, now: datetime) -> None:
    """A new issuing key, signed by the root key in `root_key_file`; takes effect at the next start of `serve`."""
    root_key = keys.load_ec_key(root_key_file)
    root = _load_certificates(folder / KEYS / "root.pem")[0]
    if root.public_key() != root_key.public_key():
        raise BadConfig(f"{root_key_file}: not the root key of {folder}")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(
        _name(f"{config.name} issuing"), root.subject, key.public_key(), root_key.public_key(), now, ISSUING_LIFE
    )
    certificate = _ca(builder, path_length=0).sign(root_key, hashes.SHA256())
    keys.replace_private_key(folder / KEYS / "issuing.key", key)
    keys.save_public(folder / KEYS / "issuing.pem", certificate.public_bytes(Encoding.PEM))


class Authority:
    """The issuing key, loaded. The root key is not needed."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder / KEYS
        self._config = config
        self._key = keys.load_ec_key(self._folder / "issuing.key")
        self.root = _load_certificates(self._folder / "root.pem")[0]
        self.issuing = _load_certificates(self._folder / "issuing.pem")[0]
        if self.issuing.public_key() != self._key.public_key():
            raise BadConfig(f"{self._folder}: issuing.key and issuing.pem do not belong together: run renew-ca")

    @classmethod
    def load(cls, folder: Path, config: Config) -> Self:
        """The authority in this folder; raises BadConfig."""
        return cls(folder, config)

    @property
    def trust(self) -> bytes:
        """PEM: what a certificate of an agent must lead up to."""
        return self.issuing.public_bytes(Encoding.PEM) + self.root.public_bytes(Encoding.PEM)

    @property
    def root_der(self) -> bytes:
        return self.root.public_bytes(Encoding.DER)

    def issue(self, request: x509.CertificateSigningRequest, center: str, agent: str, now: datetime) -> Issued:
        """A certificate for the agent's transport key; nothing of the request but the key is taken over."""
        key = request.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        uri = x509.UniformResourceIdentifier(agent_uri(self._config.trust_domain, center, agent))
        certificate = self._sign(
            key, _name(agent), [uri], ExtendedKeyUsageOID.CLIENT_AUTH, now, self._config.certificate_life
        )
        return Issued(
            chain=(certificate.public_bytes(Encoding.DER), self.issuing.public_bytes(Encoding.DER)),
            serial=format(certificate.serial_number, "x"),
            not_after_ms=int(certificate.not_valid_after_utc.timestamp() * 1000),
        )

    def server_files(self, now: datetime) -> tuple[bytes, bytes]:
        """Key and certificate chain of both ports, PEM; made again before they run out or where the host changed."""
        key_file, chain_file = self._folder / "server.key", self._folder / "server.pem"
        if not chain_file.exists() or not self._serves(_load_certificates(chain_file)[0], now):
            key = ec.generate_private_key(ec.SECP256R1())
            leaf = self._sign(
                key.public_key(),
                _name(self._config.host),
                self._names(),
                ExtendedKeyUsageOID.SERVER_AUTH,
                now,
                SERVER_LIFE,
            )
            keys.replace_private_key(key_file, key)
            chain = leaf.public_bytes(Encoding.PEM) + self.issuing.public_bytes(Encoding.PEM)
            keys.save_public(chain_file, chain)
        return key_file.read_bytes(), chain_file.read_bytes()

    def server_sha256(self) -> bytes:
        """Fingerprint of the server's certificate (DER), for join codes."""
        return _load_certificates(self._folder / "server.pem")[0].fingerprint(hashes.SHA256())

    def _serves(self, leaf: x509.Certificate, now: datetime) -> bool:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = self._folder / "server.key"
        return (
            list(names) == self._names()
            and _is_issued_by(leaf, self.issuing)
            and leaf.not_valid_after_utc - now > min(SERVER_LIFE, self.issuing.not_valid_after_utc - now) / 2
            and keys.load_ec_key(key).public_key() == leaf.public_key()
        )

    def _names(self) -> list[x509.GeneralName]:
        hosts = dict.fromkeys((self._config.host, "localhost", "127.0.0.1", "::1"))
        return [_general_name(host) for host in hosts]

    def _sign(
        self,
        key: ec.EllipticCurvePublicKey,
        subject: x509.Name,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        now: datetime,
        life: timedelta,
    ) -> x509.Certificate:
        life = min(life, self.issuing.not_valid_after_utc - now)
        if life <= timedelta(0):
            raise BadConfig("the issuing key ran out: run ccmm-collector renew-ca DIR --root-key FILE")
        return (
            _builder(subject, self.issuing.subject, key, self._key.public_key(), now, life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _ca(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True).add_extension(
        _usage(signs_certificates=True), critical=True
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _is_issued_by(leaf: x509.Certificate, issuing: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuing)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load_certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path}: certificates (PEM) are expected: {error}") from error


def utc_now() -> datetime:
    return datetime.now(UTC)
