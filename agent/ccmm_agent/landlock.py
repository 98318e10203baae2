"""Landlock by its three system calls: this process reads, runs and connects to only what is named.

Kernel documentation: https://docs.kernel.org/userspace-api/landlock.html. What a kernel does not know of yet (its ABI
number says) stays open: TCP ports before 4, signals and abstract sockets before 6.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from typing import Final

_CREATE_RULESET: Final = 444  # the same numbers on every architecture
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2
_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_BIND_TCP: Final = 1 << 0
_CONNECT_TCP: Final = 1 << 1
_SCOPE_ABSTRACT_UNIX_AND_SIGNALS: Final = 0b11
_WRITABLE: Final = ("/dev/null",)
_LOADERS: Final = (  # the kernel starts a program by its dynamic loader, which then only reads libraries
    *("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"),
    *("/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"),
)


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _NetPortAttr(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def abi() -> int:
    """The kernel's Landlock ABI; 0 where there is none."""
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))))


def restrict(readable: Iterable[str], ports: Iterable[int], programs: Iterable[str] = ()) -> None:
    """From here on this thread reads only below `readable`, connects only to TCP `ports` and starts only `programs`.

    Never widened again, and what it starts inherits it.

    Needs no_new_privs. Paths that are not there are passed over: opening them says so by itself. Raises OSError.
    """
    version = abi()
    attr = _RulesetAttr(fs=_handled_fs(version))
    if version >= 4:
        attr.net = _BIND_TCP | _CONNECT_TCP
    if version >= 6:
        attr.scoped = _SCOPE_ABSTRACT_UNIX_AND_SIGNALS
    ruleset = _call(_CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(ctypes.sizeof(attr)), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow_path(ruleset, path)
        started = tuple(programs)
        for path in (*started, *_LOADERS) if started else ():
            _allow_path(ruleset, path, also=_EXECUTE)
        if version >= 4:
            # Port 0 is the local end of a connection, which some clients (ldap3) bind; listening there is filtered.
            _add_rule(ruleset, _NET_PORT, _NetPortAttr(allowed=_BIND_TCP, port=0))
            for port in ports:
                _add_rule(ruleset, _NET_PORT, _NetPortAttr(allowed=_CONNECT_TCP, port=port))
        _call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _handled_fs(version: int) -> int:
    """Every kind of access that this ABI knows: 13, then renaming across folders, truncating, device ioctl."""
    known = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    return (1 << known) - 1


def _allow_path(ruleset: int, path: str, also: int = 0) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        is_folder = stat.S_ISDIR(os.fstat(parent).st_mode)
        allowed = _READ_FILE | (_READ_DIR if is_folder else also) | (_WRITE_FILE if path in _WRITABLE else 0)
        _add_rule(ruleset, _PATH_BENEATH, _PathBeneathAttr(allowed=allowed, parent=parent))
    finally:
        os.close(parent)


def _add_rule(ruleset: int, rule_type: int, attr: ctypes.Structure) -> None:
    _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(rule_type), ctypes.byref(attr), ctypes.c_uint32(0))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *args: object) -> int:
    given = _libc().syscall(ctypes.c_long(number), *args)
    if given < 0:
        number_of_error = ctypes.get_errno()
        raise OSError(number_of_error, os.strerror(number_of_error))
    return int(given)
