"""Where a database is and who asks: the options `url`, `user`, `password_file`, `ca_file`, `tls`, and their limits."""

import sqlite3
import ssl
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ccmm_agent.plugin import BadOption, Manifest, Options
from ccmm_agent.secret_file import load_password
from ccmm_tables.sql_makes import MAKES, Make

CONNECT_S = 15
LOCAL = ("localhost", "127.0.0.1", "::1")
SQLITE_BESIDE = ("-wal", "-shm", "-journal")  # what a program that writes keeps beside the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`path` for SQLite, all else for a server."""

    make: str
    host: str = ""
    port: int = 0
    database: str = ""
    path: Path | None = None
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    tls: bool = True
    timeout_s: int = 60

    @classmethod
    def from_options(cls, options: Options) -> "Place":
        """Raises BadOption, never with the URL in it: a password may stand there."""
        text = options.text("url")
        url = urlsplit(text)
        if url.scheme not in MAKES:
            raise BadOption("url", f"one of {', '.join(f'{make}://' for make in MAKES)}")
        if "@" in url.netloc or url.query or url.fragment:
            raise BadOption("url", "no user, password or parameter in it: `user`, `password_file`, `ca_file`, `tls`")
        _need_driver(url.scheme)
        timeout_s = options.seconds("statement_timeout", 60)
        if url.scheme == "sqlite":
            path = Path(unquote(url.path))
            if url.netloc or not path.is_absolute() or not path.name:
                raise BadOption("url", "sqlite:///ABSOLUTE/PATH (with the path's own slash: sqlite:////srv/x.db)")
            return cls(make="sqlite", path=Path("/" + str(path).lstrip("/")), timeout_s=timeout_s)
        try:
            host, port = url.hostname, url.port or MAKES[url.scheme].port
        except ValueError:
            host, port = None, 0
        database = unquote(url.path.strip("/"))
        if not host or not database or "/" in database:
            raise BadOption("url", f"{url.scheme}://HOST[:PORT]/DATABASE")
        return cls(
            make=url.scheme,
            host=host,
            port=port,
            database=database,
            user=options.text("user"),
            password_file=options.path("password_file"),
            ca_file=options.path("ca_file", None),
            tls=options.flag("tls", host not in LOCAL),
            timeout_s=timeout_s,
        )

    def manifest(self) -> Manifest:
        """The server, or the file and what stands beside it."""
        if self.path is not None:
            return Manifest(files=(self.path, *(Path(f"{self.path}{end}") for end in SQLITE_BESIDE)))
        files = tuple(path for path in (self.password_file, self.ca_file) if path is not None)
        return Manifest(files=files, endpoints=((self.host, self.port),))

    @property
    def name(self) -> str:
        """For people."""
        return self.path.name if self.path is not None else f"{self.host}:{self.port}"

    @property
    def declared(self) -> Make:
        """What is known of this make."""
        return MAKES[self.make]

    def engine(self) -> Any:
        """A SQLAlchemy Engine that keeps no connection. Raises SourceUnavailable for the password's file."""
        from sqlalchemy import URL, create_engine
        from sqlalchemy.pool import NullPool

        common: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
        if self.path is not None:
            return create_engine("sqlite://", creator=self._open_file, **common)
        assert self.password_file is not None
        password = load_password(self.password_file)
        if self.make == "oracle":
            url = URL.create(self.declared.dialect, self.user, password)
        else:
            url = URL.create(self.declared.dialect, self.user, password, self.host, self.port, self.database)
        return create_engine(url, connect_args=self._connect_args(), **common)

    def _open_file(self) -> sqlite3.Connection:
        """Never for writing; a statement that takes too long is interrupted."""
        if self.path is not None and self.path.exists() and not self.path.is_file():
            raise sqlite3.DatabaseError("file is not a database")  # SQLite would wait for who writes into a pipe
        connection = sqlite3.connect(f"file:{quote(str(self.path))}?mode=ro", uri=True, timeout=CONNECT_S)
        connection.isolation_level = None
        deadline = time.monotonic() + self.timeout_s
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
        return connection

    def _connect_args(self) -> dict[str, Any]:
        """What each driver calls its limits and its TLS."""
        cafile = str(self.ca_file) if self.ca_file else None
        context = ssl.create_default_context(cafile=cafile) if self.tls else None
        slow = self.timeout_s + CONNECT_S
        match self.make:
            case "postgresql":
                return {"ssl_context": context, "timeout": slow, "application_name": "ccmm-agent"}
            case "mssql":
                trusted = cafile or ssl.get_default_verify_paths().cafile
                waits: dict[str, Any] = {"login_timeout": CONNECT_S, "timeout": self.timeout_s, "readonly": True}
                return {**waits, "cafile": trusted, "validate_host": True} if self.tls else waits
            case "oracle":
                where: dict[str, Any] = {"host": self.host, "port": self.port, "service_name": self.database}
                found = {**where, "tcp_connect_timeout": CONNECT_S}
                return {**found, "protocol": "tcps", "ssl_context": context} if self.tls else found
        limits: dict[str, Any] = {"connect_timeout": CONNECT_S, "read_timeout": slow, "charset": "utf8mb4"}
        return {**limits, "ssl": context} if self.tls else limits


def _need_driver(make: str) -> None:
    declared = MAKES[make]
    if find_spec("sqlalchemy") is None or find_spec(declared.driver) is None:
        raise BadOption("url", f"a database whose driver is installed: ccmm-tables[{declared.extra}]")
