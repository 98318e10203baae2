import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_plugin_records.sql import Sql
from tests.support.tables import ZONE

PASSWORD = "canary-password"
LOGGED_IN = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"  # PostgreSQL: no password needed, ready
CUT = b"D\0\0\0\x99\0\1"  # a row that ends in its middle


@contextmanager
def server(answer: bytes) -> Iterator[int]:
    """Sends this when somebody connects, again when he has spoken, and hangs up."""
    with socket.socket() as listening, suppress(OSError):
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        talking = threading.Thread(target=_talk, args=(listening, answer), daemon=True)
        talking.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        talking.join(10)


def _talk(listening: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.settimeout(0.2)
                connection.sendall(answer)
                with suppress(TimeoutError):
                    connection.recv(1000)
                connection.sendall(answer)


def trouble(make: str, port: int, folder: Path) -> tuple[Reason, str]:
    (folder / "password").write_text(PASSWORD)
    url = {"url": f"{make}://127.0.0.1:{port}/hr", "user": "reader", "password_file": str(folder / "password")}
    one = Sql.from_options(Options({**url, "table": "staff", "kind": "person", "key": "id"}))
    try:
        list(one.read(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))
    except SourceUnavailable as error:
        return error.reason, str(error)
    raise AssertionError("it was read")


@pytest.mark.parametrize("make", ["postgresql", "mariadb"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 400 Bad\r\n\r\n", b"\0" * 50, b"\xff" * 300, LOGGED_IN + CUT])
def test_what_answers_but_is_no_such_database_is_unreachable(make: str, answer: bytes, tmp_path: Path) -> None:
    with server(answer) as port, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # PyMySQL leaves the socket of a broken greeting open
        reason, told = trouble(make, port, tmp_path)
        gc.collect()
    assert reason is Reason.UNREACHABLE
    assert f"is it {make}" in told
    assert PASSWORD not in told


def test_a_password_that_is_not_there_is_said(tmp_path: Path) -> None:
    one = Options(
        {"url": "mariadb://db.invalid/hr", "user": "u", "password_file": str(tmp_path / "absent"), "table": "staff"}
        | {"kind": "person", "key": "id"}
    )
    with pytest.raises(SourceUnavailable) as caught:
        list(Sql.from_options(one).read(Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)))
    assert caught.value.reason is Reason.NOT_FOUND
