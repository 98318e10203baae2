"""The allow list: digests of numbers that were looked at and are of no card."""

from pathlib import Path

from ccmm_agent.plugin import Reason, SourceUnavailable

MOST = 10_000
_MAX_BYTES = 1 << 20


def load_allowed(path: Path | None) -> frozenset[bytes]:
    """SHA-256 digests, one a line in hexadecimal, `#` before a remark. Raises SourceUnavailable."""
    if path is None:
        return frozenset()
    try:
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES + 1).decode("ascii").splitlines()
        told = [bare for line in lines if (bare := line.partition("#")[0].strip())]
        found = frozenset(bytes.fromhex(digest) for digest in told)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceUnavailable(Reason.UNREADABLE, f"{path}: a line is no SHA-256 in hexadecimal") from error
    if any(len(digest) != 32 for digest in found):
        raise SourceUnavailable(Reason.UNREADABLE, f"{path}: a line is no SHA-256 in hexadecimal")
    if len(found) > MOST:
        raise SourceUnavailable(Reason.LIMITED, f"{path} has more than {MOST} lines")
    return found
