"""What mends a failure: found by the sentences that libraries really say, and by the Reason where they say nothing."""

import re
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.mend import mend_of, mends
from ccmm_proto.reasons import Reason
from tests.support.answering import answering

SILENCES = {
    *(
        Reason.AGENT_DOWN,
        Reason.STILL_RUNNING,
        Reason.QUIET_HOURS,
        Reason.SPOOL_FULL,
        Reason.BUDGET,
        Reason.PAUSED,
        Reason.VETOED,
    )
}


def word_of(detail: str) -> str | None:
    mend = mend_of(detail)
    return None if mend is None else mend.word


def test_every_reason_for_which_a_source_could_not_look_has_its_mend() -> None:
    for reason in set(Reason) - SILENCES:
        assert word_of(f"{reason}: something that nobody ever said") is not None, reason
    assert [reason for reason in SILENCES if word_of(f"{reason}: x")] == []


def test_each_mend_speaks_two_languages_and_fills_its_places() -> None:
    for mend in mends():
        told = mend.told(account="ccmm-agent", places="pbx:5038")
        assert re.search(r"[\u4e00-\u9fff]", told["zh"]), mend.word
        assert told["en"].isascii(), mend.word
        assert "{" not in told["en"] + told["zh"], mend.word
        assert ("ccmm-agent" in told["en"]) == ("ccmm-agent" in told["zh"]), mend.word
        assert ("pbx:5038" in told["en"]) == ("pbx:5038" in told["zh"]), mend.word
        assert mend.says is not None or mend.reasons, f"{mend.word} is never found"


def test_each_reason_has_one_mend_of_its_own() -> None:
    named = [reason for mend in mends() for reason in mend.reasons]
    assert sorted(named) == sorted(set(named))


# The words of the libraries themselves


def said_by_tls(authority: trustme.CA, certificate: trustme.LeafCert) -> str:
    """What Python says when it does not believe a server with this certificate to be localhost."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)

    def serve(stream: socket.socket) -> None:
        theirs.wrap_socket(stream, server_side=True).close()

    with answering(serve) as port, closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as plain:
        with pytest.raises(ssl.SSLError) as error:
            ours.wrap_socket(plain, server_hostname="localhost")
        return str(error.value)


def test_an_unknown_authority_and_another_name_are_told_apart() -> None:
    ours, theirs = trustme.CA(), trustme.CA()
    unknown = said_by_tls(ours, theirs.issue_cert("localhost"))
    other = said_by_tls(ours, ours.issue_cert("pbx.example"))
    assert word_of(f"unreachable: pbx: {unknown}") == "self_signed"
    assert word_of(f"unreachable: pbx: {other}") == "other_name"


def test_a_certificate_that_has_run_out_may_be_the_clocks_fault() -> None:
    ours = trustme.CA()
    old = ours.issue_cert(
        "localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC), not_before=datetime(2019, 1, 1, tzinfo=UTC)
    )
    said = said_by_tls(ours, old)
    assert word_of(f"unreachable: {said}") == "certificate_dates"
    mend = mend_of(f"unreachable: {said}")
    assert mend is not None
    assert "clock" in mend.en


def test_a_port_where_nothing_listens_and_a_name_that_nobody_knows() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    with pytest.raises(OSError) as refused:
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert word_of(f"unreachable: 127.0.0.1: {refused.value}") == "no_listener"
    assert word_of(f"unreachable: no manager interface: {refused.value.strerror}") == "no_listener"
    with pytest.raises(OSError) as unknown:
        socket.getaddrinfo("no-such-host.invalid", 80)
    assert word_of(f"unreachable: {unknown.value}") == "name"
    assert word_of(f"unreachable: {unknown.value.strerror}") == "name"


def test_a_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    said = str(PermissionError(13, "Permission denied", str(tmp_path / "queue_log")))
    assert word_of(f"refused: {said}") == "file_right"


@pytest.mark.parametrize(
    ("detail", "word"),
    [
        ("refused: the directory refuses the log-in: wrong name or password (result code 49)", "wrong_secret"),
        ("refused: the manager interface refused the log-in", "wrong_secret"),
        ("refused: the secret is not accepted (HTTP 401): wrong, expired or revoked", "wrong_secret"),
        ("refused: the account may not see this (HTTP 403): give it SeeQueue", "missing_right"),
        ("refused: the search below dc=x is refused (result code 50)", "missing_right"),
        ("refused: this account may not read ou=people itself", "file_right"),
        ("refused: denied by isolation: a plugin writes nothing (PermissionError at x.py:3)", "isolation"),
        ("refused: HTTP 401; its clock is 900 s ahead of ours: set the clocks", "clock"),
        ("refused: /var/lib/ccmm-agent holds the agent's keys and lies where the source would read", "agents_folder"),
        ("limited: the server limits how often it is asked (HTTP 429)", "too_often"),
        ("limited: only 500 entries were given", "limited"),
        ("timeout: not done after 120 s", "firewall"),
        ("timeout: pbx:3493 did not answer within 20 s: a firewall, or upsd hangs", "firewall"),
        ("not_found: /etc/ccmm/ldap.password is not there", "secret_file"),
        ("not_found: no secret file at /etc/ccmm/ami", "secret_file"),
        ("not_found: no folder /srv/papers", "not_found"),
        ("crashed: PermissionDenied: Connection refused at pbx.py:9", "plugin"),
        ("bad_option: option 'password_file': expected an absolute path", "option"),
        ("bad_schema: feeds: no measure or kind 'clock'", "plugin"),
        ("memory: the source needed more memory than it may use", "memory"),
        ("flood: more than 100 bytes of output", "flood"),
        ("unreadable: row 7, column 'start': no time of the declared formats", "unreadable"),
        ("Connection refused", "no_listener"),
        ("312 lines are fewer than expected", None),
        ("", None),
    ],
)
def test_a_sentence_is_mended_by_what_it_says(detail: str, word: str | None) -> None:
    assert word_of(detail) == word


@given(st.text(max_size=200))
def test_any_sentence_has_a_mend_or_none(detail: str) -> None:
    mend_of(detail)
    assert word_of(f"unreachable: {detail}") is not None
