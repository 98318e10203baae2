"""A collector in its own folder, served over real TLS for as long as a test lasts."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_collector import enrollment
from ccmm_collector.config import Config, load_config, new_config
from ccmm_collector.init import init
from ccmm_collector.log import EvidenceLog
from ccmm_collector.serve import Ports, Server, load_ports
from tests.unit.collector.small_agent import SmallAgent, Transport

HALF_HOUR = timedelta(minutes=30)


@dataclass
class Collector:
    """A collector that serves."""

    folder: Path
    log: EvidenceLog
    ports: Ports
    stop: Callable[[], None]
    agents: list[SmallAgent] = field(default_factory=list)

    def guest(self, transport: Transport | None = None) -> SmallAgent:
        """Somebody who is not enrolled yet."""
        server_pem = ssl.get_server_certificate(("127.0.0.1", self.ports.enrollment)).encode()
        agent = SmallAgent("localhost", self.ports.enrollment, server_pem)
        return replace(agent, transport=transport) if transport else agent

    def token(self, center: str = "north", agent: str | None = None, ttl: timedelta = HALF_HOUR) -> str:
        return enrollment.invite(self.log, center, agent, ttl)[0]

    def agent(self, center: str = "north", name: str | None = None) -> SmallAgent:
        """An enrolled agent."""
        return self.guest().enroll(self.token(center, name))


@pytest.fixture
def config() -> Config:
    return new_config("collector", "localhost:0")


@pytest.fixture
def folder(tmp_path: Path, config: Config) -> Path:
    """The folder of a collector that was just made."""
    init(tmp_path / "collector", config)
    return tmp_path / "collector"


@pytest.fixture
def log(folder: Path) -> Iterator[EvidenceLog]:
    with EvidenceLog.open(folder) as opened:
        yield opened


@pytest.fixture
def collector(folder: Path) -> Iterator[Collector]:
    with serving(folder) as running:
        yield running


@contextmanager
def serving(folder: Path) -> Iterator[Collector]:
    """The collector of this folder, serving from a thread."""
    with EvidenceLog.open(folder) as log:
        loop = asyncio.new_event_loop()
        stop = asyncio.Event()
        server = Server(folder, load_config(folder), log)
        thread = threading.Thread(target=loop.run_until_complete, args=(server.run(stop),))
        thread.start()

        def end() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(stop.set)
                thread.join()
                loop.close()

        try:
            yield Collector(folder, log, _wait_for_ports(folder, thread), end)
        finally:
            end()
            (folder / "serve.json").unlink(missing_ok=True)


def _wait_for_ports(folder: Path, thread: threading.Thread) -> Ports:
    while thread.is_alive():
        if ports := load_ports(folder):
            return ports
        time.sleep(0.01)
    raise AssertionError("the collector did not start")
