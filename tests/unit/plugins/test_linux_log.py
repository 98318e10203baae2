"""Log-ins of an auth log, by hand and of a real sshd; nothing twice, nothing lost."""

import gzip
import os
from datetime import timedelta
from pathlib import Path

import pytest

from ccmm_agent.plugin import Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control import linux_log
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.auth_logs import BERLIN, NOW, SECOND, Log, line, log, ssh_session, told

__all__ = ["log"]

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "sshd"
FORMS = ("rfc3164", "rfc3339", "rfc5424")


def test_the_source_keeps_the_contract(log: Log, tmp_path: Path) -> None:
    log.write(
        *ssh_session(NOW - timedelta(hours=1)),
        line(NOW - 900 * SECOND, "Failed password for li from 192.0.2.7 port 1 ssh2"),
    )
    broken = log.source(log=str(tmp_path / "none"))
    check_source(healthy=log.source(), broken=broken, window=Window(cursor=b"", now=NOW, zone=BERLIN))


@pytest.mark.parametrize("form", FORMS)
def test_a_log_in_has_its_account_person_and_length_in_every_form(log: Log, form: str) -> None:
    began = NOW - timedelta(hours=1)
    log.write(*ssh_session(began, form=form))
    observations, done = read_all(log.source(), now=NOW, zone=BERLIN)
    assert told(observations, "session") == [
        {"system": "linux", "account": "zhang@pbx-01", "person": "E1007"},
        {"system": "linux", "account": "zhang@pbx-01", "person": "E1007", "lasted": 90},
    ]
    assert {one.occurrence.id.text for one in observations} == {f"pbx-01 {began:%Y-%m-%dT%H:%M:%SZ} 77"}
    assert done.covers == (began, NOW - timedelta(minutes=3))


def test_a_real_reader_opens_the_log_and_the_rotated_one_and_nothing_else(log: Log) -> None:
    log.write(*ssh_session(NOW - timedelta(days=2)), name="auth.log.1", changed=NOW - timedelta(days=1))
    log.write(*ssh_session(NOW - timedelta(hours=1)))
    spec = SourceSpec(name="log", plugin="linux_log", options=log.options())
    reading = read_source(spec, cursor=b"", now=NOW, zone=BERLIN)
    assert reading.outcome == OBSERVED, reading.detail
    assert len(reading.observations) == 4
    assert log.source().manifest().files == (log.path, log.path.with_name("auth.log.1"))


def test_a_session_that_ends_later_is_told_again_with_its_end(log: Log) -> None:
    began, ended = ssh_session(NOW - timedelta(minutes=4))
    log.write(began)
    first, done = read_all(log.source(), now=NOW, zone=BERLIN)
    log.write(began, ended)
    later, after = read_all(log.source(), cursor=done.cursor, now=NOW + timedelta(minutes=10), zone=BERLIN)
    assert ["lasted" in one for one in (*told(first, "session"), *told(later, "session"))] == [False, True]
    again, _ = read_all(log.source(), cursor=after.cursor, now=NOW + timedelta(minutes=20), zone=BERLIN)
    assert again == []


def test_the_rotated_file_is_read_too_and_what_was_lost_before_it_is_a_hole(log: Log) -> None:
    log.write(*ssh_session(NOW - timedelta(days=8)))
    _, done = read_all(log.source(), now=NOW - timedelta(days=7), zone=BERLIN)
    log.write(*ssh_session(NOW - timedelta(days=2), pid=80), name="auth.log.1", changed=NOW - timedelta(days=1))
    log.write(*ssh_session(NOW - timedelta(hours=2), pid=81))
    observations, after = read_all(log.source(), cursor=done.cursor, now=NOW, zone=BERLIN)
    assert len(told(observations, "session")) == 4
    assert after.covers == (NOW - timedelta(days=2), NOW - timedelta(minutes=3))


def test_an_empty_log_vouches_for_nothing(log: Log) -> None:
    log.write()
    observations, done = read_all(log.source(), now=NOW, zone=BERLIN)
    assert (observations, done.covers) == ([], None)


def test_many_facts_come_in_batches_and_say_the_same(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [line(NOW - timedelta(minutes=60 - n), "Failed password for li from ::1 port 1 ssh2") for n in range(30)]
    log.write(*texts)
    whole, done = read_all(log.source(), now=NOW, zone=BERLIN)
    monkeypatch.setattr(linux_log, "MOST", 7)
    pieces, last = read_all(log.source(), now=NOW, zone=BERLIN)
    assert (pieces, last.cursor) == (whole, done.cursor)
    monkeypatch.setattr(linux_log, "MOST", 0)
    with pytest.raises(SourceUnavailable, match="in one second"):
        read_all(log.source(), now=NOW, zone=BERLIN)


def test_strange_lines_are_counted_and_a_torn_one_is_left_for_the_next_run(log: Log) -> None:
    log.write("nonsense\n", "\n", *ssh_session(NOW - timedelta(hours=1)), "Nov 22 11:50:00 vm sshd[1]: Accepted pass")
    observations, done = read_all(log.source(), now=NOW, zone=BERLIN)
    assert (len(observations), done.detail) == (2, "1 lines are of no known form")


@pytest.mark.parametrize(
    ("content", "name", "reason", "words"),
    [
        (b"x" * 70_000 + b"\n", "auth.log", Reason.UNREADABLE, "a line above"),
        (gzip.compress(b"x\n" * 100, mtime=0)[:-9], "auth.log.gz", Reason.UNREADABLE, "damaged gzip"),
        (b"no gzip\n", "auth.log.gz", Reason.UNREADABLE, "damaged gzip"),
    ],
)
def test_a_log_that_cannot_be_read_is_named(log: Log, content: bytes, name: str, reason: Reason, words: str) -> None:
    log.path.with_name(name).write_bytes(content)
    with pytest.raises(SourceUnavailable, match=words) as raised:
        read_all(log.source(log=str(log.path.with_name(name))), now=NOW, zone=BERLIN)
    assert raised.value.reason is reason


def test_a_log_that_is_too_large_and_a_clock_that_went_back_are_said(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(*ssh_session(NOW - timedelta(hours=1)))
    _, done = read_all(log.source(), now=NOW, zone=BERLIN)
    with pytest.raises(SourceUnavailable, match="went back"):
        read_all(log.source(), cursor=done.cursor, now=NOW - timedelta(hours=1), zone=BERLIN)
    monkeypatch.setattr(linux_log, "MAX_BYTES", 10)
    with pytest.raises(SourceUnavailable, match="rotate it daily"):
        read_all(log.source(), now=NOW, zone=BERLIN)


def test_addresses_and_keys_never_leave_and_check_names_nobody(log: Log) -> None:
    log.write(*ssh_session(NOW - timedelta(hours=1), user="root"))
    observations, done = read_all(log.source(), now=NOW, zone=BERLIN)
    sent = b"".join(one.SerializeToString() for one in observations) + done.cursor
    assert b"192.0.2.7" not in sent
    assert b"SHA256" not in sent
    lines = {one.subject: one.detail for one in log.source().check(Window(cursor=b"", now=NOW, zone=BERLIN))}
    assert lines["persons"] == "1 log-ins name no person of [source.persons]"


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no captures of sshd here")
@pytest.mark.parametrize("name", ["auth.log", "auth-rfc3339.log", "auth-rfc5424.log"])
def test_a_real_log_tells_the_same_in_its_three_forms_by_a_real_reader(log: Log, name: str) -> None:
    """Three sessions of root; a refused key, four names without account, three passwords each of root and of nosuch."""
    log.path.write_bytes((CAPTURES / name).read_bytes())
    os.utime(log.path, (NOW.timestamp(), NOW.timestamp()))
    spec = SourceSpec(name="log", plugin="linux_log", options=log.options(zone="UTC"))
    reading = read_source(spec, cursor=b"", now=NOW, zone=BERLIN)
    assert reading.outcome == OBSERVED, reading.detail
    refused = [(str(one["account"]).partition("@")[0], one["reason"]) for one in told(reading.observations, "refusal")]
    assert refused == [
        ("root", "password"),
        *((name, "account") for name in ("oracle", "admin", "test", "ubuntu")),
        *[("root", "password")] * 3,
        *[("nosuch", "account")] * 3,
    ]
    sessions = told(reading.observations, "session")
    assert len({one.occurrence.id.text for one in reading.observations if one.occurrence.kind == "session"}) == 3
    assert {one["account"] for one in sessions} == {"root@pbx-01"}
    assert reading.detail == ""
