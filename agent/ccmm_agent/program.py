"""Runs one program that the manifest names; a part of the plugin API.

    ended = run_program(Path("/usr/bin/restic"), ["snapshots", "--json", "--no-lock"], seconds=60)
    if ended.code != 0:
        raise failure("restic", ended, WORDS)

No shell, a fixed environment, nothing on its stdin. It inherits the fence of the reader: it reads what the manifest
names, writes nothing, and connects where Landlock lets it. What it says on stderr may hold names: it is looked through
for known words and never quoted.
"""

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ccmm_agent.fence import PROGRAM_EVENT
from ccmm_agent.isolation import die_with_starter
from ccmm_agent.plugin import Reason, SourceUnavailable

Words = Mapping[str, tuple[Reason, str]]  # what stderr says, in small letters -> why, and the sentence with the mend

_CHUNK: Final = 1 << 16
_SAID_KEPT: Final = 1 << 16
_NONE: Final[Mapping[str, str]] = MappingProxyType({})
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent", "PATH": ""}
_OUT_OF_MEMORY: Final = ("out of memory", "cannot allocate memory", "memoryerror", "bad_alloc")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended by itself. `code` is negative where a signal ended it."""

    code: int
    output: bytes
    said: bytes = field(repr=False)  # the first 64 KB of stderr


def run_program(
    program: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] = _NONE,
    seconds: float = 60,
    output_bytes: int = 16 << 20,
) -> Ended:
    """What it printed, and its exit code; raises SourceUnavailable where it did not start, hung or printed too much.

    A secret goes by a file of the manifest or by `environment`, never by `arguments`, which every user can list.
    """
    sys.audit(PROGRAM_EVENT, str(program))
    keeper = _Keeper([str(program), *arguments], {**_ENVIRONMENT, **environment})
    process = keeper.started()
    try:
        return _followed(program.name, process, time.monotonic() + seconds, output_bytes)
    except TimeoutError:
        raise SourceUnavailable(Reason.TIMEOUT, f"{program.name} was not done after {seconds:g} s") from None
    finally:
        keeper.end()


def failure(name: str, ended: Ended, words: Words = MappingProxyType({})) -> SourceUnavailable:
    """Why a program ended as it did: the first of `words` that stands on its stderr, else its exit code."""
    said = ended.said.decode("utf-8", "replace").lower()
    for word, (reason, detail) in words.items():
        if word in said:
            return SourceUnavailable(reason, detail)
    if any(word in said for word in _OUT_OF_MEMORY):
        return SourceUnavailable(Reason.MEMORY, f"{name} needed more memory than a source may use")
    if ended.code == -signal.SIGXCPU:
        return SourceUnavailable(Reason.TIMEOUT, f"{name} used more processor time than a source may use")
    if ended.code < 0:
        return SourceUnavailable(Reason.CRASHED, f"{name} was ended by signal {-ended.code}")
    return SourceUnavailable(Reason.CRASHED, f"{name} ended with code {ended.code}: run it by hand to see why")


class _Keeper(threading.Thread):
    """Starts the program and lives as long as the program may live: with this thread it dies.

    A reader may send no signal (docs/decisions/plugin-isolation.md). What the program started itself dies with the
    reader's process group.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        super().__init__(name="program", daemon=True)
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._error: Exception | None = None
        self._is_started, self._may_end = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                cwd="/",
                preexec_fn=die_with_starter,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._error = error
        finally:
            self._is_started.set()
        self._may_end.wait()

    def started(self) -> subprocess.Popen[bytes]:
        """The running program; raises SourceUnavailable where there is none."""
        self.start()
        self._is_started.wait()
        if self._process is not None:
            return self._process
        self._may_end.set()
        name = Path(self._command[0]).name
        if isinstance(self._error, FileNotFoundError):
            raise SourceUnavailable(Reason.NOT_FOUND, f"{self._command[0]} is not installed")
        told = str(getattr(self._error, "strerror", None) or self._error)
        raise SourceUnavailable(Reason.REFUSED, f"{name} cannot be started: {told}")

    def end(self) -> None:
        """Nothing of it is left running."""
        self._may_end.set()
        self.join()
        if (process := self._process) is None:
            return
        with suppress(subprocess.TimeoutExpired):  # one that waits for a dead disk: the kernel ends it when it can
            process.wait(5)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _followed(name: str, process: subprocess.Popen[bytes], deadline: float, output_bytes: int) -> Ended:
    """Both pipes to their ends; raises TimeoutError."""
    if process.stdout is None or process.stderr is None:
        raise SourceUnavailable(Reason.CRASHED, f"{name} has no pipes")
    output, said = process.stdout.fileno(), process.stderr.fileno()
    kept = {output: bytearray(), said: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in kept:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() >= deadline:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fd)
                kept[key.fd] += chunk
            if len(kept[output]) > output_bytes:
                raise SourceUnavailable(Reason.FLOOD, f"{name} printed more than {output_bytes} bytes")
            del kept[said][_SAID_KEPT:]
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Ended(code, bytes(kept[output]), bytes(kept[said]))
