"""Who answers for a rule pack: an Ed25519 signature over its manifest, in the file `pack.sig` beside `pack.yaml`.

    sign_pack(folder, load(folder), key)
    verify_pack(folder, load(folder), trusted_keys)     # the name of the one who signed, or BadSignature

The manifest names the pack, its digest and the SHA-256 of every file, so that a changed file is named. The signature
file is no part of the digest.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ccmm_proto.envelope import PACK_TYPE, Opened, parse_envelope, sign_envelope, verify_opened
from ccmm_proto.errors import BadConfig, BadSignature, Malformed
from ccmm_proto.v1.service_pb2 import PackFile, PackManifest
from ccmm_proto.wire import parse_message
from ccmm_rules.load import SIGNATURE, files_of
from ccmm_rules.model import Pack

SIGNATURE_FILE = SIGNATURE
_LARGEST_SIGNATURE = 1 << 20


def manifest_of(folder: Path, pack: Pack) -> PackManifest:
    """What a signature covers."""
    files = [
        PackFile(path=path.relative_to(folder).as_posix(), sha256=hashlib.sha256(path.read_bytes()).digest())
        for path in files_of(folder)
    ]
    return PackManifest(
        pack=pack.id,
        version=pack.version,
        digest=bytes.fromhex(pack.digest),
        files=sorted(files, key=lambda file: file.path),
    )


def sign_pack(folder: Path, pack: Pack, key: Ed25519PrivateKey) -> Path:
    """Write the signature beside the pack, at once or not at all."""
    payload = manifest_of(folder, pack).SerializeToString(deterministic=True)
    path = folder / SIGNATURE_FILE
    fresh = path.with_suffix(".new")
    try:
        fresh.write_bytes(sign_envelope(PACK_TYPE, payload, key, keyid=key.public_key().public_bytes_raw().hex()))
        fresh.replace(path)
    except OSError as error:
        raise BadConfig(f"{path} cannot be written: {error}") from error
    return path


def load_signature(folder: Path) -> Opened | None:
    """The signature in a pack's folder, not verified yet; None where there is none. Raises Malformed."""
    path = folder / SIGNATURE_FILE
    if not path.is_file():
        return None
    if path.stat().st_size > _LARGEST_SIGNATURE:
        raise Malformed(f"{path}: too large for a signature")
    opened = parse_envelope(path.read_bytes())
    if opened.payload_type != PACK_TYPE:
        raise Malformed(f"{path}: a signature for {opened.payload_type}, not for a rule pack")
    return opened


def hinted_key(opened: Opened) -> Ed25519PublicKey:
    """The key that a signature says it was made with. Nobody has said yet whose it is. Raises Malformed."""
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(opened.keyid))
    except ValueError as error:
        raise Malformed(f"{SIGNATURE_FILE} names no public key") from error


def signer_of(opened: Opened, trusted: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Name and key of the one of the trusted who signed; raises BadSignature."""
    for name, key in sorted(trusted.items()):
        try:
            verify_opened(opened, Ed25519PublicKey.from_public_bytes(key))
        except BadSignature:
            continue
        return name, key
    raise BadSignature(f"signed by no key of the trust list; known there: {', '.join(sorted(trusted)) or 'none yet'}")


def verify_manifest(opened: Opened, folder: Path, pack: Pack) -> PackManifest:
    """That a signature covers this very pack; raises BadSignature naming what differs, or Malformed."""
    signed, found = parse_message(PackManifest, opened.payload), manifest_of(folder, pack)
    ours, theirs = ({file.path: file.sha256 for file in manifest.files} for manifest in (found, signed))
    for path in sorted(ours.keys() | theirs.keys()):
        if ours.get(path) != theirs.get(path):
            what = "is gone" if path not in ours else "is new" if path not in theirs else "was changed"
            raise BadSignature(f"{folder / path} {what} since the pack was signed: sign it again, or restore it")
    if (signed.pack, signed.version, signed.digest) != (found.pack, found.version, found.digest):
        raise BadSignature(f"{folder} is not the pack that was signed: {signed.pack} {signed.version}")
    return signed
