"""Which texts of a configuration changed, by digests that nobody can guess from; settings by value, or loud."""

import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities import config_read
from ccmm_plugin_facilities.config_entry import digest_of, parse_setting, parse_text, value_of
from ccmm_plugin_facilities.config_snapshot import ConfigSnapshot
from ccmm_plugin_facilities.watch import Span
from ccmm_proto.errors import Malformed
from ccmm_proto.v1.statement_pb2 import OBSERVED
from tests.support.refusals import refusal

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
KEY = "canary-key-of-at-least-thirty-two-letters"
DIALS = b"; generated 2026-11-20\n[general]\nsecret = canary-secret\nmost_failures = 5\nmask = yes\n"


class Center:
    """A configuration on disk, and the options that read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dials = folder / "dials.conf"
        self.dials.write_bytes(DIALS)
        self.queues = folder / "queues.d"
        self.queues.mkdir()
        (self.queues / "a.conf").write_bytes(b"strategy = rrmemory\n")
        (self.queues / "notes.txt").write_bytes(b"not of the pattern\n")
        (folder / "key").write_text(KEY)
        (folder / "key").chmod(0o600)

    def options(self, **changed: object) -> dict[str, object]:
        files = [{"file": str(self.dials), "system": "acd", "kpi": True, "ignore": ["^; generated"]}]
        folders = [{"folder": str(self.queues), "pattern": "*.conf", "system": "acd", "class": "routing"}]
        return {"key_file": str(self.folder / "key"), "files": files, "folders": folders, **changed}

    def lock(self, **changed: object) -> dict[str, object]:
        given: dict[str, object] = {"name": "lock", "of": str(self.dials), "system": "acd", "class": "lock_out"}
        return {**given, "match": r"^most_failures\s*=\s*(\S+)", **changed}

    def source(self, **changed: object) -> ConfigSnapshot:
        options = Options(self.options(**changed))
        built = ConfigSnapshot.from_options(options)
        options.refuse_unknown()
        return built

    def stated(self, **changed: object) -> dict[str, dict[str, object]]:
        (one,), _ = read_all(self.source(**changed), now=NOON, zone=ZONE)
        assert one.inventory.complete
        return {
            entry.key.text: {a.name: getattr(a.value, a.value.WhichOneof("value") or "") for a in entry.attributes}
            for entry in one.inventory.entries
        }


@pytest.fixture
def center(tmp_path: Path) -> Center:
    return Center(tmp_path)


def test_it_keeps_the_contract(center: Center, tmp_path: Path) -> None:
    check_source(center.source(settings=[center.lock()]), center.source(key_file=str(tmp_path / "no-key")))


def test_each_text_is_stated_by_a_keyed_digest_of_the_lines_that_count(center: Center) -> None:
    stated = center.stated()
    lines = DIALS.partition(b"\n")[2]
    digest = hmac.new(KEY.encode(), lines, hashlib.sha256).hexdigest()[:32]
    assert stated[str(center.dials)] == {"system": "acd", "value": digest, "kpi": True}
    assert stated.keys() == {str(center.dials), str(center.queues / "a.conf")}
    assert stated[str(center.queues / "a.conf")]["class"] == "routing"
    plain = {hashlib.new(name, text).hexdigest()[:32] for name in ("sha256", "md5") for text in (DIALS, lines)}
    assert not plain & {str(entry["value"]) for entry in stated.values()}


def test_a_change_changes_its_own_digest_only_and_an_ignored_line_none(center: Center) -> None:
    before = center.stated()
    center.dials.write_bytes(DIALS.replace(b"2026-11-20", b"2026-11-21"))
    assert center.stated() == before
    center.dials.write_bytes(DIALS.replace(b"= 5", b"= 50"))
    after = center.stated()
    assert {name for name in before if before[name] != after[name]} == {str(center.dials)}
    (center.queues / "b.conf").write_bytes(b"")
    assert center.stated().keys() - after.keys() == {str(center.queues / "b.conf")}


def test_a_file_that_is_gone_is_a_state_and_a_folder_that_is_gone_is_none(center: Center) -> None:
    center.dials.unlink()
    assert center.stated()[str(center.dials)]["value"] == "absent"
    elsewhere = [{"file": str(center.folder / "not-mounted" / "a.conf"), "system": "acd"}]
    with refusal(Reason.NOT_FOUND, "its folder is not there"):
        center.stated(files=elsewhere, folders=[])
    center.dials.symlink_to(center.folder / "nothing")
    with refusal(Reason.NOT_FOUND, "its link leads to nothing"):
        center.stated()


@pytest.mark.parametrize(
    ("changed", "entry"),
    [
        ({}, {"number": 5.0}),
        ({"match": r"^mask = (\w+)", "words": {"yes": "masked", "no": "clear"}, "class": "mask"}, {"value": "masked"}),
        ({"match": r"^lock = (\d+)", "absent": "0"}, {"number": 0.0}),
        ({"match": r"^lock = (\w+)", "absent": "any", "words": {"some": "some"}}, {"value": "any"}),
        ({"match": r" = (\d+|yes|\S+)$", "words": {"yes": "masked"}}, {"value": "masked"}),
        ({"match": r"^(?:most|mask).* = (\S+)", "take": "first"}, {"number": 5.0}),
    ],
)
def test_a_setting_is_stated_by_its_value(center: Center, changed: dict[str, object], entry: dict[str, object]) -> None:
    stated = center.stated(settings=[center.lock(**changed)])["lock"]
    assert stated == {"system": "acd", "class": changed.get("class", "lock_out"), **entry}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"match": r"^lock = (\d+)"}, "no line that fits"),
        ({"match": r"^secret = (\S+)"}, "no number"),
        ({"match": r"^secret = (\S+)", "words": {"a": "b"}}, "`words` does not name"),
    ],
)
def test_a_setting_that_is_not_understood_is_loud_and_never_shown(
    center: Center, changed: dict[str, object], words: str
) -> None:
    with refusal(Reason.UNREADABLE, words):
        center.stated(settings=[center.lock(**changed)])
    lines = list(center.source(settings=[center.lock(**changed)]).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    assert [line.verdict for line in lines if line.subject == "lock"] == ["failed"]
    assert not any("canary" in line.detail for line in lines)


def test_a_file_too_large_a_key_too_short_and_a_right_that_is_missing_are_told(
    center: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_read, "FILE_BYTES", 1 << 20)
    center.dials.write_bytes(b"x" * ((1 << 20) + 1))
    with refusal(Reason.FLOOD, "larger than 1 MiB"):
        center.stated()
    (center.folder / "key").write_text("short")
    with refusal(Reason.UNREADABLE, "openssl rand"):
        center.stated()
    if os.geteuid() != 0:
        center.dials.chmod(0)
        (center.folder / "key").write_text(KEY)
        with refusal(Reason.REFUSED, "cannot be read"):
            center.stated()


def test_a_file_that_is_never_as_long_as_it_says_is_no_state() -> None:
    """A file of the kernel says that it is empty, as one does that is just being written anew."""
    with refusal(Reason.UNREADABLE, "changes while it is read"):
        config_read.read_whole(Path("/proc/self/status"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"files": [], "folders": []}, "1 to 500"),
        ({"files": [{"file": "/a", "system": "acd", "class": "lock_out"}]}, "rules read their values"),
        ({"files": [{"file": "/a", "system": "acd", "ignore": ["("]}]}, "regular expression"),
        ({"files": [{"file": "/a", "system": "acd"}] * 2}, "another name"),
        ({"settings": [{"name": "x", "of": "/b", "system": "acd", "match": "(a)"}]}, "name of one of the files"),
        ({"reads": {"files": ["a"]}}, "absolute paths"),
    ],
)
def test_what_cannot_be_is_refused_by_name(center: Center, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        center.source(**changed)


@pytest.mark.parametrize(
    ("changed", "words"), [({"match": "a"}, "a group"), ({"take": "all"}, "first or last"), ({"absent": "x"}, "number")]
)
def test_a_setting_that_cannot_be_is_refused_by_name(center: Center, changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        center.source(settings=[center.lock(**changed)])


def test_a_file_of_a_listed_folder_is_not_listed_again(center: Center) -> None:
    with pytest.raises(BadOption, match="no file of a listed folder"):
        center.source(files=[{"file": str(center.queues / "a.conf"), "system": "acd"}])


@given(st.binary(max_size=300))
def test_whatever_a_text_holds_it_has_a_digest_and_a_value_or_none(content: bytes) -> None:
    text = parse_text(Options({"file": "/a", "system": "acd", "ignore": ["^#"]}), "files")
    value = digest_of(text, content, b"key")["value"]
    assert isinstance(value, str)
    assert len(value) == 32
    setting = parse_setting(Options({"name": "x", "of": "/a", "system": "acd", "match": "=(.*)", "absent": "0"}))
    try:
        assert isinstance(value_of(setting, content)["number"], float)
    except Malformed:
        return


def test_it_is_read_in_a_reader_process_with_a_program_that_is_named(center: Center) -> None:
    """What a program prints is one text; the reader holds the program to what the options name."""
    program = Path("/usr/bin/md5sum")
    if not program.exists():
        pytest.skip(f"{program} is not installed")
    command = {"name": "sums", "program": str(program), "arguments": [str(center.dials)], "system": "acd"}
    spec = SourceSpec(name="c", plugin="config_snapshot", options=center.options(commands=[command]))
    reading = read_source(spec, cursor=b"", now=NOON, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert [entry.key.text for entry in reading.observations[0].inventory.entries] == sorted(
        [str(center.dials), str(center.queues / "a.conf"), "sums"]
    )
    told = b"".join(one.SerializeToString() for one in reading.observations) + (reading.cursor or b"")
    assert b"canary" not in told
    beyond = {**command, "arguments": ["/etc/hostname.not-named", "/etc/passwd"]}
    spec = SourceSpec(name="c", plugin="config_snapshot", options=center.options(commands=[beyond]))
    assert read_source(spec, cursor=b"", now=NOON, zone=ZONE).reason == Reason.CRASHED


def test_lists_follow_each_other_without_a_gap(center: Center) -> None:
    cursor = b""
    spans: list[Span | None] = []
    for hour in range(3):
        _, done = read_all(center.source(), cursor=cursor, now=NOON + timedelta(hours=hour), zone=ZONE)
        spans, cursor = [*spans, done.covers], done.cursor
    assert spans == [(NOON + timedelta(hours=hour - 1), NOON + timedelta(hours=hour)) for hour in range(3)]
