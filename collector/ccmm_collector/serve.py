"""`ccmm-collector serve`: the two ports, the watch over agents, and an orderly end."""

import asyncio
import fcntl
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio as health

from ccmm_collector import keys
from ccmm_collector.authority import Authority
from ccmm_collector.config import Config, load_config
from ccmm_collector.deliveries import Deliveries
from ccmm_collector.enrollment_service import MAX_REQUEST_BYTES, EnrollmentService, Welcome
from ccmm_collector.evidence_service import EvidenceService
from ccmm_collector.log import EvidenceLog, now_ms
from ccmm_collector.roster import Roster
from ccmm_collector.stream import Intake
from ccmm_collector.tls import ServerTls
from ccmm_collector.verifier import Verifier
from ccmm_proto.errors import BadConfig, StoreFull
from ccmm_proto.wire import MAX_MESSAGE_BYTES

logger = logging.getLogger(__name__)

SERVE_FILE = "serve.json"
RECEIPT_KEY = Path("keys/receipt.key")
WATCH_SECONDS = 1.0
GRACE_SECONDS = 5.0
STRANGERS = 2048  # calls at a time on the enrollment port: who is not known yet holds only so much memory
VERIFYING_THREADS = min(8, max(2, os.cpu_count() or 2))
_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.so_reuseport", 0),  # a port in use is an error, never shared
]


class Judging(Protocol):
    """The judge loop, running beside the ports."""

    def stop(self) -> None: ...


StartJudge = Callable[[Path, EvidenceLog, int], Judging]  # so many processes


@dataclass(frozen=True, slots=True)
class Ports:
    """What `serve` bound."""

    evidence: int
    enrollment: int


def serve(folder: Path, start_judge: StartJudge | None = None) -> None:
    """Run until SIGTERM or Ctrl-C; raises BadConfig where the folder or a port is not to be had."""
    config = load_config(folder)
    with _only_one(folder), EvidenceLog.open(folder) as log:
        judging = start_judge(folder, log, config.judges) if start_judge else None
        try:
            asyncio.run(_until_signal(Server(folder, config, log)))
        finally:
            (folder / SERVE_FILE).unlink(missing_ok=True)
            if judging is not None:
                judging.stop()


async def _until_signal(server: "Server") -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.run(stop)


def load_ports(folder: Path) -> Ports | None:
    """The ports of the `serve` that runs on this folder; None where none runs."""
    try:
        table = json.loads((folder / SERVE_FILE).read_text(encoding="utf-8"))
        os.kill(table["pid"], 0)
        return Ports(evidence=table["evidence"], enrollment=table["enrollment"])
    except (FileNotFoundError, ProcessLookupError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadConfig(f"{folder / SERVE_FILE}: not readable: {error}; start serve again") from error


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadConfig(f"{folder}: another serve runs on this folder") from error
        yield


class Server:
    """Both ports and what watches over them."""

    def __init__(self, folder: Path, config: Config, log: EvidenceLog) -> None:
        self._folder = folder
        self._config = config
        self._log = log
        self._roster = Roster(log)
        self._authority = Authority.load(folder, config)
        self._tls = ServerTls(self._authority)
        self._receipt_key = keys.load_ed25519_key(folder / RECEIPT_KEY)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; `serve.json` and a line on stdout say the ports once both answer."""
        with (
            closing(Verifier()) as verifier,
            ThreadPoolExecutor(VERIFYING_THREADS, thread_name_prefix="ingest") as verifying,
        ):
            service = self._evidence_service(verifier, verifying)
            evidence, evidence_port = self._bind_evidence(service)
            enrollment, enrollment_port = self._bind_enrollment(evidence_port)
            await evidence.start()
            await enrollment.start()
            watching = asyncio.ensure_future(self._watch(service))
            self._announce(Ports(evidence=evidence_port, enrollment=enrollment_port))
            try:
                await asyncio.wait((asyncio.ensure_future(stop.wait()), watching), return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()  # a bug: say so and end, the supervisor starts again
            finally:
                watching.cancel()
                await self._drain(service, evidence, enrollment)

    def _evidence_service(self, verifier: Verifier, verifying: ThreadPoolExecutor) -> EvidenceService:
        intake = Intake(
            log=self._log,
            roster=self._roster,
            receipt_key=self._receipt_key,
            deliveries=Deliveries(asyncio.get_running_loop()),
            verifier=verifier,
            verifying=verifying,
        )
        return EvidenceService(intake, self._config.trust_domain)

    def _bind_evidence(self, service: EvidenceService) -> tuple[grpc.aio.Server, int]:
        server = _new_server(MAX_MESSAGE_BYTES)
        server.add_generic_rpc_handlers((service.handlers(),))
        return server, self._bind(server, "evidence_port", self._config.evidence_port, clients=True)

    def _bind_enrollment(self, evidence_port: int) -> tuple[grpc.aio.Server, int]:
        welcome = Welcome(
            trust_domain=self._config.trust_domain,
            evidence_host=self._config.host,
            evidence_port=evidence_port,
            receipt_key=self._receipt_key.public_key(),
            log_key=self._log.public_key(),
        )
        server = _new_server(MAX_REQUEST_BYTES, STRANGERS)
        server.add_generic_rpc_handlers((EnrollmentService(self._log, self._authority, welcome).handlers(),))
        return server, self._bind(server, "enrollment_port", self._config.enrollment_port, clients=False)

    def _bind(self, server: grpc.aio.Server, key: str, port: int, *, clients: bool) -> int:
        try:
            return server.add_secure_port(f"{self._config.listen}:{port}", self._tls.credentials(clients=clients))
        except RuntimeError as error:
            raise BadConfig(
                f"{self._folder}/collector.toml: {key}: {self._config.listen}:{port} is not free; choose another or 0"
            ) from error

    def _announce(self, ports: Ports) -> None:
        table = {"pid": os.getpid(), "evidence": ports.evidence, "enrollment": ports.enrollment}
        fresh = self._folder / f"{SERVE_FILE}.new"
        fresh.write_text(json.dumps(table) + "\n", encoding="utf-8")
        fresh.replace(self._folder / SERVE_FILE)
        listen = self._config.listen
        print(f"ready evidence={listen}:{ports.evidence} enrollment={listen}:{ports.enrollment}", flush=True)

    async def _watch(self, service: EvidenceService) -> None:
        """Once a second: acts of other processes (revocations) and certificates that ran out."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._log.is_broken:
                raise StoreFull("the evidence log's writer stopped; see the error above")
            self._roster.refresh()
            service.end_unwelcome(now_ms())

    async def _drain(self, service: EvidenceService, *servers: grpc.aio.Server) -> None:
        logger.info("stopping")
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await service.drain()
        except TimeoutError:
            logger.warning("streams did not end in time")
        for server in servers:
            await server.stop(1.0)


def _new_server(max_receive_bytes: int, most_calls: int | None = None) -> grpc.aio.Server:
    options = [*_KEEPALIVE, ("grpc.max_receive_message_length", max_receive_bytes)]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=most_calls)
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    return server
