"""A password in a file of the agent's own account."""

import stat
from pathlib import Path

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable

MAX_BYTES = 4096


def load_secret(path: Path) -> str:
    """Without its last line end. Raises SourceUnavailable, which never tells what stands in it."""
    try:
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    secret = found.decode("utf-8", "replace").rstrip("\r\n")
    if not secret or not secret.isprintable() or "\ufffd" in secret or len(found) > MAX_BYTES:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} holds no password of one line in UTF-8")
    return secret


def line_of(path: Path) -> CheckLine:
    """Whether others may read it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return CheckLine("failed", "password file", f"{path} is not there or not readable")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return CheckLine("warning", "password file", f"{path} is open to others: chmod 600 {path}")
    return CheckLine("ok", "password file", f"{path} is readable for its owner only")
