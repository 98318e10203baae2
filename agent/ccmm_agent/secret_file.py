"""A password in a file of its own, which the manifest of a source names; a part of the plugin API.

A systemd credential is such a file too: /run/credentials/UNIT/NAME. The reader process has no environment to hold one.
"""

import stat
from pathlib import Path
from typing import Final

from ccmm_agent.plugin import CheckLine, Reason, SourceUnavailable

MAX_PASSWORD_BYTES: Final = 4096


def load_password(path: Path) -> str:
    """The password in a file, without its last line end.

    Refused are an empty one, which servers take for anonymous, and one of several lines, which could be a command.
    """
    try:
        with path.open("rb") as file:
            found = file.read(MAX_PASSWORD_BYTES + 1)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    try:
        password = found.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} is not UTF-8") from error
    if not password or len(found) > MAX_PASSWORD_BYTES or any(ord(letter) < 32 for letter in password):
        raise SourceUnavailable(Reason.UNREADABLE, f"{path} holds no password of one line")
    return password


def password_line(path: Path) -> CheckLine:
    """For `check`: is it there, and for its owner only?"""
    try:
        mode = path.stat().st_mode
    except OSError:
        return CheckLine("failed", "password file", f"{path} is not there or not readable")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return CheckLine("warning", "password file", f"{path} is open to others: chmod 600 {path}")
    return CheckLine("ok", "password file", f"{path} is readable for its owner only")
