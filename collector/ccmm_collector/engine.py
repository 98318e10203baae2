"""Which code judged: the same evidence may give another verdict by another one."""

import hashlib
from functools import cache
from pathlib import Path

import ccmm_rules

CODE = ("*.py", "vocabulary/*.yaml")  # packs have digests of their own


@cache
def engine_digest() -> str:
    """Of the files that the rules' engine consists of."""
    folder = Path(ccmm_rules.__file__).parent
    digest = hashlib.sha256()
    for path in sorted({path for pattern in CODE for path in folder.rglob(pattern)}):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()
