"""One reader process from start to certain end: time, output, its process group, no descriptor and no zombie left."""

import logging
import os
import pwd
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable

_log = logging.getLogger(__name__)
_CHUNK: Final = 1 << 16
_NOISE_KEPT: Final = 4096
_CHUNKS_AFTER_THE_END: Final = 16  # a pipe holds no more
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PATH": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one reading may use."""

    seconds: float = 120
    memory_bytes: int = 512 << 20
    output_bytes: int = 64 << 20  # observations and prints together

    @property
    def cpu_seconds(self) -> int:
        """Later than the deadline: it holds where the agent cannot (a stopped agent)."""
        return int(self.seconds) + 2


@dataclass(slots=True)
class _Pipes:
    replies: int
    noise: int
    exited: int | None  # becomes readable when the process is gone; None before Linux 5.3, where the pipe's end tells
    noise_kept: bytes = b""
    total_bytes: int = 0


def run_child(name: str, request: bytes, feed: Callable[[bytes], bool], limits: Limits, account: str = "") -> str:
    """Start a reader, give what it answers to `feed` until that says it is enough, and end it; says how it ended.

    Raises SourceUnavailable for TIMEOUT and FLOOD; what `feed` raises ends the child too. `account` is the user that
    the reader runs as, empty for the agent's own.
    """
    with _started(request, account) as (process, pipes):
        try:
            _follow(pipes, feed, limits)
        finally:
            # The group, not the process alone: it still has its number, because nobody has waited for it yet.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _tell_noise(name, pipes)
    return _ending(process.returncode)


@contextmanager
def _started(request: bytes, account: str) -> Iterator[tuple[subprocess.Popen[bytes], _Pipes]]:
    opened: list[int] = []
    try:
        replies, replies_in = _pipe(opened)
        noise, noise_in = _pipe(opened)
        stdin = os.memfd_create("request")  # options may hold a password: it never touches a disk
        opened.append(stdin)
        with os.fdopen(stdin, "wb", closefd=False) as content:
            content.write(request)
        os.lseek(stdin, 0, os.SEEK_SET)
        process = _popen(stdin, replies_in, noise_in, account)
        exited = _exit_descriptor(process.pid)
        if exited is not None:
            opened.append(exited)
        for descriptor in (replies_in, noise_in, stdin):
            opened.remove(descriptor)
            os.close(descriptor)
        yield process, _Pipes(replies, noise, exited)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _popen(stdin: int, replies_in: int, noise_in: int, account: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-m", "ccmm_agent.reader", str(replies_in)]
    try:
        entry = pwd.getpwnam(account) if account else None
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=noise_in,
            stderr=noise_in,
            pass_fds=(replies_in,),
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            user=None if entry is None else entry.pw_uid,
            group=None if entry is None else entry.pw_gid,
            extra_groups=None if entry is None else [],
        )
    except (OSError, KeyError) as error:
        raise SourceUnavailable(Reason.CRASHED, f"no reader could be started ({type(error).__name__})") from error


def _exit_descriptor(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _pipe(opened: list[int]) -> tuple[int, int]:
    reading, writing = os.pipe()
    opened += [reading, writing]
    os.set_blocking(reading, False)
    return reading, writing


def _follow(pipes: _Pipes, feed: Callable[[bytes], bool], limits: Limits) -> None:
    """Until `feed` has enough, the reply pipe closes, or the process is gone and the pipe is drained."""
    deadline = time.monotonic() + limits.seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in (pipes.replies, pipes.noise, pipes.exited):
            if descriptor is not None:
                selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(max(0.0, deadline - time.monotonic()))}
            if time.monotonic() >= deadline:
                raise SourceUnavailable(Reason.TIMEOUT, f"not done after {limits.seconds:g} s")
            if pipes.noise in ready and not _take_noise(pipes):
                selector.unregister(pipes.noise)
            if pipes.replies in ready and _is_complete(pipes, feed, limits):
                return
            _refuse_flood(pipes, limits)
            if pipes.exited in ready and pipes.replies not in ready:
                return


def _is_complete(pipes: _Pipes, feed: Callable[[bytes], bool], limits: Limits) -> bool:
    """One chunk of the reply pipe: whether `feed` has enough or nothing more can come."""
    chunk = _read(pipes.replies)
    if chunk is None:
        return False
    pipes.total_bytes += len(chunk)
    _refuse_flood(pipes, limits)
    return not chunk or feed(chunk)


def _take_noise(pipes: _Pipes) -> bool:
    chunk = _read(pipes.noise)
    if chunk:
        pipes.total_bytes += len(chunk)
        pipes.noise_kept = (pipes.noise_kept + chunk)[-_NOISE_KEPT:]
    return chunk != b""


def _refuse_flood(pipes: _Pipes, limits: Limits) -> None:
    if pipes.total_bytes > limits.output_bytes:
        raise SourceUnavailable(Reason.FLOOD, f"more than {limits.output_bytes} bytes of output")


def _read(descriptor: int) -> bytes | None:
    """b"" at the end, None where nothing waits."""
    try:
        return os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return None


def _tell_noise(name: str, pipes: _Pipes) -> None:
    for _ in range(_CHUNKS_AFTER_THE_END):
        if not _take_noise(pipes):
            break
    if pipes.noise_kept:
        printed = pipes.noise_kept.decode("utf-8", "backslashreplace")
        _log.warning("plugin printed", extra={"source": name, "printed": ascii(printed)})


def _ending(returncode: int) -> str:
    if returncode < 0:
        with suppress(ValueError):
            return f"by {signal.Signals(-returncode).name}"
    return f"with code {returncode}"
