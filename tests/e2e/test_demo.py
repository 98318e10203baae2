"""`make demo` keeps its promise: three centers with differing levels, and nothing left running."""

import re
import subprocess
import sys
from pathlib import Path


def running_below(place: Path) -> list[str]:
    """Command lines of processes that name this folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if str(place) in line and "pytest" not in line]


def test_the_demo_shows_three_centers_with_differing_levels_and_leaves_nothing_running(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "demo", place], capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    levels = re.findall(r"│ (harbour|riverside|glasstower) +│ (L[1-5]|below L1) ", done.stdout)
    assert levels == [("harbour", "L3"), ("riverside", "L2"), ("glasstower", "below L1")], done.stdout
    assert "provisional" in done.stdout
    assert running_below(place) == []
