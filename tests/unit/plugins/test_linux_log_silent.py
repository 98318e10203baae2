"""An auth log that nobody writes any more is vouched for up to two days after its last line, and no further."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ccmm_agent.testing import read_all
from tests.support.auth_logs import BERLIN, NOW, Log, line

LAST = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)  # three days and four hours before NOW


def test_a_log_that_fell_silent_gets_old_and_goes_on_where_it_is_written_again(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write(line(LAST - timedelta(hours=1), "Accepted publickey for zhang from 192.0.2.1 port 5"), line(LAST, "x"))
    found, done = read_all(log.source(), cursor=b"", now=NOW, zone=BERLIN)
    assert len(found) == 1
    assert done.covers == (LAST - timedelta(hours=1), LAST + timedelta(days=2))  # not to NOW
    assert "is it still written?" in done.detail
    found, again = read_all(log.source(), cursor=done.cursor, now=NOW + timedelta(hours=1), zone=BERLIN)
    assert (found, again.covers) == ([], None)
    late = NOW + timedelta(hours=2)
    log.write(
        line(LAST, "x"),
        line(NOW, "Accepted publickey for zhang from 192.0.2.1 port 5", pid=78),
        line(late, "x"),
        changed=late,
    )
    found, after = read_all(log.source(), cursor=again.cursor, now=late + timedelta(minutes=5), zone=BERLIN)
    assert len(found) == 1
    assert after.covers == (LAST + timedelta(days=2), late + timedelta(minutes=2))
    assert after.detail == ""
