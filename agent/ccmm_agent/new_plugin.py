"""`new-plugin`: a whole plugin package from templates; as written it reads an export and passes its own tests.

write_plugin("bell", Path("ccmm-plugin-bell"))
"""

import keyword
import re
from importlib.machinery import PathFinder
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from ccmm_agent.config import ATTESTATIONS
from ccmm_agent.plugins import plugin_entry_points
from ccmm_proto.errors import BadConfig

TEMPLATES: Final = "plugin_template"
SUFFIX: Final = ".txt"  # so that no tool takes a template for what it will be
PACKAGE: Final = "package"  # the folder that gets the package's name
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_NAME: Final = 30


def write_plugin(name: str, folder: Path) -> list[Path]:
    """The files of a plugin with this word, in a folder that is new or empty. Raises BadConfig; then nothing stands."""
    _refuse_name(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadConfig(f"{folder}: expected a folder that is new or empty")
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "package": f"ccmm_plugin_{name}",
        "title": "".join(part.capitalize() for part in name.split("_")),
    }
    filled = [
        (path, Template(content).substitute(words)) for path, content in _templates(files("ccmm_agent") / TEMPLATES)
    ]
    written = []
    try:
        for path, content in filled:
            target = folder.joinpath(*(words["package"] if part == PACKAGE else part for part in path.parts))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, "utf-8")
            written.append(target)
    except OSError as error:
        raise BadConfig(f"{folder}: cannot be written: {error.strerror}") from error
    return sorted(written)


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or keyword.iskeyword(name) or name == ATTESTATIONS:
        raise BadConfig(
            f"{name!r}: expected small letters, digits and single _ between them, a letter first, at most {MAX_NAME},"
            f" no word of Python, and not {ATTESTATIONS!r}"
        )
    if any(point.name == name for point in plugin_entry_points()):
        raise BadConfig(f"{name!r}: an installed plugin has this word: expected another one")
    if PathFinder.find_spec(f"ccmm_plugin_{name}") is not None:
        raise BadConfig(f"{name!r}: a package ccmm_plugin_{name} is installed: expected another name")


def _templates(folder: Traversable, place: Path = Path()) -> list[tuple[Path, str]]:
    """Each template's place in the package, and its text."""
    found: list[tuple[Path, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _templates(entry, place / entry.name)
        elif entry.name.endswith(SUFFIX):
            found.append((place / entry.name.removesuffix(SUFFIX), entry.read_text("utf-8")))
    return found
