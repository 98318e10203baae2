"""Leaf and root hashes of the evidence log (FORMATS §2, RFC 6962 §2.1).

The recorded time is part of the leaf, because backfill and "as known at" rest on it.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(recorded_ms: int, pae: bytes, signature: bytes) -> bytes:
    """SHA-256(0x00 || recorded time, 8 bytes big-endian || PAE || signature), 32 bytes."""
    return hashlib.sha256(b"\x00" + recorded_ms.to_bytes(8, "big") + pae + signature).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes, in order; of none: SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1  # largest power of two below the count
    return node_hash(root_hash(leaves[:split]), root_hash(leaves[split:]))
