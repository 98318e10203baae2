"""A small system call filter beside Landlock: no leaving of the process group, no reaching into others, no listening.

Landlock has no word for these. On a processor not known here, or without kernel filters, nothing is filtered.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import Final

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM
_X32_BIT: Final = 0x40000000
_ARCHES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; little-endian both
_FAMILIES: Final = (2, 10, 16)  # INET, INET6, NETLINK (the resolver asks it which addresses the host has)
_AF_UNIX: Final = 1

_REFUSED: Final = {  # (x86_64, aarch64)
    "setpgid": (109, 154),  # leaving the group that the deadline kills
    "setsid": (112, 157),
    "listen": (50, 201),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "execveat": (322, 281),
    "io_uring_setup": (425, 425),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
}
_EXECVE: Final = (59, 221)
_TGKILL: Final = (234, 131)
_PRLIMIT64: Final = (302, 261)
_SOCKET: Final = (41, 198)


def program(machine: str, pid: int, *, unix_sockets: bool, network: bool = True, programs: bool = False) -> bytes:
    """The filter as BPF instructions for this processor; raises KeyError for an unknown one.

    Started programs inherit it. Without `network` there is no socket at all, of UDP neither.
    """
    arch, column = _ARCHES[machine]
    families = (*(_FAMILIES if network else ()), *((_AF_UNIX,) if unix_sockets else ()))
    steps = [(_LOAD, 0, 0, _ARCH), (_IF_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, _NUMBER)]
    steps += [(_IF_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _REFUSE)]
    for numbers in (*_REFUSED.values(), *(() if programs else (_EXECVE,))):
        steps += [(_IF_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _REFUSE)]
    steps += _only(_TGKILL[column], (pid,))  # abort() signals itself
    steps += _only(_PRLIMIT64[column], (0, pid))  # its own limits, not its parent's
    steps += _only(_SOCKET[column], families)
    steps.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def install(*, unix_sockets: bool, network: bool = True, programs: bool = False) -> bool:
    """Filter this process from here on; says whether it does. Needs no_new_privs."""
    machine = os.uname().machine
    if sys.maxsize < 2**32 or machine not in _ARCHES:
        return False
    code = program(machine, os.getpid(), unix_sockets=unix_sockets, network=network, programs=programs)
    instructions = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), ctypes.create_string_buffer(fprog), 0, 0)
    return bool(done == 0)


def _only(number: int, allowed: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """This call only with one of these first arguments; any other call goes on to the next step."""
    steps = [(_IF_EQUAL, 0, len(allowed) + 3, number), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    steps += [(_IF_EQUAL, len(allowed) - at, 0, argument) for at, argument in enumerate(allowed)]
    return [*steps, (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
