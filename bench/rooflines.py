"""What this machine can do at best: the ceilings that the rows are compared with."""

import os
import sqlite3
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.load import statements
from ccmm_proto.envelope import parse_envelope, verify_opened
from ccmm_proto.v1.statement_pb2 import Statement


def raw_insert(place: Path, rows: int, size: int, batch: int = 64) -> float:
    """Rows a second into a bare SQLite table: equal bytes, WAL, synchronous=FULL, a commit per batch."""
    blob = os.urandom(size)
    path = place / f"raw-{rows}-{size}.sqlite"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB)")
    started = time.perf_counter()
    for first in range(0, rows, batch):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO raw VALUES (?, ?)", ((n, blob) for n in range(first, first + batch)))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    path.unlink()
    return rows / seconds


def verifications(observations: int, rounds: int = 400) -> float:
    """Ed25519 verifications a second, one core, of statements of so many observations."""
    key = Ed25519PrivateKey.generate()
    opened = parse_envelope(statements(key, "c", "a", 1, observations)[0])
    public = key.public_key()
    started = time.perf_counter()
    for _ in range(rounds):
        verify_opened(opened, public)
    return rounds / (time.perf_counter() - started)


def parses(observations: int, rounds: int = 400) -> float:
    """Statements a second that protobuf alone parses, one core."""
    payload = parse_envelope(statements(Ed25519PrivateKey.generate(), "c", "a", 1, observations)[0]).payload
    started = time.perf_counter()
    for _ in range(rounds):
        Statement.FromString(payload)
    return rounds / (time.perf_counter() - started)
