"""What a plugin may do, held inside Python by an audit hook: hosts, programs, writing; reading where no Landlock is.

Weaker than Landlock: native code, and Python that rewrites this module, is not held. It holds what Landlock cannot
(host names, UDP) and gives every refusal a sentence. Pure: `refusal` decides; the reader and the tests install it.
"""

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ccmm_agent.plugin import Manifest

SYSTEM_FILES: Final = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/localtime", "/etc/timezone", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf"),
    *("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"),
)
SYSTEM_FOLDERS: Final = (
    *("/usr/share/zoneinfo", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/ca-certificates"),
    *("/usr/share/ca-certificates", "/usr/local/share/ca-certificates"),
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", "/usr/share/locale"),
)
NOT_NAMED_FILE: Final = "the manifest does not name this file"
NO_FILE: Final = "a pipe, a socket or a device stands where a file is read"  # to open it might wait for ever
PROGRAM_EVENT: Final = "ccmm_agent.program"  # raised by ccmm_agent.program, in the thread that asks for it
_WRITE_FLAGS: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN: Final = frozenset(
    {
        *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "subprocess.Popen"),
        *("pty.spawn", "os.kill", "os.killpg", "resource.setrlimit", "resource.prlimit"),
        *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
        *("os.chown", "os.chflags", "os.lockf", "os.utime", "os.setxattr", "os.removexattr"),
        *("tempfile.mkstemp", "tempfile.mkdtemp", "shutil.move", "shutil.rmtree", "shutil.copyfile"),
        *("ctypes.dlopen", "ctypes.dlsym", "ctypes.dlsym/handle", "ctypes.call_function", "ctypes.cdata"),
        *("ctypes.cdata/buffer", "ctypes.string_at", "ctypes.wstring_at"),
    }
)


@dataclass(slots=True, kw_only=True)
class Fence:
    """What is allowed. `learned` grows with the addresses that allowed host names resolve to."""

    files: frozenset[str]
    folders: tuple[str, ...]
    endpoints: frozenset[tuple[str, int]] = frozenset()
    programs: frozenset[str] = frozenset()
    learned: dict[str, str] = field(default_factory=dict)  # address -> the host name that it came from
    protected: tuple[str, ...] = ()  # the agent's own folders: to knock there is never an accident
    tried: set[str] = field(default_factory=set)  # what was refused and no library does by the way

    @classmethod
    def around(cls, manifest: Manifest, python: Iterable[str]) -> "Fence":
        """The manifest, and what Python and the system's libraries need."""
        programs = frozenset(map(str, manifest.programs))
        return cls(
            programs=programs,
            files=frozenset((*SYSTEM_FILES, *map(str, manifest.files))) | programs,
            folders=tuple(f"{str(folder).rstrip('/')}/" for folder in (*SYSTEM_FOLDERS, *python, *manifest.folders)),
            endpoints=frozenset((host.lower(), port) for host, port in manifest.endpoints),
        )

    def is_readable(self, path: str) -> bool:
        """By its name as given, or by what its links lead to."""
        lexical = os.path.abspath(path)  # noqa: PTH100 - Path.resolve opens nothing either, but abspath follows no link
        names = (lexical, os.path.realpath(path))
        return any(name in self.files or f"{name}/".startswith(self.folders) for name in names)

    def is_reachable(self, address: object) -> bool:
        """An endpoint of the manifest, by name or by an address its name resolved to."""
        if isinstance(address, str | bytes):
            return os.fsdecode(address) in self.files
        if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[0], str):
            return False
        host = address[0].lower()
        return (host, address[1]) in self.endpoints or (self.learned.get(host, ""), address[1]) in self.endpoints


def python_folders() -> tuple[str, ...]:
    """Where the interpreter and all importable modules lie."""
    return tuple(dict.fromkeys(str(Path(entry)) for entry in (sys.base_prefix, sys.prefix, *sys.path) if entry))


def refusal(fence: Fence, event: str, args: Sequence[object]) -> str | None:
    """Why this audit event is not allowed; None where it is."""
    if event == PROGRAM_EVENT or (event == "subprocess.Popen" and fence.programs):
        return _start(fence, args[0])
    if event in _FORBIDDEN:
        return f"a plugin may not do this: {event}"
    if event == "open":
        return _open(fence, args[0], args[1], args[2])
    if event in ("os.listdir", "os.scandir"):
        path = "." if args[0] is None else args[0]
        return _read(fence, path)
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        # sendmsg and sendto on a connected socket bring no address: connecting was judged
        if len(args) < 2 or args[1] is None or fence.is_reachable(args[1]):
            return None
        return "the manifest does not name this endpoint"
    if event == "socket.bind":
        return None if _is_unbound(args[1]) else "a plugin listens nowhere"
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        return _resolve(fence, args[0])
    return None


def note(fence: Fence, event: str, args: Sequence[object], why: str) -> None:
    """Remember a refusal, so that a plugin that swallows it is told of all the same.

    Not those that honest libraries meet: they look for files that may be absent, and for native code.
    """
    if event.startswith(("ctypes.", "tempfile.")) or why == NO_FILE:
        return
    if why == NOT_NAMED_FILE:
        path = os.path.realpath(os.fsdecode(args[0])) if isinstance(args[0], str | bytes | os.PathLike) else ""
        if not f"{path}/".startswith(fence.protected):
            return
        event = "the agent's folder"
    fence.tried.add(event)


def learn(fence: Fence, host: object, addresses: Iterable[object]) -> None:
    """Remember what an allowed host name resolved to."""
    name = _host(host)
    if any(name == allowed for allowed, _ in fence.endpoints):
        fence.learned.update({str(address).lower(): name for address in addresses})


def _open(fence: Fence, path: object, mode: object, flags: object) -> str | None:
    if isinstance(path, int):
        return None
    writes = isinstance(flags, int) and bool(flags & _WRITE_FLAGS)
    if isinstance(mode, str) and set(mode) & set("wax+"):
        writes = True
    if writes and path not in ("/dev/null", b"/dev/null"):
        return "a plugin writes nothing"
    return _read(fence, path) or _strange(path)


def _start(fence: Fence, program: object) -> str | None:
    named = isinstance(program, str | bytes | os.PathLike) and os.fsdecode(program) in fence.programs
    return None if named else "the manifest does not name this program, or there is no Landlock to hold it"


def _read(fence: Fence, path: object) -> str | None:
    if isinstance(path, int):
        return None
    if not isinstance(path, str | bytes | os.PathLike) or not fence.is_readable(os.fsdecode(path)):
        return NOT_NAMED_FILE
    return None


def _strange(path: object) -> str | None:
    """Of what may be read by its name: whether it is a file or a folder, or is not there."""
    named = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    try:
        mode = os.stat(named).st_mode  # noqa: PTH116 - as cheap as can be: every import comes here
    except OSError:
        return None
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or named in SYSTEM_FILES else NO_FILE


def _is_unbound(address: object) -> bool:
    """Port 0: the local end of a connection or of a UDP question."""
    return isinstance(address, tuple) and len(address) >= 2 and address[1] == 0


def _resolve(fence: Fence, host: object) -> str | None:
    name = _host(host)
    if not name or name in fence.learned or any(name == allowed for allowed, _ in fence.endpoints):
        return None
    return "the manifest does not name this host"


def _host(host: object) -> str:
    return os.fsdecode(host).lower() if isinstance(host, str | bytes) else ""
