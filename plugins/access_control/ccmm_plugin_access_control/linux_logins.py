"""The last log-ins of a host, from lastlog and wtmp as glibc writes them (utmp(5)).

Times are 32 bits on every machine, read without a sign: they last until 2106.
"""

import struct
from datetime import UTC, datetime
from typing import BinaryIO, Final

from ccmm_proto.errors import Malformed

LASTLOG: Final = struct.Struct("=I32s256s")  # time, terminal, host; one for each uid
UTMP: Final = struct.Struct("=h2xi32s4s32s256shhiII16s20x")
USER_PROCESS: Final = 7
MAX_RECORDS: Final = 2_000_000


def last_of_lastlog(file: BinaryIO, uids: list[int]) -> dict[int, datetime]:
    """uid -> when it last logged in; who never did is left out. The file is sparse: only these places are read."""
    found = {}
    size = file.seek(0, 2)
    if size % LASTLOG.size:
        raise Malformed("its size is none of lastlog's")
    for uid in uids:
        if (uid + 1) * LASTLOG.size > size:
            continue
        file.seek(uid * LASTLOG.size)
        (seconds, *_) = LASTLOG.unpack(file.read(LASTLOG.size))
        if seconds:
            found[uid] = datetime.fromtimestamp(seconds, UTC)
    return found


def last_of_wtmp(file: BinaryIO) -> dict[str, datetime]:
    """Account -> when it last logged in. A last record that is still being written is left out."""
    found: dict[str, datetime] = {}
    for at in range(MAX_RECORDS + 1):
        record = file.read(UTMP.size)
        if len(record) < UTMP.size:
            return found
        kind, _, _, _, user, _, _, _, _, seconds, _, _ = UTMP.unpack(record)
        if not 0 <= kind <= 9:
            raise Malformed(f"record {at + 1} is none of wtmp's")
        if kind == USER_PROCESS and seconds:
            name = user.split(b"\0", 1)[0].decode("utf-8", "replace")
            when = datetime.fromtimestamp(seconds, UTC)
            found[name] = max(when, found.get(name, when))
    raise Malformed(f"more than {MAX_RECORDS} records")
