"""The HTTP client of plugins waits as long as it is asked to and may; nothing outlasts its time; over real sockets."""

import socket
import threading
import time
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason
from ccmm_agent.testing_http import Fault, Simulator, certificate, http_simulator, json_reply
from ccmm_agent.web import Web, json_body
from tests.support.answering import answering
from tests.support.web_tickets import asked_of, place, refusal, server, short_pauses, tickets

__all__ = ["server", "short_pauses"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_the_server_asks_for_is_kept(server: Simulator, status: int) -> None:
    server.fail(json_reply({}, status, retry_after="1"), times=1)
    begin = time.monotonic()
    assert asked_of(server.url).status == 200
    assert 0.9 < time.monotonic() - begin < 4
    assert len(server.asked) == 2


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2199 23:59:59 GMT"])
def test_a_wait_longer_than_the_time_left_is_told_at_once(server: Simulator, wait: str) -> None:
    server.fail(json_reply({}, 429, retry_after=wait))
    begin = time.monotonic()
    with refusal(Reason.LIMITED, "asks to wait [0-9]+ s: ask it less often"):
        asked_of(server.url)
    assert time.monotonic() - begin < 1
    assert len(server.asked) == 1


def test_a_server_that_only_ever_says_later_ends_with_the_budget(server: Simulator) -> None:
    server.fail(json_reply({}, 429, retry_after="0"))
    with refusal(Reason.LIMITED, "limits how often"):
        asked_of(server.url, budget_s=0.3)
    assert 2 <= len(server.asked) <= 6


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.CLOSE, Fault.RESET])
def test_a_lost_connection_is_tried_again_for_a_get_and_not_for_a_post(server: Simulator, fault: Fault) -> None:
    server.fail(fault, times=2)
    assert asked_of(server.url).status == 200
    assert len(server.asked) == 3
    server.fail(fault)
    with refusal(Reason.UNREACHABLE, "the connection was lost before the answer was whole"):
        asked_of(server.url)
    assert len(server.asked) == 6
    with Web(place(server.url)) as web:
        with refusal(Reason.UNREACHABLE, "lost"):
            web.post("/query", json_body({}), what="tickets")
        assert len(server.asked) == 7
        server.heal()
        server.fail(fault, times=1)
        assert web.post("/query", json_body({}), what="tickets", repeatable=True).status == 200


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP, Fault.DRIP_HEAD])
@pytest.mark.parametrize("tls", [False, True])
def test_nothing_outlasts_the_time_for_an_answer(tmp_path: Path, fault: Fault, tls: bool) -> None:
    made = certificate(tmp_path)
    with http_simulator(tickets, tls=made if tls else None) as server:
        server.fail(fault)
        begin = time.monotonic()
        with refusal(Reason.TIMEOUT, "no whole answer in time"):
            asked_of(server.url, timeout_s=0.7, ca_file=made.file if tls else None)
        assert 0.6 < time.monotonic() - begin < 1.5


def test_the_budget_ends_all_questions_together(server: Simulator) -> None:
    with Web(place(server.url), budget_s=0.6) as web:
        web.get("/one", what="one")
        server.fail(Fault.DRIP)
        with refusal(Reason.TIMEOUT, "in time"):
            web.get("/two", what="tickets")
        assert web.left_s < 0.1
        time.sleep(web.left_s)
        with refusal(Reason.TIMEOUT, "no time is left"):
            web.get("/three", what="tickets")


def test_a_handshake_that_hangs_ends_in_time() -> None:
    held = threading.Event()

    def hold(_stream: socket.socket) -> None:
        held.wait(5)

    with answering(hold) as port:
        begin = time.monotonic()
        with refusal(Reason.TIMEOUT, "in time"):
            asked_of(f"https://127.0.0.1:{port}", timeout_s=0.6)
        held.set()
    assert time.monotonic() - begin < 1.5
