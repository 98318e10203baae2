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


def main() -> int:
    if len(sys.argv) > 1:
        return mutated(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory(prefix="ccmm-mutants-") as folder:
        return mutated(Path(folder))


def mutated(folder: Path) -> int:
    """0 where enough mutants were killed."""
    if not (folder / "src").exists():
        copied(folder)
    shutil.copy(HERE / "engine.py", folder)
    processes = str(os.cpu_count() or 2)
    done = subprocess.run([sys.executable, "engine.py", "run", "--max-children", processes], cwd=folder, check=False)
    if done.returncode:
        return done.returncode
    files = files_of(folder)
    with contextlib.chdir(folder):
        for file in files:
            print("\n".join(changes(file)))
    print(table(files))
    return 0 if is_enough(files) else 1


if __name__ == "__main__":
    sys.exit(main())
