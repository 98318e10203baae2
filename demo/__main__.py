"""`make demo`: a collector, three simulated centers with real agents, their levels; leaves nothing running.

python -m demo [FOLDER]      FOLDER, by default .demo, is made anew
"""

import shutil
import signal
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from demo.center import Center
from demo.characters import CHARACTERS, Character
from demo.headquarters import Headquarters
from demo.report import print_report

ROOT = Path(__file__).parent.parent
GIVE_UP_S = 600


def main(place: Path) -> int:
    """0 when the table was shown."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            headquarters = Headquarters(place / "collector", place / "collector.log")
            stack.callback(headquarters.stop)
            console.print("[bold]collector[/] is up; it believes nobody yet")
            codes = [headquarters.invite(character) for character in CHARACTERS]
            centers = [
                _center(character, code, place, console, stack)
                for character, code in zip(CHARACTERS, codes, strict=True)
            ]
            stack.callback(_tell_all_to_end, centers)
            _wait(centers, console, started)
            print_report(headquarters, centers, console)
            console.print(f"\nshown {time.monotonic() - started:.0f} s after the start")
            if sys.stdin.isatty() and console.is_terminal:
                console.print("The agents go on reading. [bold]Ctrl-C[/] ends everything.")
                signal.pause()
    except KeyboardInterrupt:
        console.print("\nended; nothing is left running")
    return 0


def _tell_all_to_end(centers: list[Center]) -> None:
    """Each agent finishes the run at hand; all at the same time, before the first one is waited for."""
    for center in centers:
        if center.agent:
            center.agent.terminate()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _center(character: Character, code: str, place: Path, console: Console, stack: ExitStack) -> Center:
    id, now = character.id, datetime.now(UTC)
    center = Center(character, place / id, place / f"{id}.log", now)
    stack.callback(center.stop)
    center.build()
    center.join(code)
    center.attest()
    center.start()
    console.print(f"[bold]{id}[/] ({character.title}) joined; its agent reads {character.months} months of history")
    return center


def _wait(centers: list[Center], console: Console, started: float) -> None:
    """Until every source of every agent has run and nothing waits to be sent."""
    with console.status("reading") as status:
        while time.monotonic() - started < GIVE_UP_S:
            states = [center.progress() for center in centers]
            words = [
                f"{center.character.id} {ran}/{sources} sources, {waiting} statements waiting"
                for center, (ran, sources, waiting) in zip(centers, states, strict=True)
            ]
            status.update(" · ".join(words))
            if all(ran == sources and waiting == 0 for ran, sources, waiting in states):
                return
            time.sleep(1)
    raise RuntimeError(f"the agents did not finish in {GIVE_UP_S} s: see the logs in the demo's folder")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".demo"))
