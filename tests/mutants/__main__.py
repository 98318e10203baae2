"""`make mutants`: copy, mutate, run the tests, tell what survived. Without arguments in a folder that is then deleted.

`python -m tests.mutants FOLDER` works in a folder that stays: another run there goes on where the last one ended.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.mutants.copy import HERE, copied
from tests.mutants.tally import changes, files_of, is_enough, table

PARTS = ("loading", "judging")


def main() -> int:
    if len(sys.argv) > 1:
        return mutated(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="ccmm-mutants-") as folder:
        return mutated(Path(folder))


def mutated(folder: Path) -> int:
    """0 where enough mutants were killed."""
    files = []
    for part in PARTS:
        home = folder / part
        if not home.exists():
            copied(home, part)
        shutil.copy(HERE / "engine.py", home)
        processes = str(os.cpu_count() or 2)
        done = subprocess.run([sys.executable, "engine.py", "run", "--max-children", processes], cwd=home, check=False)
        if done.returncode:
            return done.returncode
        found = files_of(home)
        with contextlib.chdir(home):
            print("\n".join(line for file in found for line in changes(file)))
        files += found
    print(table(files))
    return 0 if is_enough(files) else 1


if __name__ == "__main__":
    sys.exit(main())
