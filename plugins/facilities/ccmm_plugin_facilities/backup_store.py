"""The only module of the `backup` source that opens anything: restic by its program, or the files that a timer writes.

restic is asked for `snapshots`, `version` and, where the options say so, `check`, always with --no-lock and --no-cache:
it changes nothing, and the fence of the reader would not let it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.program import Ended, failure, run_program
from ccmm_agent.secret_file import load_password

MAX_FILE_BYTES: Final = 32 << 20
DAMAGED: Final = "repository contains errors"
_LEFT_OUT: Final = b"could not load"  # restic 0.14 goes on without what it cannot load, and ends with 0
_DENIED: Final = b"permission denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restic:
    """A repository in a folder, and how it is read."""

    program: Path
    repository: Path
    password_file: Path
    seconds: float

    def snapshots(self) -> bytes:
        """The list as JSON; raises SourceUnavailable."""
        ended = self._asked("--json", "snapshots")
        if ended.code != 0 or _LEFT_OUT in ended.said:
            raise failure("restic", ended, self._words())
        return ended.output

    def stored(self) -> frozenset[str]:
        """Names of the files that hold snapshots. restic lists fewer, with exit code 0, where it cannot read some."""
        try:
            return frozenset(file.name for file in (self.repository / "snapshots").iterdir())
        except FileNotFoundError as error:
            raise SourceUnavailable(*self._words()["is there a repository at"]) from error
        except OSError as error:
            raise SourceUnavailable(*self._words()["permission denied"]) from error

    def is_sound(self, *, all_data: bool) -> bool:
        """Whether restic's own check passes; raises SourceUnavailable where it could not look."""
        ended = self._asked("check", *(("--read-data",) if all_data else ()))
        if ended.code == 0:
            return True
        if _DENIED not in ended.said and DAMAGED in (ended.said + ended.output).decode("utf-8", "replace").lower():
            return False
        raise failure("restic", ended, self._words())

    def version(self) -> str:
        """As `restic version` says it."""
        ended = run_program(self.program, ["version"], seconds=10, output_bytes=10_000)
        words = ended.output.decode("utf-8", "replace").split()
        if ended.code != 0 or len(words) < 2 or words[0] != "restic":
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.program} does not answer as restic does")
        return words[1][:20]

    def _asked(self, *arguments: str) -> Ended:
        load_password(self.password_file)  # says what is wrong with it in better words
        fixed = ["--repo", str(self.repository), "--password-file", str(self.password_file), "--no-lock", "--no-cache"]
        return run_program(self.program, [*fixed, *arguments], seconds=self.seconds, output_bytes=MAX_FILE_BYTES)

    def _words(self) -> Mapping[str, tuple[Reason, str]]:
        where = str(self.repository)
        return {
            "permission denied": (
                Reason.REFUSED,
                f"the agent's account may not read all of {where}: give it the right to read, and none to write",
            ),
            "wrong password or no key found": (
                Reason.REFUSED,
                f"restic refuses the password in {self.password_file}: is it of another repository?",
            ),
            "is there a repository at": (Reason.NOT_FOUND, f"there is no restic repository in {where}"),
            "unable to open config file": (Reason.NOT_FOUND, f"there is no restic repository in {where}"),
            "ciphertext verification failed": (Reason.UNREADABLE, f"{where} is damaged: run restic check by hand"),
            "could not load": (
                Reason.UNREADABLE,
                f"restic cannot load every snapshot in {where}: run restic check by hand",
            ),
            "unsupported repository version": (
                Reason.UNREADABLE,
                f"{where} is of a newer restic than {self.program}: update it",
            ),
            "unknown flag": (Reason.UNREADABLE, f"{self.program} is too old: restic 0.14 or later is needed"),
        }


def load_report(path: Path) -> tuple[bytes, datetime]:
    """A file that a timer writes, and when it was written; raises SourceUnavailable."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
            changed = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"{path} is not there: does its timer run?") from error
    except OSError as error:
        raise SourceUnavailable(Reason.REFUSED, f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_FILE_BYTES:
        raise SourceUnavailable(Reason.FLOOD, f"{path} has more than {MAX_FILE_BYTES} bytes")
    return content, datetime.fromtimestamp(int(changed), UTC)


def may_write(folder: Path) -> bool:
    """By the rights of the account; that a reader writes nothing anyway is another matter."""
    return os.access(folder, os.W_OK)
