"""Log-ins and refusals of an auth log in its three forms, by hand and of a real sshd; nothing twice, nothing lost."""

import gzip
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_access_control import linux_log
from ccmm_plugin_access_control.linux_log import LinuxLog
from ccmm_plugin_access_control.linux_log_lines import dated, log_ins_of, parse_line, refusals_of
from ccmm_proto.v1.statement_pb2 import OBSERVED, Observation, Value

CAPTURES = Path(os.environ.get("CAPTURES", "/nonexistent")) / "sshd"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FORMS = ("rfc3164", "rfc3339", "rfc5424")


def line(at: datetime, text: str, *, pid: int = 77, app: str = "sshd", form: str = "rfc3339") -> str:
    if form == "rfc3164":
        local = at.astimezone(BERLIN)
        return f"{local:%b} {local.day:2} {local:%H:%M:%S} vm {app}[{pid}]: {text}\n"
    if form == "rfc5424":
        return f"<38>1 {at:%Y-%m-%dT%H:%M:%S}.797106+00:00 vm {app} {pid} - -  {text}\n"
    return f"{at:%Y-%m-%dT%H:%M:%S}.797106+00:00 vm {app}[{pid}]: {text}\n"


class Log:
    """An auth log, and the one that was rotated."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "auth.log"

    def write(self, *lines: str, changed: datetime = NOW, name: str = "auth.log") -> None:
        path = self.path.with_name(name)
        path.write_text("".join(lines))
        os.utime(path, (changed.timestamp(), changed.timestamp()))

    def options(self, **changed: object) -> dict[str, object]:
        return {"host": "pbx-01", "log": str(self.path), "persons": {"zhang": "E1007"}, **changed}

    def source(self, **changed: object) -> LinuxLog:
        given_options = Options(self.options(**changed))
        built = LinuxLog.from_options(given_options)
        given_options.refuse_unknown()
        return built


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def value_of(value: Value) -> object:
    return getattr(value, value.WhichOneof("value") or "")


def told(observations: list[Observation], kind: str) -> list[dict[str, object]]:
    found = [one.occurrence for one in observations if one.occurrence.kind == kind]
    return [{a.name: value_of(a.value) for a in one.attributes} for one in found]


def ssh_session(at: datetime, user: str = "zhang", pid: int = 77, form: str = "rfc3339") -> tuple[str, str]:
    return (
        line(at, f"Accepted publickey for {user} from 192.0.2.7 port 34458 ssh2: ED25519 SHA256:x", pid=pid, form=form),
        line(at + 90 * SECOND, f"pam_unix(sshd:session): session closed for user {user}", pid=pid, form=form),
    )


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


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Failed password for zhang from 192.0.2.7 port 1 ssh2"], [("zhang", "password")]),
        (["Failed password for invalid user a b from 192.0.2.7 port 1 ssh2"], [("a b", "account")]),
        (["Failed keyboard-interactive/pam for li from ::1 port 1 ssh2"], [("li", "password")]),
        (["Failed publickey for li from 192.0.2.7 port 1 ssh2: ED25519 SHA256:x"], [("li", "password")]),
        (["Failed none for li from 192.0.2.7 port 1 ssh2"], []),
        (
            [
                "Failed publickey for li from 192.0.2.7 port 1 ssh2: RSA SHA256:x",
                "Accepted publickey for li from 192.0.2.7 port 1 ssh2: ED25519 SHA256:y",
            ],
            [],
        ),
        (
            ["message repeated 3 times: [ Failed password for li from 192.0.2.7 port 1 ssh2]"],
            [("li", "password")] * 3,
        ),
        (
            ["Invalid user li from ::1 port 1", "Connection closed by invalid user li ::1 port 1 [preauth]"],
            [("li", "account")],
        ),
        (
            [
                "Invalid user li from 192.0.2.7 port 1",
                "Failed password for invalid user li from 192.0.2.7 port 1 ssh2",
                "Connection closed by invalid user li 192.0.2.7 port 1 [preauth]",
            ],
            [("li", "account")],
        ),
        (["User li from 192.0.2.7 not allowed because not listed in AllowUsers"], [("li", "rights")]),
        (["error: maximum authentication attempts exceeded for root from 192.0.2.7 port 1 ssh2 [preauth]"], []),
    ],
)  # fmt: skip
def test_refusals_of_sshd(log: Log, texts: list[str], expected: list[tuple[str, str]]) -> None:
    log.write(*(line(NOW - timedelta(hours=1), text) for text in texts))
    observations, _ = read_all(log.source(), now=NOW, zone=BERLIN)
    found = told(observations, "refusal")
    assert [(one["account"], one["reason"]) for one in found] == [(f"{name}@pbx-01", why) for name, why in expected]
    assert len({one.occurrence.id.text for one in observations if one.occurrence.kind == "refusal"}) == len(expected)


@pytest.mark.parametrize(
    ("app", "text", "expected"),
    [
        ("sudo", "    zhang : user NOT in sudoers ; TTY=pts/0 ; COMMAND=/bin/sh", ("zhang", "rights")),
        ("sudo", "zhang : command not allowed ; TTY=pts/0 ; COMMAND=/bin/sh", ("zhang", "rights")),
        (
            "sudo",
            "pam_unix(sudo:auth): authentication failure; logname=zhang uid=1001 euid=0 ruser=zhang rhost=  user=zhang",
            ("zhang", "password"),
        ),
        ("su", "FAILED SU (to root) zhang on pts/0", ("zhang", "password")),
        ("su", "(to nobody) root on none", None),
        ("cron", "Failed password for zhang from 192.0.2.7 port 1 ssh2", None),
    ],
)  # fmt: skip
def test_refusals_of_sudo_and_su(app: str, text: str, expected: tuple[str, str] | None) -> None:
    parsed = parse_line(line(NOW, text, app=app).strip("\n").encode())
    assert parsed is not None
    found = [(one.account, one.reason) for one in refusals_of([(NOW, parsed)])]
    assert found == ([] if expected is None else [expected])


def test_the_year_of_a_line_without_one_is_counted_back_from_the_change_of_the_file(log: Log) -> None:
    now = datetime(2027, 1, 2, 9, 0, tzinfo=UTC)
    old, new = datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, 8, 0, tzinfo=UTC)
    log.write(*ssh_session(old, form="rfc3164"), *ssh_session(new, pid=78, form="rfc3164"), changed=now)
    observations, _ = read_all(log.source(), now=now, zone=BERLIN)
    began = [one.occurrence.started_ms for one in observations]
    assert began == [round(at.timestamp() * 1000) for at in (old, old, new, new)]


def test_clocks_that_go_back_an_hour_do_not_cost_a_year() -> None:
    """Berlin, 2026-10-25: 02:30 comes twice."""
    first = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)
    texts = [line(first + timedelta(minutes=30 * n), "x", form="rfc3164") for n in range(3)]
    lines = [parsed for text in texts if (parsed := parse_line(text.strip().encode())) is not None]
    assert {at.year for at, _ in dated(lines, first + timedelta(days=20), BERLIN)} == {2026}


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


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    for prefix in (
        b"",
        b"Nov 31 06:11:54 vm sshd[1]: ",
        b"2026-11-22T06:11:54.7+00:00 vm sshd[1]: ",
        b"2026-99-22T06:11:54Z ",
    ):
        parsed = parse_line(prefix + content)
        if parsed is not None:
            lines = dated([parsed], NOW, BERLIN)
            list(refusals_of(lines))
            log_ins_of(lines)


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
