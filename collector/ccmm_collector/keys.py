"""Private keys on disk: PEM files that only their owner can read."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ccmm_proto.errors import BadConfig


def save_private_key(path: Path, key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> None:
    """Write the key to a new file of mode 0600, in a folder of mode 0700."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(descriptor)


def load_ed25519_key(path: Path) -> Ed25519PrivateKey:
    """The signing key in this file; raises BadConfig."""
    key = _load(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfig(f"{path}: not an Ed25519 key")
    return key


def load_ec_key(path: Path) -> EllipticCurvePrivateKey:
    """The elliptic-curve key in this file; raises BadConfig."""
    key = _load(path)
    if not isinstance(key, EllipticCurvePrivateKey):
        raise BadConfig(f"{path}: not an elliptic-curve key")
    return key


def _load(path: Path) -> object:
    try:
        return load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadConfig(f"{path}: a private key (PEM) is expected: {error}") from error


def replace_private_key(path: Path, key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> None:
    """Put a newer key in the place of the one in this file, at once or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    save_private_key(fresh, key)
    fresh.replace(path)


def save_public(path: Path, content: bytes) -> None:
    """Write something that is no secret, at once or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
