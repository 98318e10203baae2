"""What the `card_data` source cannot look at, and options that cannot be meant: said, and never a smaller scan."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ccmm_agent.plugin import BadOption, Options, Reason
from ccmm_plugin_access_control.card_data import CardData
from tests.support.card_scans import problem, read, result, source


@pytest.mark.parametrize(
    ("name", "content", "reason", "why"),
    [
        ("138001380001.docx", b"PK", Reason.UNREADABLE, "is .docx: is it no text, say so in `leave_out`"),
        ("138001380001", b"x", Reason.UNREADABLE, "is of another form"),
        ("a.txt", b"abc\0def", Reason.UNREADABLE, "it holds zero bytes"),
        ("a.txt", b"\xff\x81\xff", Reason.UNREADABLE, "is not utf-8 nor gb18030"),
        ("a.jsonl", b'{"a": 1}\n{"a":', Reason.UNREADABLE, "not of the form .jsonl"),
        ("a.json", b"[" * 100_000, Reason.UNREADABLE, "not of the form .json"),
        ("a.csv", b'a,b\n"x', None, ""),  # an open quote hides nothing: its text is looked at
        ("a.txt", b"x" * (1 << 20) + b"x", Reason.LIMITED, "larger than 1 MB: see max_mb"),
    ],
)
def test_a_file_that_cannot_be_looked_at_makes_the_run_unavailable_and_is_not_named(
    tmp_path: Path, name: str, content: bytes, reason: Reason | None, why: str
) -> None:
    (tmp_path / name).write_bytes(content)
    one = source(tmp_path, max_mb=1)
    if reason is None:
        assert result(read(one)[0]) == (0, 0)
        return
    found, detail = problem(one)
    assert (found, why in detail, "13800" in detail) == (reason, True, False), detail


@pytest.mark.parametrize(
    "options",
    [
        {"folder": "/a", "path": "/b.csv"},
        {"folder": "/a", "url": "sqlite:////b"},
        {"path": "/b.csv"},
        {"folder": "/a", "encoding": "latin-9"},
        {"folder": "/a", "leave_out": ["wav"]},
        {"folder": "/a", "delimiter": "ab"},
        {"folder": "/a", "place": "x" * 101},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: Mapping[str, object]) -> None:
    with pytest.raises(BadOption):
        CardData.from_options(Options({"place": "notes", **options}))


@pytest.mark.parametrize(
    ("content", "reason"),
    [("zz\n", Reason.UNREADABLE), ("abcd\n", Reason.UNREADABLE), (None, Reason.NOT_FOUND)],
)
def test_an_allow_list_that_cannot_be_read_stops_the_scan(tmp_path: Path, content: str | None, reason: Reason) -> None:
    allow = tmp_path / "allow"
    if content is not None:
        allow.write_text(content)
    assert problem(source(tmp_path, allow_file=str(allow)))[0] is reason
