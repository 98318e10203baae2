"""What the event numbers of Hikvision's access control mean: (major, minor) to our words. Pure.

After the maker's tables: https://open.hikvision.com/hardware/structures/NET_DVR_ACS_ALARM_INFO.html, and Access Control
Event Types of the Device Network SDK (Card-Based Access Control) Developer Guide. A number that stands in none of these
sets is unknown: it is counted, and never taken for something.
"""

ALARM, EXCEPTION, OPERATION, EVENT = 1, 2, 3, 5

OPEN = frozenset(  # somebody was let in: by card, password, finger, face, code, or several of them
    (
        *(0x01, 0x02, 0x10, 0x22, 0x26, 0x28, 0x2B, 0x2E, 0x36, 0x39, 0x3C, 0x3F, 0x42, 0x45, 0x48, 0x4B, 0x4D),
        *(0x65, 0x69, 0x99, 0x9C, 0x9E, 0x9F, 0xB5),
    )
)
PASSBACK = frozenset((0x0A,))
REFUSED = frozenset(  # somebody was not: unknown, without a right, outside of the time, wrong, or timed out
    (
        *(0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x24, 0x27, 0x29, 0x2A, 0x2C),
        *(0x2D, 0x2F, 0x30, 0x31, 0x37, 0x38, 0x3A, 0x3B, 0x3D, 0x3E, 0x40, 0x41, 0x43, 0x44, 0x46, 0x47, 0x49),
        *(0x4A, 0x4C, 0x4E, 0x4F, 0x50, 0x5E, 0x66, 0x67, 0x68, 0x70, 0x71, 0x75, 0x77, 0x78, 0x94, 0x96, 0x97),
        *(0x98, 0x9A, 0x9B, 0x9D, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xC3),
    )
)
REMOTE_OPEN = frozenset((0x400, 0x402))  # operations: a door opened from afar, for once or for long

BEGINS = {  # an alert of this word begins
    (EVENT, 0x1B): "door_forced",  # opened abnormally, by the door's contact
    (EVENT, 0x1C): "door_held",  # open for too long
    (ALARM, 0x05): "camera_blocked",
    (ALARM, 0x404): "tamper",
    (ALARM, 0x406): "reader_tamper",
    (ALARM, 0x40A): "duress",
    (ALARM, 0x40B): "log_nearly_full",
    (EVENT, 0x85): "tailgating",
    (EVENT, 0x86): "reverse_access",
    (EVENT, 0x87): "forced_access",
    (EVENT, 0x88): "climbing",
}
ENDS = {  # alerts of these words end at the same place
    (EVENT, 0x1A): frozenset(("door_forced", "door_held")),  # closed
    (ALARM, 0x06): frozenset(("camera_blocked",)),
    (ALARM, 0x405): frozenset(("tamper",)),
    (ALARM, 0x407): frozenset(("reader_tamper",)),
}
SIGNALS = frozenset(("door_forced", "door_held", "camera_blocked"))  # the others are classes of alerts

_STEPS = frozenset(  # of a door and its lock, of buttons, bells, groups and modules: no passage of its own
    (*range(0x11, 0x1B), *range(0x1D, 0x22), 0x23, 0x25, 0x32, 0x33, 0x34, 0x35, 0x51, 0x52)
)


def result_of(major: int, minor: int) -> str | None:
    """Of a passage; None where the event is none."""
    if major == OPERATION:
        return "open" if minor in REMOTE_OPEN else None
    if major != EVENT:
        return None
    if minor in OPEN:
        return "open"
    return "passback" if minor in PASSBACK else "refused" if minor in REFUSED else None


def is_known(major: int, minor: int) -> bool:
    """Whether it is told, or known to be nothing that is told; exceptions and other operations are counted as such."""
    code = (major, minor)
    return result_of(major, minor) is not None or code in BEGINS or code in ENDS or (major == EVENT and minor in _STEPS)
