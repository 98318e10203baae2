"""What the modules `every_*` share: how a source of each type, and a system for it, are made."""

import csv
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

Table = dict[str, object]
Builder = Callable[[ExitStack, Path, datetime], Table]  # `stack` ends what it starts; `place` is a folder of its own
HOST = "127.0.0.1"


def secret_file(place: Path, text: str, name: str = "secret") -> str:
    """A file that only its owner reads."""
    path = place / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def export(path: Path, now: datetime, *rows: Sequence[object]) -> Path:
    """A CSV file, its header first, exported now."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    os.utime(path, (now.timestamp(), now.timestamp()))
    return path
