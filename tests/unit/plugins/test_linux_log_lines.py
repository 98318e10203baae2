"""Lines of an auth log: refusals of sshd, sudo and su, and times without a year or a zone; by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.linux_log_lines import dated, log_ins_of, parse_line, refusals_of
from tests.support.auth_logs import BERLIN, NOW, Log, line, log, ssh_session, told

__all__ = ["log"]


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
