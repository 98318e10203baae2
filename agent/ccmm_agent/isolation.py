"""What a reader process may still do, and what protects its parent.

The order in the reader, before the plugin's module is imported: limits, no_new_privs, capabilities, Landlock, system
call filter, audit hook. None of it can be undone. The parent calls `protect_this_process` once, before it loads a key:
without it a child of the same user reads the parent's memory. Why so: docs/decisions/plugin-isolation.md.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ccmm_agent import landlock, seccomp
from ccmm_agent.fence import NO_FILE, Fence, learn, note, refusal
from ccmm_agent.plugin import Manifest
from ccmm_proto.v1.statement_pb2 import (
    ISOLATION_LANDLOCK,
    ISOLATION_LANDLOCK_AND_ACCOUNT,
    ISOLATION_NONE,
    Isolation,
)

DENIED: Final = "denied by isolation"
OPEN_FILES: Final = 256
PROCESSES: Final = 4096  # of the account, threads included
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION: Final = 0x20080522
_CAP_DAC_READ_SEARCH: Final = 1 << 2  # an agent of root reads what it was given; nothing else of root stays
_ADDRESSES_OF_PROGRAMS: Final = 2 << 30  # a program of Go reserves addresses that it never fills
_prctl: Final = ctypes.CDLL(None, use_errno=True).prctl  # found before the fence stands


class _CapabilityHead(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def protect_this_process() -> None:
    """No process of the same user may read this one's memory or trace it; it leaves no core file.

    `ccmm-agent run`, `collect` and `check` call it first, before any key is loaded. A started program is not affected.
    """
    if _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process cannot be protected from its children")


def die_with_parent() -> None:
    """A killed agent leaves no reader behind; one that is asked to stop finishes its reading first.

    systemd sends SIGTERM to readers too: only the agent decides when they end.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_starter()


def die_with_starter() -> None:
    """The kernel kills this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit_resources(memory_bytes: int, cpu_seconds: int, *, programs: bool = False) -> None:
    """Memory, processor time, files; nothing may be written, no core is left. Started programs inherit it."""
    for which, limit in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + (_ADDRESSES_OF_PROGRAMS if programs else 0)),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, PROCESSES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(which)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (bound, bound))


def isolate(manifest: Manifest, fence: Fence, parent_account: int) -> Isolation.ValueType:
    """Restrict this process to the manifest for good; gives the level that was truly reached.

    Where that is none, a program would be held by nothing: then the fence names none any more.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        fence.programs = frozenset()
        return ISOLATION_NONE
    _drop_capabilities(libc)
    reached = landlocked(fence, {port for _, port in manifest.endpoints})
    if reached != ISOLATION_LANDLOCK:
        fence.programs = frozenset()
    seccomp.install(
        unix_sockets=any(_is_socket(path) for path in manifest.files),
        network=bool(manifest.endpoints) or not manifest.programs,
        programs=bool(fence.programs),
    )
    if reached != ISOLATION_LANDLOCK:
        return ISOLATION_NONE
    return ISOLATION_LANDLOCK if os.geteuid() == parent_account else ISOLATION_LANDLOCK_AND_ACCOUNT


def raise_fence(fence: Fence) -> None:
    """Hold the rest inside Python: what is refused raises PermissionError with a sentence. It stays for ever."""

    def hook(event: str, args: tuple[object, ...]) -> None:
        if (why := refusal(fence, event, args)) is not None:
            note(fence, event, args, why)
            if why == NO_FILE:
                raise PermissionError(errno.EACCES, why, args[0])
            raise PermissionError(f"{DENIED}: {why}")

    resolve = socket.getaddrinfo

    def getaddrinfo(host, *args, **kwargs):  # type: ignore[no-untyped-def]
        found = resolve(host, *args, **kwargs)
        learn(fence, host, (entry[4][0] for entry in found))
        return found

    socket.getaddrinfo = getaddrinfo
    sys.addaudithook(hook)


def exposed(fence: Fence, protected: Iterable[Path]) -> Path | None:
    """A protected folder that this fence would let a plugin read, wholly or in part; None: there is none."""
    for path in protected:
        inside = f"{path.resolve()}/"
        opened = [Path(folder).resolve() for folder in (*fence.folders, *fence.files)]
        if any(inside.startswith(f"{str(one).rstrip('/')}/") or f"{one}/".startswith(inside) for one in opened):
            return path
    return None


def landlocked(fence: Fence, ports: set[int]) -> Isolation.ValueType:
    """LANDLOCK where the kernel has it and took the rules, else NONE: what a statement then says."""
    if landlock.abi() == 0:
        return ISOLATION_NONE
    try:
        landlock.restrict((*sorted(fence.files), *fence.folders), sorted(ports), sorted(fence.programs))
    except OSError:
        return ISOLATION_NONE
    return ISOLATION_LANDLOCK


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """All of root's powers but reading; refused without harm where there are none to drop."""
    keep = _CAP_DAC_READ_SEARCH if os.geteuid() == 0 else 0
    sets = (_CapabilitySet * 2)(_CapabilitySet(keep, keep, 0), _CapabilitySet(0, 0, 0))
    libc.capset(ctypes.byref(_CapabilityHead(_CAPABILITY_VERSION, 0)), sets)


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
