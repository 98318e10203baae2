"""What the modules `every_*` share: how a source of each type, and a system for it, are made."""

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

Table = dict[str, object]
Builder = Callable[[ExitStack, Path, datetime], Table]  # `stack` ends what it starts; `place` is a folder of its own
HOST = "127.0.0.1"
# A person who stands in every system that knows persons: none of these may leave in clear.
NAME, STAFF, MAIL = "Wanda Nachtigall", "E-nachtigall-7", "wanda.nachtigall@center.example"
PHONE = "+8613900139000"
CLEAR = (b"nachtigall", b"13900139000")  # what of them is looked for, letters of either case


def secret_file(place: Path, text: str, name: str = "secret") -> str:
    """A file that only its owner reads."""
    path = place / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def plain(value: object) -> object:
    """As TOML takes it."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def export(path: Path, now: datetime, *rows: Sequence[object]) -> Path:
    """A CSV file, its header first, exported now."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    os.utime(path, (now.timestamp(), now.timestamp()))
    return path
