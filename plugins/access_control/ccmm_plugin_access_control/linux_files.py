"""The only module of the `linux_auth` source that opens anything: files of /etc, records of log-ins, with limits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_proto.errors import Malformed

MAX_FILE_BYTES: Final = 32 << 20
MAX_INCLUDED: Final = 200
T = TypeVar("T")


def load(path: Path) -> bytes:
    """The whole file; raises SourceUnavailable."""
    with opened(path) as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise SourceUnavailable(Reason.FLOOD, f"{path} has more than {MAX_FILE_BYTES} bytes")
    return content


def load_text(path: Path) -> str:
    """As text; what is not UTF-8 in a comment does no harm."""
    return load(path).decode("utf-8", "replace")


def parsed(path: Path, parse: Callable[[bytes], T]) -> T:
    """What the file says; raises SourceUnavailable, which names it."""
    content = load(path)
    try:
        return parse(content)
    except Malformed as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path}: {error}") from error


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A binary file; raises SourceUnavailable where it cannot be opened or read."""
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        told = f"{path} cannot be read: {error.strerror or error}; give the agent's account the right to read it"
        raise SourceUnavailable(Reason.REFUSED, told) from error


def included(main: Path, folder: Path) -> Callable[[str], list[tuple[str, str]]]:
    """Reads what `main` includes: files of `folder` alone, as the manifest names no other place.

    A pattern is absolute or relative to `main`. Raises SourceUnavailable for any other place.
    """

    def include(pattern: str) -> list[tuple[str, str]]:
        place = Path(pattern) if pattern.startswith("/") else main.parent / pattern
        if place.parent != folder or set("*?[") & set(str(place.parent)):
            raise SourceUnavailable(Reason.REFUSED, f"{main} includes {place}, outside of {folder}: it is not read")
        try:
            names = sorted(path.name for path in folder.iterdir()) if set("*?[") & set(place.name) else [place.name]
        except FileNotFoundError:
            return []  # as sshd and sudo take a folder that is not there
        except OSError as error:
            raise SourceUnavailable(Reason.REFUSED, f"{folder} cannot be read: {error.strerror or error}") from error
        chosen = [name for name in names if (folder / name).match(place.name)]
        if len(chosen) > MAX_INCLUDED:
            raise SourceUnavailable(Reason.FLOOD, f"{folder} has more than {MAX_INCLUDED} files")
        return [(name, load_text(folder / name)) for name in chosen if (folder / name).is_file()]

    return include
