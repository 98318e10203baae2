"""`make bench`: each row as a ratio to a ceiling measured in the same run, the absolute figure beside."""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import agent_at_rest, arrivals, busy_day, judging, rooflines, web_day
from bench.collector import Collector
from bench.phases import phase

OBSERVATIONS = 500
ARRIVAL_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the report. `holds`: None where no bar is set."""

    what: str
    figure: str
    ratio: str
    bar: str
    holds: bool | None


def big_statements(place: Path) -> list[Row]:
    """Ingest of 500 observations a statement, without projections."""
    collector = Collector(place / "big", judging=False)
    try:
        measured = collector.load(place, agents=4, statements=600, observations=OBSERVATIONS)
    finally:
        collector.stop()
    count = 4 * 600
    rate = count / measured["seconds"]
    raw = rooflines.raw_insert(place, count, measured["bytes"] // count)
    verify, parse = rooflines.verifications(OBSERVATIONS), rooflines.parses(OBSERVATIONS)
    observed = rate * OBSERVATIONS
    ratio = f"{rate / raw:.2f} of raw insert, {rate / verify:.2f} of Ed25519, {rate / parse:.2f} of parsing"
    what = f"ingest, {OBSERVATIONS} observations a statement, durable before the receipt"
    return [Row(what=what, figure=f"{observed:,.0f} obs/s", ratio=ratio, bar="≥ 300,000", holds=observed >= 300_000)]


def projected(place: Path) -> list[Row]:
    """The same with the judge's process projecting: until the last observation can be read by rules."""
    collector = Collector(place / "projected", judging=True)
    try:
        before = collector.size()
        measured = collector.load(place, agents=4, statements=600, observations=OBSERVATIONS)
        lag = collector.projected(collector.size())
        count = collector.size() - before
    finally:
        collector.stop()
    observed = 4 * 600 * OBSERVATIONS / (measured["seconds"] + lag)
    raw = rooflines.raw_insert(place, count, measured["bytes"] // count)
    ratio = f"{observed / OBSERVATIONS / raw:.2f} of raw insert; lag at the end {lag:.1f} s"
    what = "the same, until projected"
    return [Row(what=what, figure=f"{observed:,.0f} obs/s", ratio=ratio, bar="≥ 100,000", holds=observed >= 100_000)]


def small_statements(place: Path) -> list[Row]:
    """One observation a statement, 50 agents."""
    collector = Collector(place / "small", judging=False)
    try:
        measured = collector.load(place, agents=50, statements=300, observations=1, window=32)
    finally:
        collector.stop()
    rate = 50 * 300 / measured["seconds"]
    raw = rooflines.raw_insert(place, 50 * 300, measured["bytes"] // (50 * 300))
    ratio = f"{rate / raw:.2f} of raw insert, {rate / rooflines.verifications(1):.2f} of Ed25519"
    what = f"ingest, 1 observation a statement, 50 agents (receipt after {1000 * measured['p99']:.0f} ms p99)"
    return [Row(what=what, figure=f"{rate:,.0f} statements/s", ratio=ratio, bar="≥ 2,000", holds=rate >= 2_000)]


def growth(place: Path) -> list[Row]:
    """Cost of a statement in a log of 10^4 and of 10^6 entries."""
    collector = Collector(place / "growth", judging=False)
    costs = []
    for size in (10_000, 1_000_000):
        collector.stop()
        collector.grow(size)
        collector.start()
        # The better of two: the first one also warms a file of 1 GB that was just written.
        rounds = [collector.load(place, agents=10, statements=600, observations=1, window=32) for _ in range(2)]
        costs.append(min(measured["seconds"] for measured in rounds) / 6000)
    collector.stop()
    ratio = costs[1] / costs[0]
    figure = f"{1e6 * costs[0]:.0f} µs → {1e6 * costs[1]:.0f} µs"
    return [
        Row(
            what="cost a statement, log of 10⁴ → 10⁶",
            figure=figure,
            ratio=f"{ratio:.2f} ×",
            bar="≤ 1.2 ×",
            holds=ratio <= 1.2,
        )
    ]


def at_rest(place: Path) -> list[Row]:
    """The agent's memory and processor share."""
    collector = Collector(place / "rest", judging=False)
    try:
        resident, share = agent_at_rest.measure(collector, place)
    finally:
        collector.stop()
    memory = Row(
        what="agent at rest, memory",
        figure=f"{resident:.0f} MiB",
        ratio=f"{resident / 60:.2f} of the bar",
        bar="≤ 60 MiB",
        holds=resident <= 60,
    )
    processor = Row(
        what="agent at rest, processor, readers included",
        figure=f"{share:.2f} %",
        ratio=f"{share / 0.2:.2f} of the bar",
        bar="≤ 0.2 %",
        holds=share <= 0.2,
    )
    return [memory, processor]


def day(place: Path) -> list[Row]:
    """A busy center's day, read at once, as after an outage."""
    seconds, peak, leaving = busy_day.measure(place)
    what = (
        f"a day of {busy_day.CALLS:,} calls with recordings, {busy_day.TICKETS:,} tickets, "
        f"{busy_day.BADGE_EVENTS:,} badge events, {busy_day.ACCOUNTS:,} accounts, read by one agent"
    )
    processor = Row(
        what=what,
        figure=f"{seconds:.0f} s of processor",
        ratio=f"{seconds / 120:.2f} of the bar; {leaving:.1f} MB would leave",
        bar="≤ 120 s",
        holds=seconds <= 120,
    )
    return [processor, _peak(peak)]


def web(place: Path) -> list[Row]:
    """The same day's calls and tickets, read by paging from systems behind HTTP."""
    seconds, peak, leaving = web_day.measure(place)
    what = (
        f"a day of {busy_day.CALLS:,} conversations of Genesys Cloud, and {busy_day.TICKETS:,} tickets each of "
        "Request Tracker, Salesforce and Odoo, paged over HTTP from simulators, read by one agent"
    )
    processor = Row(
        what=what,
        figure=f"{seconds:.0f} s of processor",
        ratio=f"{seconds / 120:.2f} of the bar; {leaving:.1f} MB would leave",
        bar="≤ 120 s",
        holds=seconds <= 120,
    )
    return [processor, _peak(peak)]


def _peak(peak: float) -> Row:
    return Row(
        what="the same, peak memory of the largest process, reader or agent",
        figure=f"{peak:.0f} MiB",
        ratio=f"{peak / 300:.2f} of the bar",
        bar="≤ 300 MiB",
        holds=peak <= 300,
    )


def judged(place: Path) -> list[Row]:
    """All rules of one center, and of every center from nothing."""
    folder, count = judging.prepare(place), judging.rules()
    with phase("judging one center"):
        cold, again = judging.one(place)
    with phase(f"judging {judging.CENTERS} centers from nothing"):
        seconds, used, centers = judging.many(folder)
    minutes = seconds * 10_000 / centers / 60
    one = Row(
        what=f"all {count} rules of one center a minute later, every source heard again, 13 months of daily evidence",
        figure=f"{1000 * again:.0f} ms",
        ratio=f"from nothing {1000 * cold:.0f} ms, {cold / again:.1f} x that",
        bar="≤ 50 ms",
        holds=again <= 0.05,
    )
    everyone = Row(
        what=f"10,000 centers x {count} rules from nothing in two processes, from {centers} centers in {seconds:.0f} s",
        figure=f"{minutes:.1f} min",
        ratio=f"{1000 * used / centers:.0f} ms of processor a center; the bar is 120 on two cores",
        bar="≤ 10 min",
        holds=minutes <= 10,
    )
    return [one, everyone, *_arrived(folder)]


def _arrived(folder: Path) -> list[Row]:
    """From the log to the store, while each of 1,000 centers sends one statement a minute."""
    with phase(f"judging arrivals for {ARRIVAL_SECONDS} s"):
        middle, late, sent, waiting = arrivals.measure(folder, judging.CENTERS, ARRIVAL_SECONDS)
    row = Row(
        what=f"evidence arrives → verdict stored, p99 of {sent} statements in {ARRIVAL_SECONDS} s",
        figure=f"{late:.1f} s" + (f", {waiting} still waiting" if waiting else ""),
        ratio=f"{late / middle:.1f} x the median ({middle:.2f} s)",
        bar="≤ 2 s",
        holds=late <= 2 and not waiting,
    )
    return [row]


ROWS: dict[str, Callable[[Path], list[Row]]] = {
    "big": big_statements,
    "projected": projected,
    "small": small_statements,
    "growth": growth,
    "rest": at_rest,
    "day": day,
    "web": web,
    "rules": judged,
}


def main() -> int:
    """Measure the rows named on the command line, or all; 1 where a bar is missed."""
    console = Console()
    table = Table(title="bench: ratios to ceilings of the same run")
    for column in ("what", "measured", "ratio", "bar", ""):
        table.add_column(column, overflow="fold")
    missed = False
    for name in sys.argv[1:] or ROWS:
        with tempfile.TemporaryDirectory(prefix="ccmm-bench-") as folder, console.status(name):
            rows = ROWS[name](Path(folder))
        for row in rows:
            table.add_row(row.what, row.figure, row.ratio, row.bar, "ok" if row.holds else "MISSED")
            missed = missed or not row.holds
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
