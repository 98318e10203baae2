import hashlib
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.delimited import LocalTimes
from ccmm_agent.plugin import BadOption, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_records import documents as documents_module
from ccmm_plugin_records.documents import Documents, parse_cursor
from ccmm_plugin_records.sidecar import BadSidecar, Said, front_matter, parse_sidecar
from ccmm_proto.v1 import statement_pb2 as pb
from tests.support.stated import attributes

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TIMES = LocalTimes(ZONE)
PLAN = """
class = "emergency_plan"
id = "EMG-001"
scope = "overall"
version = "3.1"
owner = "10023"
approved = 2026-03-01
reviewed = 2026-09-01T10:00:00+08:00
live = true
topics = ["return_to_normal", "reconciliation"]
"""


def source(folder: Path, **changed: object) -> Documents:
    return Documents.from_options(Options({"folder": str(folder), **changed}))


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, **changed: object) -> dict[str, pb.Document]:
    found, _ = read_all(source(folder, **changed), now=NOW, zone=ZONE)
    documents = [one.document for one in found]
    assert len({document.id for document in documents}) == len(documents)
    return {document.id: document for document in documents}


def warnings(folder: Path) -> dict[str, str]:
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    return {line.subject: line.detail for line in source(folder).check(window) if line.verdict == "warning"}


def test_a_document_leaves_as_digest_and_metadata(tmp_path: Path) -> None:
    write(tmp_path / "plans" / "plan.pdf", b"%PDF the plan")
    write(tmp_path / "plans" / "plan.pdf.toml", PLAN)
    (document,) = read(tmp_path).values()
    assert document.id == "EMG-001"
    assert document.sha256 == hashlib.sha256(b"%PDF the plan").digest()
    assert attributes(document) == {
        "class": "emergency_plan",
        "scope": "overall",
        "version": "3.1",
        "owner": "10023",
        "live": True,
        "topics": ("return_to_normal", "reconciliation"),
        "approved": datetime(2026, 2, 28, 16, 0, tzinfo=UTC),
        "reviewed": datetime(2026, 9, 1, 2, 0, tzinfo=UTC),
        "size_bytes": 13,
    }
    assert b"the plan" not in document.SerializeToString()


def test_the_sidecar_may_have_the_documents_name_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path / "plan.docx", "x")
    write(tmp_path / "plan.toml", PLAN)
    assert list(read(tmp_path)) == ["EMG-001"]


def test_front_matter_of_a_markdown_file_counts_where_no_sidecar_is(tmp_path: Path) -> None:
    write(tmp_path / "plan.md", f"+++{PLAN}+++\n# Plan\n")
    write(tmp_path / "note.txt", f"+++{PLAN}+++\n")
    found = read(tmp_path)
    assert attributes(found.pop("EMG-001"))["class"] == "emergency_plan"
    (note,) = found.values()
    assert attributes(note)["class"] == "unknown"


def test_a_file_that_nobody_described_is_listed_without_its_name(tmp_path: Path) -> None:
    write(tmp_path / "warning letter Zhang Wei.pdf", "letter")
    (document,) = read(tmp_path).values()
    assert attributes(document) == {"class": "unknown", "size_bytes": 6}
    path_hash = hashlib.sha256(b"warning letter Zhang Wei.pdf").hexdigest()
    assert document.id == f"sha256:{hashlib.sha256(b'letter').hexdigest()[:24]}"
    assert path_hash[:8] not in document.id


def test_copies_of_one_file_are_listed_each(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / name, "same")
    assert [id.partition("#")[2] for id in read(tmp_path)] == ["", "2", "3"]


def test_a_document_keeps_its_id_when_its_content_changes(tmp_path: Path) -> None:
    write(tmp_path / "plan.pdf", "one")
    write(tmp_path / "plan.pdf.toml", 'class = "policy"')
    before = read(tmp_path)
    write(tmp_path / "plan.pdf", "two")
    after = read(tmp_path)
    assert before.keys() == after.keys()
    assert [document.sha256 for document in before.values()] != [document.sha256 for document in after.values()]


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        ("class = ", "no TOML"),
        (b"\xff\xfe", "no TOML"),
        ('class = "policy"\nreviewd = 2026-01-01', "no field 'reviewd'"),
        ('title = "Policy"', "the field 'class' is missing"),
        ('class = "policy"\nlive = "yes"', "live: true or false"),
        ('class = "policy"\ntopics = "a"', "topics: a list"),
        ('class = "policy"\napproved = "soon"', "approved: no time"),
        ('class = "policy"\napproved = 7', "approved: a date"),
        ('class = ""', "class: a text"),
        ('class = "policy"\n# ' + "x" * 70_000, "more than 65536 bytes"),
    ],
)
def test_a_broken_sidecar_gives_class_unknown_and_a_warning(tmp_path: Path, sidecar: str | bytes, message: str) -> None:
    write(tmp_path / "policy.pdf", "x")
    write(tmp_path / "policy.pdf.toml", sidecar)
    (document,) = read(tmp_path).values()
    assert attributes(document) == {"class": "unknown", "size_bytes": 1}
    assert message in warnings(tmp_path)["policy.pdf"]


def test_an_id_that_stands_twice_is_believed_of_neither(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        write(tmp_path / name, name)
        write(tmp_path / f"{name}.toml", PLAN)
    assert [attributes(document)["class"] for document in read(tmp_path).values()] == ["unknown", "unknown"]
    assert warnings(tmp_path)["b.pdf"] == "its sidecar is not believed: its id stands twice"


def test_a_sidecar_whose_document_is_gone_is_no_plan(tmp_path: Path) -> None:
    write(tmp_path / "plan.pdf.toml", PLAN)
    (document,) = read(tmp_path).values()
    assert attributes(document)["class"] == "unknown"


def test_links_hidden_files_and_lock_files_are_not_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "outside" / "secret.pdf", "secret")
    folder = tmp_path / "folder"
    write(folder / "real.pdf", "real")
    (folder / "link.pdf").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    write(folder / "~$real.docx", "lock")
    write(folder / ".hidden", "hidden")
    os.mkfifo(folder / "pipe")
    (document,) = read(folder).values()
    assert document.sha256 == hashlib.sha256(b"real").digest()


def test_an_empty_folder_was_looked_at_and_a_missing_one_was_not(tmp_path: Path) -> None:
    found, done = read_all(source(tmp_path), now=NOW, zone=ZONE)
    assert (found, done.covers) == ([], (NOW - timedelta(seconds=1), NOW))
    with pytest.raises(SourceUnavailable) as caught:
        read(tmp_path / "absent")
    assert caught.value.reason is Reason.NOT_FOUND


def test_the_contract_is_kept_and_each_run_states_all(tmp_path: Path) -> None:
    write(tmp_path / "plan.pdf", "x")
    write(tmp_path / "plan.pdf.toml", PLAN)
    write(tmp_path / "deep" / "er" / "other.pdf", "y")
    window = Window(cursor=b"", now=NOW, zone=ZONE)
    assert len(check_source(source(tmp_path), source(tmp_path / "absent"), window=window)) == 2
    _, done = read_all(source(tmp_path), now=NOW, zone=ZONE)
    again, later = read_all(source(tmp_path), cursor=done.cursor, now=NOW + timedelta(hours=6), zone=ZONE)
    assert len(again) == 2
    assert later.covers == (NOW, NOW + timedelta(hours=6))


def test_limits_are_loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = write(tmp_path / "film.mp4", "")
    os.truncate(big, (1 << 20) + 1)
    with pytest.raises(SourceUnavailable, match="larger than 1 MB") as caught:
        read(tmp_path, max_mb=1)
    assert caught.value.reason is Reason.LIMITED
    assert "film" not in caught.value.detail
    write(tmp_path / "second", "")
    monkeypatch.setattr(documents_module, "MAX_FILES", 1)
    with pytest.raises(SourceUnavailable, match="more than 1 files"):
        read(tmp_path)
    monkeypatch.setattr(documents_module, "MAX_FILES", 10)
    monkeypatch.setattr(documents_module, "MAX_DEPTH", 0)
    (tmp_path / "deep").mkdir()
    with pytest.raises(SourceUnavailable, match="deep"):
        read(tmp_path)


def test_dates_are_read_in_the_declared_zone(tmp_path: Path) -> None:
    write(tmp_path / "plan.pdf", "x")
    write(tmp_path / "plan.pdf.toml", PLAN)
    assert attributes(read(tmp_path, zone="UTC")["EMG-001"])["approved"] == datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(BadOption, match="zone"):
        source(tmp_path, zone="nowhere")


def test_every_field_of_the_example_is_known() -> None:
    lines = [line.removeprefix("#   ").partition("   #")[0] for line in Documents.example.splitlines()]
    sidecar = "\n".join(lines[next(at for at, line in enumerate(lines) if line.startswith("class")) :])
    said = parse_sidecar(sidecar.encode(), TIMES)
    assert said.id == "EMG-001"
    assert len(said.attributes) == 15


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_of_any_sidecar_only_the_declared_error_escapes(data: bytes) -> None:
    for written in (data, b'class = "policy"\n' + data, b"approved = " + data, b"topics = " + data):
        with suppress(BadSidecar):
            assert isinstance(parse_sidecar(written, TIMES), Said)


@given(st.binary(max_size=200))
def test_of_any_front_matter_only_the_declared_error_escapes(head: bytes) -> None:
    for written in (head, b"+++\n" + head, b"\xef\xbb\xbf+++\r\n" + head + b"\n+++\n"):
        with suppress(BadSidecar):
            assert front_matter(written) is None or written.startswith((b"+++", b"\xef\xbb\xbf"))


@given(st.binary(max_size=20))
def test_any_cursor_is_a_time_before_now_or_none(cursor: bytes) -> None:
    found = parse_cursor(cursor, NOW)
    assert found is None or found < NOW
