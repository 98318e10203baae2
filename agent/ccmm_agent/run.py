"""`run`: the headless agent. One event loop for timers and the stream, a few threads for readings.

SIGTERM or SIGINT: no new runs, the run at hand is finished and spooled, what can still be sent is sent, the end.
A spool that turns out damaged while running: everything is closed, it is set aside, and the agent begins again.
"""

import asyncio
import logging
import signal
import time
from pathlib import Path

from ccmm_agent.heap import keep_heap_small
from ccmm_agent.home import Home, opened_home, run_lock
from ccmm_agent.logs import log_to_stderr
from ccmm_agent.outbox import Draft
from ccmm_agent.runner import Runner
from ccmm_agent.sources import planned_sources
from ccmm_agent.spool_file import SpoolCorrupt
from ccmm_agent.submit import Submitter
from ccmm_proto.v1.statement_pb2 import Note

log = logging.getLogger(__name__)

BREATH_S = 1.0  # between two lives: a disk that dies must not give an epoch every moment
LAST_WORDS_S = 3.0  # at the end, while the stream is up: for what was spooled last


def run_agent(folder: Path) -> None:
    """Until a signal. Raises BadConfig, AlreadyRunning, StoreFull."""
    log_to_stderr()
    keep_heap_small()
    with run_lock(folder):
        while asyncio.run(_serve(folder)):
            log.error("spool damaged while running: beginning again")
            time.sleep(BREATH_S)


async def _serve(folder: Path) -> bool:
    """One life with one open spool. True: the spool is damaged, begin again."""
    damaged = False
    leaving = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leaving.set)
    try:
        with opened_home(folder, alone=True) as home:
            _note_key_change(home)
            await _work(home, leaving)
    except* SpoolCorrupt:
        damaged = True
    return damaged


async def _work(home: Home, leaving: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    bell, hang_up = asyncio.Event(), asyncio.Event()
    submitter = Submitter(home, bell=bell, stop=hang_up)

    def ring() -> None:
        loop.call_soon_threadsafe(bell.set)

    runner = Runner(home, planned_sources(home.folder, home.config), bell=ring)
    if not home.config.sources:
        log.warning("no source is configured: `ccmm-agent add-source DIR TYPE` adds one")
    log.info("agent started", extra={"center": home.enrollment.center, "agent": home.enrollment.agent})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(submitter.run())
        await runner.run(leaving)
        bell.set()
        await _last_words(home, submitter)
        hang_up.set()
    log.info("agent stopped")


async def _last_words(home: Home, submitter: Submitter) -> None:
    """While the stream is up, a moment for what was spooled last. What is not sent now is sent at the next start."""
    until = time.monotonic() + LAST_WORDS_S
    while submitter.is_connected and time.monotonic() < until and home.spool.waiting(limit=1):
        await asyncio.sleep(0.05)


def _note_key_change(home: Home) -> None:
    """Facts under another pseudonym key are a new series: that is signed before the first of them."""
    before, now = home.spool.chain().pseudonym_key_id, home.pseudonym_key.key_id
    if before and before != now:
        detail = f"pseudonyms are made with key {now} from now on; before: {before}"
        note = Draft(body=Note(kind=Note.PSEUDONYM_KEY_CHANGED, detail=detail))
        home.spool.change_key(now, note, home.signer.seal)
