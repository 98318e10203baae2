"""Files of a rotated log that change while they are read."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_telephony.log_files import complete_lines, locate, log_files, position_at


def time_of(line: bytes) -> int | None:
    return int(line) if line.isdigit() else None


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"100\n200\n300\n")
    return path


def test_files_stand_by_their_first_time_whatever_their_names(log: Path) -> None:
    log.with_name("log.0").write_bytes(b"10\n20\n")
    log.with_name("log-20260101").write_bytes(b"50\n")
    log.with_name("log.9").write_bytes(b"nothing readable\n")
    log.with_name("log_other").write_bytes(b"1\n")
    assert [file.path.name for file in log_files(log, time_of)] == ["log.0", "log-20260101", "log"]


def test_a_log_rotated_after_it_was_listed_is_unavailable_not_shorter(log: Path) -> None:
    (listed,) = log_files(log, time_of)
    log.rename(log.with_name("log.1"))
    with pytest.raises(SourceUnavailable):
        list(complete_lines(listed, 4))
    log.write_bytes(b"")
    with pytest.raises(SourceUnavailable) as rotating:
        list(complete_lines(listed, 4))
    assert rotating.value.reason is Reason.NOT_FOUND
    with pytest.raises(SourceUnavailable):
        position_at(listed, 4)


def test_a_log_emptied_while_it_is_read_is_unavailable_not_shorter(log: Path) -> None:
    (listed,) = log_files(log, time_of)
    with log.open("r+b") as other:
        other.truncate(2)
    with pytest.raises(SourceUnavailable):
        list(complete_lines(listed, 8))


@pytest.mark.parametrize("content", [b"nothing readable\n", b"x" * 70_000], ids=["words", "no line end"])
def test_a_file_without_a_line_of_the_log_is_another_file(log: Path, content: bytes) -> None:
    log.write_bytes(content)
    with pytest.raises(SourceUnavailable, match="no line of log is of this log") as other:
        log_files(log, time_of)
    assert other.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"\n", b"10", b"torn\n100\n"])
def test_a_log_that_just_began_is_one(log: Path, content: bytes) -> None:
    log.write_bytes(content)
    assert len(log_files(log, time_of)) == 1


@settings(deadline=None)
@given(st.lists(st.binary(max_size=90), min_size=1, max_size=20), st.data())
def test_a_position_is_found_again_after_more_was_written_and_not_after_a_change(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    log = tmp_path_factory.mktemp("logs") / "log"
    content = b"1\n2\n3\n" + b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    log.write_bytes(content)
    ends = [end for _, end, _ in complete_lines(log_files(log, time_of)[0], 0)]
    assert ends[-1] == len(content)
    position = position_at(log_files(log, time_of)[0], data.draw(st.sampled_from(ends)))
    log.write_bytes(content + b"more\n")
    assert locate(log_files(log, time_of), position) == 0
    at = data.draw(st.integers(max(0, position.offset - 1024), position.offset - 1))
    log.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert locate(log_files(log, time_of), position) is None
