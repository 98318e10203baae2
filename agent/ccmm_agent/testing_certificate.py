"""For the tests of plugins: certificates that sign themselves, sound or not."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, signed by itself, and its key, in two files."""

    file: Path
    key: Path


def certificate(
    folder: Path, *names: str, begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=1)
) -> Certificate:
    """For these names and addresses (127.0.0.1 where none is given), valid from and to, counted from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a simulator")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(issuer_name=own, subject_name=own, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names or ("127.0.0.1",)]), False)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "simulator.pem", folder / "simulator.key")
    made.file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
