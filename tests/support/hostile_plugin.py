"""A plugin that does what its option `do` says: some right, most wrong. Imported in reader processes only."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from ccmm_agent import facts, isolation
from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_agent.program import run_program
from ccmm_proto.v1 import reader_pb2 as rpb
from ccmm_proto.v1 import statement_pb2 as pb

QUARTER = datetime(2026, 11, 2, 8, 15, tzinfo=UTC)


class Hostile(Source):
    """Does what the option says before or instead of yielding."""

    plugin = "hostile"
    example = '[[source]]\nname = "hostile"\nplugin = "hostile"\nevery = "15m"\ndo = "fine"\n'

    def __init__(self, options: Options) -> None:
        self.do = options.text("do")
        self.path = options.path("path", None)
        self.port = options.whole("port", 0)
        self.host = options.text("host", "127.0.0.1")
        self.torn = options.flag("torn", False)
        self.files = tuple(map(Path, options.texts("files", ())))
        self.folders = tuple(map(Path, options.texts("folders", ())))
        self.programs = tuple(map(Path, options.texts("programs", ())))
        self.arguments = options.texts("arguments", ())
        self.seconds = options.whole("seconds", 10)
        self.endpoints = tuple(("127.0.0.1", int(port)) for port in options.texts("ports", ()))

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("nonsense",) if self.do == "undeclared_feed" else ("calls_offered", "account")

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(options)

    def manifest(self) -> Manifest:
        return Manifest(files=self.files, folders=self.folders, endpoints=self.endpoints, programs=self.programs)

    def read(self, window: Window) -> Iterator[Observation | Done]:
        if self.torn:
            setattr(isolation, "refusal", lambda *_: None)  # noqa: B010 - native code is not held by the fence either
        yield from ACTS[self.do](self, window) or ()
        yield facts.count("calls_offered", QUARTER, 3, queue="support")
        yield Done((QUARTER, window.now), b"next")

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from (CheckLine("ok", "reachable", str(number)) for number in range(3 if self.do == "fine" else 5000))


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Hostile)


def _nothing(source: Hostile, window: Window) -> None:
    """Goes on to the good end."""


def _empty(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done(None, b"next")


def _detail(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done(None, b"next", detail="2 lines set apart" + "!" * 1000)


def _after_done(source: Hostile, window: Window) -> Iterator[Observation | Done]:
    yield Done(None, b"next")
    time.sleep(60)


def _hang(source: Hostile, window: Window) -> None:
    time.sleep(60)


def _spin(source: Hostile, window: Window) -> None:
    while True:
        pass


def _exit(source: Hostile, window: Window) -> None:
    os._exit(0)


def _abort(source: Hostile, window: Window) -> None:
    os.abort()


def _raise(source: Hostile, window: Window) -> None:
    raise RuntimeError("the customer 13800138000 was not found")


def _close(source: Hostile, window: Window) -> None:
    os.close(int(sys.argv[1]))
    time.sleep(60)


def _flood(source: Hostile, window: Window) -> Iterator[Observation]:
    observation = facts.count("calls_offered", QUARTER, 3, queue="support" * 100)
    while True:
        yield observation


def _print(source: Hostile, window: Window) -> None:
    while True:
        print("noise" * 1000)


def _memory(source: Hostile, window: Window) -> None:
    kept = [bytearray(256 << 20) for _ in range(16)]
    raise AssertionError(len(kept))


def _garbage(source: Hostile, window: Window) -> None:
    os.write(int(sys.argv[1]), b"\xff" * 100_000)
    time.sleep(60)


def _not_protobuf(source: Hostile, window: Window) -> None:
    os.write(int(sys.argv[1]), b"\x00\x00\x00\x03\xff\xff\xff")
    time.sleep(60)


def _started_again(source: Hostile, window: Window) -> None:
    _answer(rpb.ReadReply(started=rpb.Started(isolation=pb.ISOLATION_LANDLOCK_AND_ACCOUNT)))


def _unknown_reason(source: Hostile, window: Window) -> None:
    _answer(rpb.ReadReply(unavailable=rpb.Unavailable(reason="tired", detail="x")))


def _unknown_kind(source: Hostile, window: Window) -> Iterator[Observation]:
    yield pb.Observation(inventory=pb.Inventory(kind="salary", as_of_ms=1))


def _unknown_attribute(source: Hostile, window: Window) -> Iterator[Observation]:
    yield facts.inventory("account", window.now, [("jdoe", {"system": "ldap", "salary": "much"})])


def _text_for_flag(source: Hostile, window: Window) -> Iterator[Observation]:
    entry = pb.Entry(key=pb.Identity(text="jdoe"))
    entry.attributes.add(name="system", value=pb.Value(text="ldap"))
    entry.attributes.add(name="enabled", value=pb.Value(text="yes"))
    yield pb.Observation(inventory=pb.Inventory(kind="account", as_of_ms=1, entries=[entry]))


def _other_feed(source: Hostile, window: Window) -> Iterator[Observation]:
    yield facts.count("calls_answered", QUARTER, 3, queue="support")


def _stowaway(source: Hostile, window: Window) -> Iterator[Observation]:
    """Clear text in a field that no schema knows of."""
    observation = facts.count("calls_offered", QUARTER, 3, queue="support")
    observation.MergeFromString(b"\xfa\x3f\x0b13800138000")
    yield observation


def _no_observation(source: Hostile, window: Window) -> Iterator[Observation]:
    yield "three calls"  # type: ignore[misc]


def _no_done(source: Hostile, window: Window) -> None:
    raise StopIteration


def _future(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done((QUARTER, window.now + timedelta(seconds=1)), b"next")


def _reversed(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done((window.now, QUARTER), b"next")


def _naive(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done((QUARTER.replace(tzinfo=None), window.now), b"next")


def _for_ever(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done(None, window.cursor, more=True)


def _big_cursor(source: Hostile, window: Window) -> Iterator[Done]:
    yield Done(None, bytes(2 << 20))


def _unavailable(source: Hostile, window: Window) -> None:
    raise SourceUnavailable(Reason.LIMITED, "only 500 entries were given")


def _read_file(source: Hostile, window: Window) -> None:
    assert source.path is not None
    source.path.read_bytes()


def _list_folder(source: Hostile, window: Window) -> None:
    assert source.path is not None
    list(source.path.iterdir())


def _read_parent(source: Hostile, window: Window) -> None:
    with Path(f"/proc/{os.getppid()}/mem").open("rb"):
        raise AssertionError("the parent's memory is open")


def _trace_parent(source: Hostile, window: Window) -> None:
    """PTRACE_ATTACH by the system call itself, as native code would."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), None, None) != 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _kill_parent(source: Hostile, window: Window) -> None:
    os.kill(os.getppid(), 0)


def _limit_parent(source: Hostile, window: Window) -> None:
    import resource

    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (8, 8))


def _connect(source: Hostile, window: Window) -> None:
    with socket.create_connection((source.host, source.port), timeout=5):
        pass


def _datagram(source: Hostile, window: Window) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.sendto(b"secret", (source.host, source.port))


def _connected_datagram(source: Hostile, window: Window) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.connect((source.host, source.port))
        ours.send(b"secret")


def _listen(source: Hostile, window: Window) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", source.port))
        listener.listen()


def _local_end(source: Hostile, window: Window) -> None:
    """As ldap3 does it."""
    with socket.socket() as connection:
        connection.bind(("", 0))
        connection.connect((source.host, source.port))


def _unix(source: Hostile, window: Window) -> None:
    assert source.path is not None
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(source.path))


def _write(source: Hostile, window: Window) -> None:
    assert source.path is not None
    source.path.write_text("stolen")


def _execute(source: Hostile, window: Window) -> None:
    subprocess.run(["/bin/true"], check=True)


def _program(source: Hostile, window: Window) -> None:
    """What the program printed, in the detail, so that the test can see it."""
    assert source.path is not None
    ended = run_program(source.path, source.arguments, seconds=source.seconds, output_bytes=1 << 16)
    if ended.code != 0:
        raise SourceUnavailable(Reason.CRASHED, f"{ended.code} {ended.said.decode().strip()[-300:]}")
    raise SourceUnavailable(Reason.LIMITED, ended.output.decode().strip())


def _program_by_hand(source: Hostile, window: Window) -> None:
    """Past our own function, as any code of a plugin could."""
    assert source.path is not None
    subprocess.run([str(source.path), *source.arguments], check=True, capture_output=True)


def _terminated(source: Hostile, window: Window) -> None:
    """What systemd sends to every process of a service that stops."""
    signal.raise_signal(signal.SIGTERM)


def _replace(source: Hostile, window: Window) -> None:
    os.execv("/bin/true", ["/bin/true"])


def _fork(source: Hostile, window: Window) -> None:
    """A grandchild that holds the pipe, tries to leave the process group, and outlives its parent."""
    grandchild = os.fork()
    if grandchild == 0:
        try:
            os.setsid()
        except PermissionError:
            time.sleep(60)
        time.sleep(60)
        os._exit(0)
    time.sleep(0.5)
    raise SourceUnavailable(Reason.LIMITED, str(grandchild))


def _answer(reply: rpb.ReadReply) -> None:
    message = reply.SerializeToString()
    os.write(int(sys.argv[1]), len(message).to_bytes(4, "big") + message)
    time.sleep(60)


ACTS: dict[str, Callable[..., Iterator[Observation | Done] | None]] = {
    "fine": _nothing,
    "undeclared_feed": _nothing,
    **{act.__name__.removeprefix("_"): act for act in (
        _empty, _detail, _after_done, _hang, _spin, _exit, _abort, _raise, _close, _flood, _print, _memory, _garbage,
        _not_protobuf, _started_again, _unknown_reason, _unknown_kind, _unknown_attribute, _text_for_flag, _other_feed,
        _stowaway, _no_observation, _no_done, _future, _reversed, _naive, _for_ever, _big_cursor, _unavailable,
        _read_file, _list_folder, _read_parent, _trace_parent, _kill_parent, _limit_parent, _connect, _local_end,
        _datagram, _connected_datagram, _terminated, _listen, _unix, _write, _execute, _replace, _fork,
        _program, _program_by_hand,
    )},
}  # fmt: skip
