"""One run over a folder: files that changed are looked at, the others are remembered; and what `check` says of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from ccmm_agent.plugin import CheckLine, Done, Observation, SourceUnavailable
from ccmm_plugin_access_control.card_facts import Scan, detail_of, total
from ccmm_plugin_access_control.card_folder import Folder, Item, Paper
from ccmm_plugin_access_control.card_seen import Seen, Sighting
from ccmm_plugin_access_control.card_tally import Tally

FIRST_LOOK = timedelta(seconds=1)  # what the first scan vouches for before itself
BATCH_BYTES = 48 << 20  # looked at by one run; the rest follows at once
BATCH_S = 40.0  # and for so long: a file of nothing but digits takes its time
CHECKED_BYTES = 16 << 20
SHOWN = 5
_DIGESTING = 8  # times faster than looking


@dataclass(slots=True)
class _Run:
    """What a run did: files by key, how many it opened, bytes, whether something is left; when it has to end."""

    files: dict[bytes, Sighting]
    ends: float
    opened: int = 0
    spent: int = 0
    stated: int = 0
    is_left: bool = False


def scanned(
    folder: Folder, place: str, seen: Seen, now: datetime, new_tally: Callable[[], Tally]
) -> Iterator[Observation | Done]:
    """The items found by this run; at the end of the scan how many are there in all."""
    seen = seen.next_scan(now)
    began = seen.began or now
    scan = Scan(place, began)
    papers, left, strange = folder.papers()
    run = _Run(files={}, ends=monotonic() + BATCH_S, stated=seen.stated)
    for paper in papers:
        told = scan.items(_looked(folder, paper, seen, run, new_tally), run.stated)
        run.stated += len(told)
        yield from told
    if run.is_left:
        # A crash here looks at this batch again: nothing was vouched for yet.
        yield Done(None, replace(seen, stated=run.stated, files=run.files).to_cursor(), more=True)
        return
    found = total(sighting.found for sighting in run.files.values())
    yield from scan.result(found)
    after = Seen(until=began, scan=seen.scan, files=run.files, setup=seen.setup)
    since = seen.until or began - FIRST_LOOK
    yield Done((min(since, began), began), after.to_cursor(), detail=detail_of(found, len(papers), left, strange))


def _looked(folder: Folder, paper: Paper, seen: Seen, run: _Run, new_tally: Callable[[], Tally]) -> list[Item]:
    """What is new in a file; remembers it in `run`."""
    known = seen.files.get(paper.key)
    if known is not None and (known.scan == seen.scan or known.state == paper.state):
        run.files[paper.key] = replace(known, scan=seen.scan)
        return []
    if run.opened and (run.spent >= BATCH_BYTES or monotonic() >= run.ends):
        run.is_left = True
        if known is not None:
            run.files[paper.key] = known
        return []
    digest, items = folder.look(paper, known.digest if known is not None else b"", new_tally)
    run.opened += 1
    run.spent += paper.size if items is not None else paper.size // _DIGESTING
    if items is None and known is not None:
        found, items = known.found, []
    else:
        found = total(item.found for item in items or [])
    run.files[paper.key] = Sighting(paper.state, digest, seen.scan, found)
    return items or []


def lines_of(folder: Folder, seen: Seen, new_tally: Callable[[], Tally]) -> Iterator[CheckLine]:
    """What is there, which file cannot be read, and in which files something was found. Stays on this screen."""
    papers, left, strange = folder.papers()
    size = sum(paper.size for paper in papers)
    yield CheckLine("ok", "texts", f"{len(papers)} files, {size / 1e6:.1f} MB, below {folder.place}")
    if left:
        yield CheckLine("warning", "leave_out", f"{left} files are left out: they are not looked at")
    if strange:
        yield CheckLine("warning", "no files", f"{strange} links, pipes or devices are not looked at")
    spent, shown = 0, 0
    for paper in papers:
        known = seen.files.get(paper.key)
        if known is None and spent < CHECKED_BYTES:
            spent += paper.size
            try:
                found = total(item.found for item in folder.look(paper, b"", new_tally)[1] or [])
            except SourceUnavailable as error:
                yield CheckLine("failed", paper.path, error.detail)
                continue
        elif known is not None:
            found = known.found
        else:
            continue
        if found.is_something and shown < SHOWN:
            shown += 1
            yield CheckLine("warning", paper.path, f"{found.cards} card numbers and {found.codes} security codes")
    if spent >= CHECKED_BYTES:
        yield CheckLine("ok", "sample", f"of new files {CHECKED_BYTES >> 20} MB were looked at; a run looks at all")
