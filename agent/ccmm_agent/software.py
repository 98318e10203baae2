"""What software signs: name, version, and a digest over the installed files."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import ccmm_agent
import ccmm_proto
from ccmm_proto.v1.statement_pb2 import Software

DISTRIBUTION = "ccmm-agent"


def digest_of(folders: list[Path]) -> bytes:
    """SHA-256 over the names and contents of all Python files below the folders, in order of their names."""
    total = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            name = f"{folder.name}/{path.relative_to(folder)}".encode()
            total.update(len(name).to_bytes(4, "big") + name + hashlib.sha256(path.read_bytes()).digest())
    return total.digest()


@cache
def agent_software() -> Software:
    """This agent: its own files and those of the contract. Read once per process."""
    folders = [Path(package.__path__[0]) for package in (ccmm_agent, ccmm_proto)]
    return Software(name=DISTRIBUTION, version=version(DISTRIBUTION), digest=digest_of(folders))
