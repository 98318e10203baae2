"""What people see on a terminal of any width: aligned, folded, never cut."""

import pytest

from ccmm_agent.screen import print_entry, print_table

COLUMNS = ("source", "what", "when", "next")
TIME = "2026-11-22T22:24:28Z"
LONG = "unreachable: no reference 127.0.0.1:11123 did not answer, a firewall or no time server there"


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(
        COLUMNS, [("attestations", "EMPTY", TIME, TIME), ("clocks", LONG, TIME, ""), ("钟", "中文", TIME, TIME)]
    )
    return capsys.readouterr().out


@pytest.mark.parametrize("width", range(40, 161))
def test_nothing_is_cut_and_no_time_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    text = shown(capsys, monkeypatch, width)
    assert text.count(TIME) == 5
    assert "attestations" in text
    for word in (*LONG.split(), *COLUMNS[1:], "中文"):
        assert word in text
    assert all(len(line) <= width for line in text.splitlines())


def test_a_wide_terminal_shows_a_table_and_a_narrow_one_entries(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "source" in shown(capsys, monkeypatch, 100)
    narrow = shown(capsys, monkeypatch, 60)
    assert narrow.startswith("attestations\n  what  EMPTY\n  when  2026")
    assert "next" not in narrow.partition("clocks")[2].partition("钟")[0]  # an empty cell is no line


def test_an_entry_hangs_its_lines_under_their_begin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_entry("pbx", [("facts", "one, two, three, four, five, six, seven"), ("may", "read /var/log")])
    assert capsys.readouterr().out == (
        "pbx\n  facts  one, two, three, four, five,\n         six, seven\n  may    read /var/log\n\n"
    )
