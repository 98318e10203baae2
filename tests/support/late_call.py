"""A call that is still spoken when its quarter hour is stated, whatever system tells of it."""

from collections.abc import Callable

from ccmm_agent.plugin import Source
from ccmm_agent.testing import read_all
from ccmm_proto.v1.statement_pb2 import Measure
from tests.support.queue_logs import ZONE, at, measures

TALK = ("talk_time", "Support", at("09:00"))


def talk_once_it_ended(source: Source, end: Callable[[], None]) -> Measure:
    """Of two calls one goes on until `end`. Its talk is a revision then, and nothing is stated twice."""
    found, done = read_all(source, now=at("10:15"), zone=ZONE)
    talk = measures(found)[TALK]
    assert (talk.sum.count, talk.unfinished) == (1, 1)
    found, done = read_all(source, cursor=done.cursor, now=at("11:00"), zone=ZONE)
    assert measures(found) == {}
    end()
    found, done = read_all(source, cursor=done.cursor, now=at("11:45"), zone=ZONE)
    talk = measures(found)[TALK]
    assert (talk.unfinished, talk.revision) == (0, 1)
    assert not measures(read_all(source, cursor=done.cursor, now=at("12:15"), zone=ZONE)[0])
    return talk
