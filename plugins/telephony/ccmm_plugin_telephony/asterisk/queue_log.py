"""One line of Asterisk's queue log: `epoch|call|queue|agent|event|data...`, in whole seconds UTC.

>>> line = parse_line(b"1795326980|C1|support|Agent 2001|CONNECT|3|ch-4|1")
>>> line.event, line.at_s, line.wait_s
('CONNECT', 1795326980, 3)
"""

from dataclasses import dataclass

from ccmm_plugin_telephony.instant import is_number, parse_epoch
from ccmm_proto.errors import Malformed

MOST_SECONDS = 10_000_000
MOST_TEXT = 200
NOBODY = "NONE"

# event -> (least number of data fields, index of the wait, index of the talk), as app_queue writes them.
# The data of an attended transfer begins with free text, so its numbers are counted from the end.
_NUMBERS: dict[str, tuple[int, int | None, int | None]] = {
    "CONNECT": (1, 0, None),
    "COMPLETEAGENT": (2, 0, 1),
    "COMPLETECALLER": (2, 0, 1),
    "ABANDON": (3, 2, None),
    "BLINDTRANSFER": (5, -3, -2),
    "ATTENDEDTRANSFER": (4, -3, -2),
    "TRANSFER": (5, -3, -2),
}
_REASONED = ("PAUSE", "PAUSEALL", "ADDMEMBER")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """A line that can be trusted in form. `note` is the pause's reason, or PAUSED of a member added in pause."""

    at_s: int
    call: str
    queue: str
    agent: str
    event: str
    wait_s: int | None = None
    talk_s: int | None = None
    note: str = ""


def parse_line(line: bytes) -> QueueLine:
    """The line without its newline. Raises Malformed with one word for why: fields, time, text or number."""
    # The data of a line may hold a caller's number in any encoding; only the fields that are used must be text.
    fields = line.rstrip(b"\r").decode("utf-8", "surrogateescape").split("|")
    if len(fields) < 5:
        raise Malformed("fields")
    at, call, queue, agent, event, *data = fields
    wait_s, talk_s = _numbers(event, data)
    return QueueLine(
        at_s=parse_epoch(at),
        call=_text(call),
        queue=_text(queue),
        agent=_text(agent),
        event=_text(event),
        wait_s=wait_s,
        talk_s=talk_s,
        note=_text(data[0]) if event in _REASONED and data else "",
    )


def _numbers(event: str, data: list[str]) -> tuple[int | None, int | None]:
    expected = _NUMBERS.get(event)
    if expected is None:
        return None, None
    least, wait, talk = expected
    if len(data) < least:
        raise Malformed("fields")
    return (
        _seconds(data[wait]) if wait is not None else None,
        _seconds(data[talk]) if talk is not None else None,
    )


def _seconds(text: str) -> int:
    if not is_number(text) or int(text) > MOST_SECONDS:
        raise Malformed("number")
    return int(text)


def _text(text: str) -> str:
    if len(text) > MOST_TEXT or not text.isprintable():
        raise Malformed("text")
    return text.strip()
