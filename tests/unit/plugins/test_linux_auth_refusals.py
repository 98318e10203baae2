"""Files of a Linux host that cannot be read whole: named and refused; and that no bytes break their parsers."""

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control import linux_files
from ccmm_plugin_access_control.linux_accounts import parse_group, parse_passwd, parse_shadow
from ccmm_plugin_access_control.linux_auth import LinuxAuth
from ccmm_plugin_access_control.linux_logins import UTMP, last_of_lastlog, last_of_wtmp
from ccmm_plugin_access_control.linux_settings import lock_out, parse_sshd, parse_sudoers
from ccmm_proto.errors import Malformed
from tests.support.linux_host import NOW, SHADOW, SHANGHAI, Host, host
from tests.support.refusals import refusal

__all__ = ["host"]


@pytest.mark.parametrize(
    ("name", "content", "reason", "words"),
    [
        ("passwd", "root:x:0:0\n", Reason.UNREADABLE, "line 1 has not 7 fields"),
        ("passwd", "root:x:0:0:::/bin/sh\nroot:x:0:0:::/bin/sh\n", Reason.UNREADABLE, "stands twice"),
        ("passwd", "root:x:0:0:::/bin/sh\n+::::::\n", Reason.UNREADABLE, "line 2 brings accounts of NIS"),
        ("passwd", "", Reason.UNREADABLE, "no account"),
        ("passwd", "r\xe9:x:0:0:::/bin/sh\n".encode("latin-1"), Reason.UNREADABLE, "not UTF-8"),
        ("group", "sudo:x:many:li\n", Reason.UNREADABLE, "a number is expected"),
        ("shadow", "root:*:1:0:99999:7:::\n", Reason.UNREADABLE, "5 accounts of .* have no line"),
        ("shadow", SHADOW.replace("20700", "soon"), Reason.UNREADABLE, "line 4: a number"),
        ("lastlog", b"x" * 300, Reason.UNREADABLE, "its size"),
        ("wtmp", b"\xff" * UTMP.size, Reason.UNREADABLE, "record 1 is none"),
        ("sshd_config", "Include /etc/elsewhere/*.conf\n", Reason.REFUSED, "it is not read"),
        ("sudoers", "@include sudoers.d/a\n", Reason.UNREADABLE, "circle"),
    ],
)
def test_what_cannot_be_read_makes_the_source_unavailable(
    host: Host, name: str, content: str | bytes, reason: Reason, words: str
) -> None:
    host.put("sudoers.d/a", f"@include {host.folder}/sudoers.d/a\n")
    host.put(name, content)
    assert_unavailable(host.source(*{name} - {"passwd", "group"}), reason, words)


def test_a_file_that_is_missing_or_too_large_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_unavailable(host.source("lastlog"), Reason.NOT_FOUND, "lastlog is not there")
    monkeypatch.setattr(linux_files, "MAX_FILE_BYTES", 10)
    assert_unavailable(host.source(), Reason.FLOOD, "more than 10 bytes")


def assert_unavailable(source: LinuxAuth, reason: Reason, words: str) -> None:
    with refusal(reason, words):
        read_all(source, now=NOW, zone=SHANGHAI)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parsers_of_accounts(content: bytes) -> None:
    for parse in (parse_passwd, parse_group, parse_shadow):
        with suppress(Malformed):
            parse(content)


@given(
    st.lists(st.sampled_from(["root", "x", "0", "*", "", "20000", "-1", "99999", "/bin/sh"]), min_size=7, max_size=9)
)
def test_no_line_of_fields_breaks_the_parsers_of_accounts(parts: list[str]) -> None:
    test_no_bytes_break_the_parsers_of_accounts.hypothesis.inner_test(":".join(parts).encode())  # type: ignore[attr-defined]


@given(st.text(max_size=200))
def test_no_text_breaks_the_parsers_of_settings(text: str) -> None:
    for parse in (parse_sshd, parse_sudoers, lambda found, include: lock_out(found, include, found)):
        with suppress(Malformed):
            parse(text, lambda _: [])


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_parsers_of_log_ins(content: bytes) -> None:
    with suppress(Malformed):
        last_of_wtmp(io.BytesIO(content))
    with suppress(Malformed):
        last_of_lastlog(io.BytesIO(content), [0, 1, 5])
