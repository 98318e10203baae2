"""A collector to load: the real program in a folder of its own, with or without its judge."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
ONLY_INGEST = "import sys; from pathlib import Path; from ccmm_collector.serve import serve; serve(Path(sys.argv[1]))"


class Collector:
    """Started by the constructor, ended by `stop`."""

    def __init__(self, folder: Path, *, judging: bool) -> None:
        self.folder = folder
        _run("init", str(folder), "--name", "bench", "--address", "127.0.0.1:0")
        self._judging = judging
        self.start()

    def start(self) -> None:
        """Run `serve` until it says that it is ready."""
        alone: tuple[str | Path, ...] = (sys.executable, "-c", ONLY_INGEST, self.folder)
        command = (BIN / "ccmm-collector", "serve", self.folder) if self._judging else alone
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout
        if not self._process.stdout.readline().startswith(b"ready"):
            raise RuntimeError("the collector did not start")

    def grow(self, size: int, envelope_bytes: int = 700) -> None:
        """While it is stopped: fill its log with entries of another agent, up to so many in all."""
        with sqlite3.connect(self.folder / "log.sqlite") as connection:
            first = int(connection.execute("SELECT coalesce(max(log_index), -1) + 1 FROM entry").fetchone()[0])
            recorded = int(connection.execute("SELECT coalesce(max(recorded_ms), 1) FROM entry").fetchone()[0])
            rows = (
                (n, recorded, "statement", 1, "filled", "a", 0, n, 1, recorded, *_digests(), bytes(envelope_bytes))
                for n in range(first, size)
            )
            connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def codes(self, agents: int) -> list[str]:
        """A join code for each of so many agents, ten to a center."""
        return [_run("invite", str(self.folder), f"center-{number // 10}").split()[0] for number in range(agents)]

    def projected(self, size: int) -> float:
        """Seconds until the projections have caught up with so many entries of the log."""
        started = time.perf_counter()
        while self.position() < size - 1:
            time.sleep(0.01)
        return time.perf_counter() - started

    def position(self) -> int:
        """The newest projected index of the log."""
        with sqlite3.connect(f"file:{self.folder / 'projections.sqlite'}?mode=ro", uri=True, timeout=10) as connection:
            row = connection.execute("SELECT coalesce(max(log_index), -1) FROM position").fetchone()
        return int(row[0]) if row and row[0] is not None else -1

    def size(self) -> int:
        """Entries in the log."""
        with sqlite3.connect(f"file:{self.folder / 'log.sqlite'}?mode=ro", uri=True, timeout=10) as connection:
            return int(connection.execute("SELECT coalesce(max(log_index), -1) + 1 FROM entry").fetchone()[0])

    def load(self, place: Path, *, agents: int, statements: int, observations: int, window: int = 64) -> dict[str, Any]:
        """Run the load generator; what it measured."""
        spec = place / "load.json"
        table = {"codes": self.codes(agents), "statements": statements, "observations": observations, "window": window}
        spec.write_text(json.dumps(table))
        generator = subprocess.Popen(
            [sys.executable, "-m", "bench.load", spec], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert generator.stdin
        assert generator.stdout
        generator.stdout.readline()
        time.sleep(1)  # what enrolling stirred up has settled
        generator.stdin.write("go\n")
        generator.stdin.flush()
        measured: dict[str, Any] = json.loads(generator.stdout.readline())
        generator.wait()
        return measured

    def stop(self) -> None:
        """Drain and end."""
        self._process.terminate()
        self._process.wait(30)


def _digests() -> tuple[bytes, bytes, bytes]:
    return os.urandom(32), os.urandom(32), os.urandom(32)


def _run(*arguments: str) -> str:
    return subprocess.run([BIN / "ccmm-collector", *arguments], capture_output=True, text=True, check=True).stdout
