"""`DIR/epoch.json`: the epoch and the newest receipt, kept beside the spool so that they outlive it."""

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from ccmm_agent.durable import write_atomically

FILE = "epoch.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochMark:
    """What is known of the chain without the spool. No epoch above this one was ever signed."""

    epoch: int
    last_receipt: bytes = b""  # an envelope


class EpochFile:
    """The file, read once and written atomically. It is written before the first statement of an epoch is signed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def read(self) -> EpochMark | None:
        """None where there is none yet or it is damaged: then the spool alone tells."""
        try:
            table = json.loads(self._path.read_bytes())
            epoch, receipt = table["epoch"], base64.b64decode(table["last_receipt"], validate=True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            return None
        return EpochMark(epoch=epoch, last_receipt=receipt) if type(epoch) is int and 0 <= epoch < 2**32 else None

    def write(self, mark: EpochMark) -> None:
        """Durable when it returns. A crash before leaves the former mark, which a start compares with the spool."""
        table = {"epoch": mark.epoch, "last_receipt": base64.b64encode(mark.last_receipt).decode()}
        write_atomically(self._path, json.dumps(table).encode() + b"\n")
