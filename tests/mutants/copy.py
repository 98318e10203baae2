"""The engine and the tests of its rules, copied to where mutmut finds them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
_TESTS = ("__init__.py", "conftest.py", "unit/__init__.py")


def copied(folder: Path, settings: str) -> None:
    """Fills a new folder: the package below `src`, the tests of the rules, the settings of that name."""
    shutil.copytree(ROOT / "ccmm_rules" / "ccmm_rules", folder / "src" / "ccmm_rules", ignore=_no_bytecode)
    shutil.copytree(ROOT / "tests" / "unit" / "rules", folder / "tests" / "unit" / "rules", ignore=_no_bytecode)
    for name in _TESTS:
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(HERE / f"{settings}.toml", folder / "pyproject.toml")


_no_bytecode = shutil.ignore_patterns("__pycache__")
