"""Runs the submitter against a fake collector until something holds."""

import asyncio
import time
from collections.abc import Callable

from ccmm_agent.home import Home
from ccmm_agent.submit import Submitter
from ccmm_proto.v1.statement_pb2 import Statement


def submit_until(home: Home, done: Callable[[], bool], seconds: float = 30.0) -> None:
    """Run the submitter until the condition holds."""

    async def work() -> None:
        bell, stop = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(Submitter(home, bell=bell, stop=stop, first_pause_s=0.05).run())
        until = time.monotonic() + seconds
        while not done() and time.monotonic() < until and not task.done():
            await asyncio.sleep(0.02)
        stop.set()
        await task

    asyncio.run(work())
    assert done(), "the condition did not come true in time"


def all_sent(home: Home) -> Callable[[], bool]:
    return lambda: not home.spool.waiting(limit=1)


def chain_is_whole(statements: list[Statement], epoch: int = 0) -> bool:
    numbers = [statement.sequence for statement in statements if statement.epoch == epoch]
    return numbers == list(range(len(numbers)))
