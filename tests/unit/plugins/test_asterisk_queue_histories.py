"""Generated histories: however a queue log is read while it grows, what is known in the end is the same."""

import tempfile
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from tests.support.queue_logs import Reader, abandoned, answered, at, in_order, line, measures, rolls, write

SPAN_S = 6 * 3600
Call = tuple[int, int, int, str]

calls = st.lists(
    st.tuples(st.integers(0, SPAN_S), st.integers(0, 900), st.integers(-1, 3 * 3600), st.sampled_from(["q", "p"])),
    max_size=25,
)
stays = st.lists(st.tuples(st.integers(0, SPAN_S), st.integers(1, SPAN_S), st.sampled_from(["A1", "A2"])), max_size=4)
readings = st.lists(st.integers(0, SPAN_S + 4 * 3600), max_size=12)


def lines_of(made: list[Call], logged: list[tuple[int, int, str]]) -> list[str]:
    """Calls with a talk below zero are abandoned; times are after nine o'clock."""
    start = at("09:00")
    lines = [line(start, "NONE", "NONE", "NONE", "QUEUESTART", "")]
    for n, (entered, wait, talk, queue) in enumerate(made):
        moment = start + timedelta(seconds=entered)
        lines += (
            abandoned(moment, f"c{n}", wait, queue) if talk < 0 else answered(moment, f"c{n}", wait, talk, queue=queue)
        )
    for since, lasted, agent in logged:
        came = start + timedelta(seconds=since)
        lines.append(line(came, "M", "q", agent, "ADDMEMBER", ""))
        lines.append(line(came + timedelta(seconds=lasted), "M", "q", agent, "REMOVEMEMBER", ""))
    return in_order(lines)


def known(logs: Reader) -> tuple[object, object]:
    """What the highest revisions say: figures without those of nothing, and the rows of all hours."""
    figures = {
        key: (m.count, m.sum.total, m.sum.count, tuple(m.histogram.buckets), m.unfinished)
        for key, m in measures(logs.stated).items()
        if m.count or m.sum.count or any(m.histogram.buckets) or m.unfinished
    }
    rows = {
        (kind, hour): roll.SerializeToString(deterministic=True)
        for kind in ("call", "session")
        for hour, roll in rolls(logs.stated, kind).items()
        if not roll.ClearField("revision") and not roll.ClearField("revision_reason")  # type: ignore[func-returns-value]
    }
    return figures, rows


@settings(max_examples=150, deadline=None)
@given(calls, stays, readings, st.integers(300, 5000), st.data())
def test_reading_while_it_grows_ends_with_what_one_reading_gives(
    made: list[Call], logged: list[tuple[int, int, str]], moments: list[int], batch_bytes: int, data: st.DataObject
) -> None:
    lines = lines_of(made, logged)
    end = at("09:00", day=3)
    with tempfile.TemporaryDirectory() as folder:
        log = write(Path(folder) / "queue_log", [])
        grown = Reader(QueueLog(queue_log=log, batch_bytes=batch_bytes))
        written = 0
        for offset in sorted(moments):
            now = at("09:00") + timedelta(seconds=offset)
            until = sum(int(text[:10]) <= now.timestamp() for text in lines)
            with log.open("a") as stream:
                stream.writelines(f"{text}\n" for text in lines[written:until])
            written = max(written, until)
            grown.read(now)
            if written > 2 and data.draw(st.booleans()):
                log.rename(log.with_name(f"queue_log.{offset}"))
                log.touch()
                lines, written = lines[written:], 0
        with log.open("a") as stream:
            stream.writelines(f"{text}\n" for text in lines[written:])
        grown.read(end)
        whole = Reader(QueueLog(queue_log=log))
        whole.read(end)
        assert known(grown) == known(whole)
        assert all(earlier[1] == later[0] for earlier, later in pairwise(grown.covered))
