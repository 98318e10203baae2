"""Real PostgreSQL and MariaDB of the Debian packages, each on a loopback port in a folder of its own.

Neither runs as root: of a test that does, the server is the account `nobody`.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tests.support import processes

ADMIN, ADMIN_PASSWORD = "admin_of_this_test", "password-of-the-admin"
READER, PASSWORD = "ccmm_reader", "canary-of-the-reader"
DATABASE = "center"
_DRIVERS = {"postgresql": "postgresql+pg8000", "mariadb": "mariadb+pymysql"}


@dataclass(frozen=True, slots=True)
class Server:
    """A running database server. `ca` signed its certificate for localhost."""

    make: str
    port: int
    folder: Path
    ca: Path

    @property
    def url(self) -> str:
        """For the option `url`."""
        return f"{self.make}://127.0.0.1:{self.port}/{DATABASE}"

    def engine(self, database: str = DATABASE) -> Engine:
        """Of the test itself."""
        url = URL.create(_DRIVERS[self.make], ADMIN, ADMIN_PASSWORD, "127.0.0.1", self.port, database)
        return create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def run(self, *statements: str, database: str = DATABASE) -> None:
        """As the administrator."""
        with self.engine(database).connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def running(make: str) -> Iterator[Server]:
    """Starts it, gives it with an empty database and a reader without rights, stops it. Skips where not installed."""
    folder = Path(tempfile.mkdtemp(prefix="ccmm-"))
    try:
        server = Server(make, _free_port(), folder, folder / "ca.pem")
        command = _postgresql(server) if make == "postgresql" else _mariadb(server)
        with processes.running(processes.as_nobody(command), folder / "out", cwd=folder) as process:
            _wait_for(server, process)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgresql(server: Server) -> Sequence[str]:
    folders = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    initdb, postgres = _program("initdb", "postgresql", folders), _program("postgres", "postgresql", folders)
    _certificate(server)
    (server.folder / "password").write_text(ADMIN_PASSWORD)
    data = str(server.folder / "data")
    asked = ["-D", data, "-U", ADMIN, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "-N"]
    _prepare(server, [initdb, *asked, f"--pwfile={server.folder / 'password'}"])
    settings = {
        "port": server.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "ssl": "on",
        "ssl_cert_file": server.folder / "server.crt",
        "ssl_key_file": server.folder / "server.key",
    }
    return [postgres, "-D", data, *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]


def _mariadb(server: Server) -> Sequence[str]:
    install = _program("mariadb-install-db", "mariadb-server", ["/usr/bin"])
    mariadbd = _program("mariadbd", "mariadb-server", ["/usr/sbin"])
    _certificate(server)
    data = f"--datadir={server.folder / 'data'}"
    (server.folder / "init.sql").write_text(
        f"CREATE USER '{ADMIN}'@'%' IDENTIFIED BY '{ADMIN_PASSWORD}';\n"
        f"GRANT ALL PRIVILEGES ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;\n"
    )
    _prepare(server, [install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db"])
    return [
        *(mariadbd, "--no-defaults", data, f"--port={server.port}", "--bind-address=127.0.0.1"),
        *(f"--socket={server.folder / 'socket'}", f"--pid-file={server.folder / 'pid'}"),
        *(f"--init-file={server.folder / 'init.sql'}", "--innodb-flush-log-at-trx-commit=0"),
        "--character-set-server=utf8mb4",
        *(f"--ssl-cert={server.folder / 'server.crt'}", f"--ssl-key={server.folder / 'server.key'}"),
    ]


def _prepare(server: Server, command: Sequence[str]) -> None:
    """Gives the folder to the server's account, and lets it fill its data folder."""
    account = _account()
    if account is not None:
        for path in (server.folder, *server.folder.rglob("*")):
            os.chown(path, account, -1)
    server.folder.chmod(0o755)
    done = subprocess.run(
        processes.as_nobody(command), check=False, capture_output=True, text=True, cwd=server.folder, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _certificate(server: Server) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(server.ca)
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(server.folder / "server.key")
    certificate.cert_chain_pems[0].write_to_path(server.folder / "server.crt")
    (server.folder / "server.key").chmod(0o600)


def _account() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _program(name: str, package: str, folders: Sequence[str]) -> str:
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: Server, process: "subprocess.Popen[bytes]") -> None:
    """Until it answers; then makes the database and the reader."""
    first = "postgres" if server.make == "postgresql" else "mysql"
    password = f"PASSWORD '{PASSWORD}'" if server.make == "postgresql" else f"IDENTIFIED BY '{PASSWORD}'"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{server.make} ended: {(server.folder / 'out').read_text('utf-8', 'replace')}")
        with suppress(SQLAlchemyError, OSError):
            server.run(f"CREATE DATABASE {DATABASE}", f"CREATE USER {READER} {password}", database=first)
            return
        time.sleep(0.1)
    raise RuntimeError(f"{server.make} did not answer within 60 s")
