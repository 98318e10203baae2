"""An agent's folder, opened: configuration, identity, spool. What every command that signs starts with."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ccmm_agent.config import Config, load_config
from ccmm_agent.epoch_file import EpochFile
from ccmm_agent.identity import Enrollment, KeyFolder, load_enrollment
from ccmm_agent.isolation import protect_this_process
from ccmm_agent.lock import locked
from ccmm_agent.outbox import Signer
from ccmm_agent.spool import Spool
from ccmm_agent.spool_open import open_spool
from ccmm_proto.errors import BadConfig, Permanent
from ccmm_proto.pseudonym import PseudonymKey

LOCK = "run.lock"
LOCK_PATIENCE_S = 2.0  # a run that is just ending, or `status` asking


class AlreadyRunning(Permanent):
    """Another `run` is at work on this folder."""

    name = "already_running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """All of a joined agent's folder."""

    folder: Path
    config: Config
    enrollment: Enrollment
    keys: KeyFolder
    pseudonym_key: PseudonymKey
    signer: Signer
    spool: Spool
    epoch_file: EpochFile


@contextmanager
def opened_home(folder: Path, *, alone: bool) -> Iterator[Home]:
    """Everything loaded and the spool open. `alone`: the caller holds `run_lock`. Raises BadConfig and spool errors."""
    protect_this_process()  # before any key is loaded: else a reader of the same account could read it from memory
    config = load_config(folder)
    enrollment = load_enrollment(folder)
    keys = KeyFolder(folder)
    signer = Signer(center=enrollment.center, agent=enrollment.agent, key=keys.evidence(), config_digest=config.digest)
    pseudonym_key = PseudonymKey(keys.pseudonym_secret())
    spool = open_spool(folder, limit_bytes=config.spool_limit_bytes, seal=signer.seal, alone=alone)
    try:
        yield Home(
            folder=folder,
            config=config,
            enrollment=enrollment,
            keys=keys,
            pseudonym_key=pseudonym_key,
            signer=signer,
            spool=spool,
            epoch_file=EpochFile(folder),
        )
    finally:
        spool.close()


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Held by the one `run` of a folder; the kernel lets go of it however the process ends. Raises AlreadyRunning."""
    if not folder.is_dir():
        raise BadConfig(f"{folder}: no such folder: `ccmm-agent join CODE {folder}` makes it")
    until = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            lock = locked(folder / LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.__enter__()
            break
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise AlreadyRunning(f"{folder}: another `ccmm-agent run` is at work here") from error
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def is_running(folder: Path) -> bool:
    """Whether a `run` holds the lock. `run` waits out the instant for which this asks."""
    try:
        with locked(folder / LOCK, fcntl.LOCK_SH | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True


@contextmanager
def attestations_lock(folder: Path) -> Iterator[None]:
    """Held while the attestations' file is read and written: waits for others."""
    with locked(folder / "attestations.lock"):
        yield
