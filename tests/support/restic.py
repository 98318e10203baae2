"""A real restic repository with one copy in it, of the Debian package restic."""

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

PASSWORD = "restic-password-of-this-test"


def repository(folder: Path, at: datetime) -> Path:
    """In `folder`, with its password file `password`; the copy has the tag `crm`. Skips where restic is not there."""
    if not shutil.which("restic"):
        pytest.skip("restic is not installed (Debian package restic)")
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "password").chmod(0o600)
    (folder / "source").mkdir()
    (folder / "source" / "customers").write_text("a line\n" * 100)
    _restic(folder, "init")
    _restic(folder, "backup", "--tag", "crm", "--time", f"{at:%Y-%m-%d %H:%M:%S}", str(folder / "source"))
    return folder / "repository"


def _restic(folder: Path, *words: str) -> None:
    common = ("--repo", str(folder / "repository"), "--password-file", str(folder / "password"), "--no-cache")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TZ": "UTC"}
    done = subprocess.run(
        ("restic", *common, *words), env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
