"""Certificates, names and ports that do not fit, each told by the HTTP client of plugins with its mend."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.testing_http import Simulator, certificate, http_simulator
from tests.support.web_tickets import asked_of, refusal, server, short_pauses, tickets

__all__ = ["server", "short_pauses"]


@pytest.mark.parametrize(
    ("names", "begins", "ends", "words"),
    [
        (("127.0.0.1",), -2, -1, "certificate has expired: renew it there, or set the clock here .20"),
        (("127.0.0.1",), 1, 2, "certificate is not valid yet"),
        (("door.example",), -1, 1, "for another name: use that name in url, or set tls_name"),
    ],
)
def test_certificates_are_told_with_their_mend(
    tmp_path: Path, names: tuple[str, ...], begins: int, ends: int, words: str
) -> None:
    made = certificate(tmp_path, *names, begins=timedelta(days=begins), ends=timedelta(days=ends))
    with http_simulator(tickets, tls=made) as server:
        with refusal(Reason.UNREACHABLE, words):
            asked_of(server.url, ca_file=made.file)
        assert server.asked == []


def test_a_self_signed_certificate_is_trusted_only_by_its_file(tmp_path: Path) -> None:
    made = certificate(tmp_path, "door.example")
    with http_simulator(tickets, tls=made) as server:
        with refusal(Reason.UNREACHABLE, "self-signed, or of an authority unknown here: set ca_file"):
            asked_of(server.url, tls_name="door.example")
        assert asked_of(server.url, ca_file=made.file, tls_name="door.example").status == 200


def test_a_file_of_authorities_that_holds_none_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    with pytest.raises(SourceUnavailable, match=r"ca_file .*ca.pem is not there"):
        asked_of("https://127.0.0.1:1", ca_file=empty)
    empty.write_text("no certificate")
    with pytest.raises(SourceUnavailable, match=r"ca.pem holds no certificate"):
        asked_of("https://127.0.0.1:1", ca_file=empty)


def test_tls_where_there_is_none_and_a_port_where_nothing_is(server: Simulator) -> None:
    with refusal(Reason.UNREACHABLE, "is it https"):
        asked_of(server.url.replace("http:", "https:"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with refusal(Reason.UNREACHABLE, "nothing listens there"):
            asked_of(f"http://127.0.0.1:{free.getsockname()[1]}")


def test_a_name_that_nobody_knows_is_told() -> None:
    with refusal(Reason.UNREACHABLE, "(host name is not known|no name server answers)"):
        asked_of("https://nowhere.invalid:443", timeout_s=3.0)
