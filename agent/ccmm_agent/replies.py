"""What a reader answers, believed only as far as it checks: order, shapes, feeds, spans, sizes."""

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from ccmm_agent.facts import word_of
from ccmm_agent.framing import Frames
from ccmm_agent.plugin import CheckLine, SourceUnavailable, Verdict
from ccmm_proto.errors import Malformed
from ccmm_proto.reasons import Reason
from ccmm_proto.shape import check_observations
from ccmm_proto.v1 import reader_pb2 as rpb
from ccmm_proto.v1.statement_pb2 import ISOLATION_UNSPECIFIED, Isolation, Observation

MAX_CURSOR_BYTES: Final = 1 << 20
MAX_LINES: Final = 1000
MAX_DETAIL: Final = 500
DESCRIPTION: Final = "description"  # subject of the one line whose detail is JSON
_VERDICTS: Final[dict[int, Verdict]] = {
    rpb.CheckLine.OK: "ok",
    rpb.CheckLine.WARNING: "warning",
    rpb.CheckLine.FAILED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a reading may answer."""

    feeds: tuple[str, ...] = ()
    now_ms: int = 0
    cursor: bytes = b""
    lines: bool = False  # check lines are expected, not observations
    limit_bytes: int = 64 << 20


class Replies:
    """Takes the reader's bytes; `feed` raises SourceUnavailable with BAD_SCHEMA for whatever was not to be expected."""

    def __init__(self, expected: Expected) -> None:
        self.isolation: Isolation.ValueType = ISOLATION_UNSPECIFIED
        self.observations: list[Observation] = []
        self.lines: list[rpb.CheckLine] = []
        self.done: rpb.Done | None = None
        self._expected = expected
        self._frames = Frames(expected.limit_bytes)
        self._started = False

    def feed(self, chunk: bytes) -> bool:
        """Whether the answer is complete; raises SourceUnavailable, also where the reader says so."""
        try:
            for message in self._frames.feed(chunk):
                self._take(message)
                if self.done is not None:
                    return True
        except (Malformed, DecodeError) as error:
            raise SourceUnavailable(Reason.BAD_SCHEMA, str(error)[:MAX_DETAIL]) from error
        return False

    def check_lines(self) -> list[CheckLine]:
        """The lines of a check."""
        return [
            CheckLine(_VERDICTS[line.verdict], line.subject[:MAX_DETAIL], line.detail[:MAX_DETAIL])
            for line in self.lines
        ]

    def description(self) -> bytes:
        """The JSON of a description; raises Malformed."""
        if [line.subject for line in self.lines] != [DESCRIPTION]:
            raise Malformed("one description is expected")
        return self.lines[0].detail.encode()

    def _take(self, message: bytes) -> None:
        reply = rpb.ReadReply.FromString(message)
        which = reply.WhichOneof("reply")
        if not self._started:
            # The first frame was written before any code of a plugin ran: nobody could forge it.
            self._start(reply)
        elif which == "observation" and not self._expected.lines:
            self._observe(reply.observation)
        elif which == "check_line" and self._expected.lines:
            if len(self.lines) == MAX_LINES or reply.check_line.verdict not in _VERDICTS:
                raise Malformed("check lines: too many, or without a verdict")
            self.lines.append(reply.check_line)
        elif which == "unavailable":
            raise _told(reply.unavailable)
        elif which == "done":
            self.done = self._checked(reply.done)
        else:
            raise Malformed(f"the reader answers {which} where it may not")

    def _start(self, reply: rpb.ReadReply) -> None:
        if reply.WhichOneof("reply") == "unavailable":
            raise _told(reply.unavailable)
        if reply.WhichOneof("reply") != "started" or reply.started.isolation not in Isolation.values():
            raise Malformed("the reader answers before it has started")
        self._started = True
        self.isolation = reply.started.isolation

    def _observe(self, observation: Observation) -> None:
        observation.DiscardUnknownFields()  # clear text must not ride along unseen
        check_observations([observation], clear=True)
        if (word := word_of(observation)) not in self._expected.feeds:
            raise Malformed(f"{word} is not among the source's feeds")
        self.observations.append(observation)

    def _checked(self, done: rpb.Done) -> rpb.Done:
        expected = self._expected
        if len(done.cursor) > MAX_CURSOR_BYTES:
            raise Malformed(f"a cursor of more than {MAX_CURSOR_BYTES} bytes")
        if done.more and done.cursor == expected.cursor:
            raise Malformed("more remains, but the cursor stays: it would never end")
        if done.HasField("covers") and not 0 <= done.covers.from_ms <= done.covers.to_ms <= expected.now_ms:
            raise Malformed("what it covers is reversed, or ends in the future")
        return done


def _told(unavailable: rpb.Unavailable) -> SourceUnavailable:
    try:
        reason = Reason(unavailable.reason)
    except ValueError:
        return SourceUnavailable(Reason.BAD_SCHEMA, "unavailable, for a reason that is no word of the list")
    return SourceUnavailable(reason, unavailable.detail[:MAX_DETAIL])
