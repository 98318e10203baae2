"""That no secret leaves a reader process; tests call theirs canary."""

from datetime import datetime
from pathlib import Path

from ccmm_agent.plugin import Reason
from ccmm_agent.reading import SourceSpec, check_source_process, read_source
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.queue_logs import ZONE


def assert_secret_stays(spec: SourceSpec, secret: Path, now: datetime) -> None:
    """It is read and checked in processes of its own, and refused with a wrong secret; nothing tells either secret."""
    reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
    assert (reading.outcome, reading.reason) == (OBSERVED, ""), reading.detail
    lines = check_source_process(spec, now=now, zone=ZONE)
    assert "canary" not in f"{reading} {lines} {reading.cursor!r}"
    secret.write_text("wrong-canary")
    reading = read_source(spec, cursor=b"", now=now, zone=ZONE)
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.REFUSED)
    assert "canary" not in reading.detail
