"""Who this agent is: its two keys and certificate, the center's pseudonym key, and the collector that it believes.

DIR/keys (0700), files 0600:
    evidence.pem    Ed25519, signs statements; made once, never replaced
    transport.pem   P-256 key and, after enrollment, the certificate chain behind it: one file, so that they always fit
    pseudonym.key   the center's; the same at all its agents
DIR/enrollment.json  written last by `join`: center, agent, addresses, and what the collector signs with
"""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ccmm_agent.durable import write_atomically
from ccmm_proto.errors import BadCertificate, BadConfig, Malformed
from ccmm_proto.pseudonym import KEY_BYTES, PseudonymKey

KEYS = "keys"
ENROLLMENT = "enrollment.json"
PSEUDONYM_PREFIX = "ccmm-pseudonym-key-1:"
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """What the collector said when it took this agent in. Byte strings are raw keys or DER, as in EnrollResponse."""

    center: str
    agent: str
    trust_domain: str
    enrollment_host: str
    enrollment_port: int
    evidence_host: str
    evidence_port: int
    receipt_key: bytes
    log_id: str
    log_key: bytes
    root_certificate: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The TLS side: PEM bytes as gRPC wants them, and the certificates parsed, leaf first."""

    key_pem: bytes
    chain_pem: bytes
    chain: tuple[x509.Certificate, ...]

    @property
    def half_life(self) -> datetime:
        """From this instant on the certificate is renewed."""
        leaf = self.chain[0]
        return leaf.not_valid_before_utc + (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 2

    @property
    def not_after(self) -> datetime:
        """The last instant of the certificate."""
        return self.chain[0].not_valid_after_utc


class KeyFolder:
    """DIR/keys. Loading raises BadConfig with the file and what to do."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / KEYS

    def make(self) -> None:
        """The folder and the agent's own two keys, where they are not there yet. Durable when it returns: a second
        `join` after a crash uses the same evidence key, so the token that was spent still serves."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        if not (self._folder / "evidence.pem").exists():
            write_atomically(self._folder / "evidence.pem", private_pem(Ed25519PrivateKey.generate()))
        if not (self._folder / "transport.pem").exists():
            write_atomically(self._folder / "transport.pem", private_pem(ec.generate_private_key(ec.SECP256R1())))

    def evidence(self) -> Ed25519PrivateKey:
        """The key that signs statements."""
        key = self._private("evidence.pem")
        if not isinstance(key, Ed25519PrivateKey):
            raise BadConfig(f"{self._folder / 'evidence.pem'}: expected an Ed25519 key")
        return key

    def transport_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of the transport certificate."""
        key = self._private("transport.pem")
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise BadConfig(f"{self._folder / 'transport.pem'}: expected a P-256 key")
        return key

    def save_transport(self, key: ec.EllipticCurvePrivateKey, chain: tuple[x509.Certificate, ...]) -> None:
        """Key and chain in one file. A crash before leaves the former pair, which still fits together."""
        content = private_pem(key) + b"".join(certificate.public_bytes(_PEM) for certificate in chain)
        write_atomically(self._folder / "transport.pem", content)

    def transport(self) -> Transport:
        """Key and certificate chain. Raises BadConfig."""
        content = self._read("transport.pem")
        try:
            chain = tuple(x509.load_pem_x509_certificates(content))
        except ValueError as error:
            raise BadConfig(f"{self._folder / 'transport.pem'}: no certificate in it: join first") from error
        chain_pem = b"".join(certificate.public_bytes(_PEM) for certificate in chain)
        return Transport(key_pem=private_pem(self.transport_key()), chain_pem=chain_pem, chain=chain)

    def has_pseudonym(self) -> bool:
        """Whether the center's key is here."""
        return (self._folder / "pseudonym.key").exists()

    def save_pseudonym(self, secret: bytes) -> None:
        """Keep the center's key. Durable when it returns."""
        write_atomically(self._folder / "pseudonym.key", format_pseudonym_key(secret))

    def pseudonym_secret(self) -> bytes:
        """The center's key, 32 bytes."""
        return load_pseudonym_key(self._folder / "pseudonym.key")

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise BadConfig(f"{self._folder / name}: cannot be read ({error.strerror}): join first") from error

    def _private(self, name: str) -> object:
        try:
            return serialization.load_pem_private_key(self._read(name), None)
        except ValueError as error:
            raise BadConfig(f"{self._folder / name}: expected a private key in PEM: {error}") from error


def private_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS 8, not encrypted: the file's mode protects it."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def format_pseudonym_key(secret: bytes) -> bytes:
    """One line of text: prefix, secret, and the key's id, so that a typing error shows."""
    return f"{PSEUDONYM_PREFIX}{secret.hex()}:{PseudonymKey(secret).key_id}\n".encode()


def parse_pseudonym_key(text: bytes) -> bytes:
    """The 32 secret bytes; raises Malformed, never telling what it read."""
    try:
        secret_hex, key_id = text.decode("ascii").strip().removeprefix(PSEUDONYM_PREFIX).split(":")
        secret = bytes.fromhex(secret_hex)
    except ValueError as error:
        raise Malformed("not a pseudonym key: one line written by `ccmm-agent export-pseudonym-key`") from error
    if len(secret) != KEY_BYTES or PseudonymKey(secret).key_id != key_id:
        raise Malformed("a damaged pseudonym key: export it again")
    return secret


def load_pseudonym_key(path: Path) -> bytes:
    """The key in a file. Raises BadConfig."""
    try:
        return parse_pseudonym_key(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise BadConfig(f"{path}: {error}") from error


def save_enrollment(folder: Path, enrollment: Enrollment) -> None:
    """The last write of `join`: with it the agent has joined."""
    table = {name: _to_json(getattr(enrollment, name)) for name in Enrollment.__slots__}
    write_atomically(folder / ENROLLMENT, json.dumps(table, indent=2).encode() + b"\n")


def load_enrollment(folder: Path) -> Enrollment:
    """Raises BadConfig where the agent has not joined or the file is damaged."""
    path = folder / ENROLLMENT
    try:
        table = json.loads(path.read_bytes())
        values = {name: _from_json(name, table[name]) for name in Enrollment.__slots__}
        Ed25519PublicKey.from_public_bytes(values["receipt_key"])  # type: ignore[arg-type]  # bytes by its name
        return Enrollment(**values)  # type: ignore[arg-type]  # types checked by _from_json
    except OSError as error:
        raise BadConfig(f"{path}: this agent has not joined: `ccmm-agent join CODE {folder}`") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadConfig(f"{path}: damaged ({error}): join again in a new folder") from error


def _to_json(value: str | int | bytes) -> str | int:
    return value.hex() if isinstance(value, bytes) else value


def _from_json(name: str, value: object) -> str | int | bytes:
    expected = Enrollment.__annotations__[name]
    if expected is int and type(value) is int:
        return value
    if expected is not int and isinstance(value, str):
        return bytes.fromhex(value) if expected is bytes else value
    raise ValueError(f"{name} is not {expected.__name__}")


def root_pem(enrollment: Enrollment) -> bytes:
    """The collector's root certificate as gRPC wants it."""
    return x509.load_der_x509_certificate(enrollment.root_certificate).public_bytes(_PEM)


def verify_transport(transport: Transport, enrollment: Enrollment, at: datetime) -> None:
    """Raises BadCertificate and says which of dates, issuer and name is wrong: inside TLS nobody would."""
    leaf = transport.chain[0]
    if at < leaf.not_valid_before_utc:
        raise BadCertificate(
            f"this agent's certificate is valid from {leaf.not_valid_before_utc:%F %T}Z: check the clock"
        )
    if at > leaf.not_valid_after_utc:
        raise BadCertificate(
            f"this agent's certificate expired at {leaf.not_valid_after_utc:%F %T}Z: it must be renewed"
        )
    verify_chain(transport.chain, x509.load_der_x509_certificate(enrollment.root_certificate))
    wanted = f"spiffe://{enrollment.trust_domain}/center/{enrollment.center}/agent/{enrollment.agent}"
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise BadCertificate("this agent's certificate carries no name") from error
    if wanted not in names.get_values_for_type(x509.UniformResourceIdentifier):
        raise BadCertificate(f"this agent's certificate is not for {wanted}")


def verify_chain(chain: tuple[x509.Certificate, ...], root: x509.Certificate) -> None:
    """Each certificate was issued by the next, the last by the root; raises BadCertificate."""
    issuers = (*chain[1:], root) if chain[-1] != root else chain[1:]
    for certificate, issuer in zip(chain, issuers, strict=False):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            name = certificate.issuer.rfc4514_string()
            raise BadCertificate(f"the issuer {name!r} of this agent's certificate is not the collector's") from error


def export_pseudonym_key(keys: KeyFolder, target: Path) -> None:
    """Write the center's key to a new file, 0600. Raises BadConfig where the file exists or cannot be written."""
    content = format_pseudonym_key(keys.pseudonym_secret())
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadConfig(f"{target}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
