"""`add-source`: the example of a source type, appended to agent.toml under a name that no other source has.

    add_source(Path("/var/lib/ccmm-agent"), "asterisk", name="pbx")

Nothing is written unless the file was sound before and is sound after, with this one source more.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccmm_agent.config import FILE, Config, SourceConfig, parse_config
from ccmm_agent.durable import rewrite_atomically
from ccmm_agent.reading import offered_sources
from ccmm_agent.texts import text_of
from ccmm_proto.errors import BadConfig

_OPENED = re.compile(r"^\[\[source\]\]", re.MULTILINE)
_NAMED = re.compile(r'^(name\s*=\s*)"[^"\n]*"', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What stands in agent.toml now."""

    source: SourceConfig
    line: int  # of its [[source]]

    @property
    def secret_files(self) -> tuple[str, ...]:
        """Files with secrets that it names: they have to be made."""
        named = self.source.options.items()
        return tuple(str(path) for key, path in named if key.endswith("_file") and key != "ca_file")


def example_of(word: str) -> str:
    """The TOML of one whole [[source]] of a type. Raises BadConfig."""
    found = {one.plugin: one for one in offered_sources()}
    if word not in found:
        raise BadConfig(f"no source type {word!r}: expected one of {', '.join(sorted(found))}")
    if found[word].broken:
        raise BadConfig(f"{word} cannot be used: {found[word].broken}")
    return found[word].example.strip()


def add_source(folder: Path, word: str, *, name: str | None) -> Added:
    """Append it; without a name under that of its example, numbered where taken. Raises BadConfig: nothing written."""
    example, path = example_of(word), folder / FILE
    with _alone(folder):
        text = _text_of(path)
        before = parse_config(text.encode(), path)
        wanted = name or _free_name(example, before)
        block = _NAMED.sub(lambda found: found[1] + json.dumps(wanted), example, count=1)
        head = f"{text.rstrip()}\n\n"
        after = parse_config(f"{head}{block}\n".encode(), path)
        if after.sources[:-1] != before.sources or (after.sources[-1].name, after.sources[-1].plugin) != (wanted, word):
            raise BadConfig(f"{word}: its example is no whole [[source]]: tell the plugin's maker")
        _rewrite(path, f"{head}{block}\n")
    opened = _OPENED.search(block)
    line = f"{head}{block[: opened.start() if opened else 0]}".count("\n") + 1
    return Added(source=after.sources[-1], line=line)


def told(folder: Path, added: Added, language: str) -> Iterator[str]:
    """What stands where now, and what to do next."""
    source = added.source
    yield text_of("added", language, file=folder / FILE, name=source.name, plugin=source.plugin, line=added.line)
    if added.secret_files:
        yield text_of("secret_files", language, files=", ".join(added.secret_files))
    yield text_of("added_next", language, folder=folder, name=source.name)


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        raise BadConfig(f"{path} is not there: `ccmm-agent join CODE {path.parent}` writes it") from error
    except OSError as error:
        raise BadConfig(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadConfig(f"{path}: not UTF-8") from error


def _free_name(example: str, config: Config) -> str:
    found = _NAMED.search(example)
    stem = found[0].partition('"')[2].rstrip('"') if found else "source"
    taken = {source.name for source in config.sources}
    return next(name for name in (stem, *(f"{stem}-{at}" for at in range(2, len(taken) + 3))) if name not in taken)


def _rewrite(path: Path, text: str) -> None:
    """Where links lead to, so that a link stays one."""
    try:
        rewrite_atomically(path.resolve(), text.encode())
    except PermissionError as error:
        raise BadConfig(f"{path}: this account cannot write it: run this as the account that owns it") from error
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One `add-source` after the other: the folder itself is the lock, so nothing is left behind."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise BadConfig(f"{folder}: cannot be opened ({error.strerror}): `ccmm-agent join` makes it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
