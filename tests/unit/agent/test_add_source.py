"""`add-source` on files as admins leave them: it appends one source, or leaves every byte as it was."""

import os
import stat
import threading
from pathlib import Path

import pytest

from ccmm_agent.add_source import add_source, told
from ccmm_agent.config import FILE, load_config
from ccmm_agent.join import config_text
from ccmm_agent.terms import Offered
from ccmm_proto.errors import BadConfig

PBX = """
# The switch.
[[source]]
name = "pbx"                    # yours
plugin = "switch"
every = "15m"
secret_file = "/etc/ccmm/pbx.secret"
ca_file = "/etc/ccmm/ca.pem"
# depth = 3

[[source.queues]]
name = "support"
"""


def offered(word: str, example: str, broken: str = "") -> Offered:
    return Offered(plugin=word, example=example, value=50, feeds=(), broken=broken)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = (
        offered("switch", PBX),
        offered("torn", "", broken="no client"),
        offered("bare", 'uri = "ldap://localhost"'),
        offered("two", PBX + PBX.replace("pbx", "other")),
        offered("liar", 'zone = "UTC"\n' + PBX),
    )
    monkeypatch.setattr("ccmm_agent.add_source.offered_sources", lambda: offers)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / FILE
    path.write_text(config_text(tmp_path, "UTC"))
    path.chmod(0o640)
    return path


def test_a_source_is_appended_with_its_comments_and_the_rest_stays(file: Path) -> None:
    before = file.read_text()
    added = add_source(file.parent, "switch", name=None)
    assert file.read_text() == f"{before}\n{PBX.strip()}\n"
    assert file.read_text().splitlines()[added.line - 1] == "[[source]]"
    assert (added.source.name, added.secret_files) == ("pbx", ("/etc/ccmm/pbx.secret",))


def test_a_taken_name_gets_a_number_and_inner_names_stay(file: Path) -> None:
    for name in (None, None, "main", None):
        add_source(file.parent, "switch", name=name)
    sources = load_config(file.parent).sources
    assert [source.name for source in sources] == ["pbx", "pbx-2", "main", "pbx-3"]
    assert {str(source.options["queues"]) for source in sources} == {"[{'name': 'support'}]"}
    assert file.read_text().count("# yours") == 4


@pytest.mark.parametrize(
    ("content", "word", "name", "words"),
    [
        ('zone = "UTC"\n[[source', "switch", None, "not TOML"),
        ('zone = "UTC"\nzoom = 1\n', "switch", None, "this key is unknown"),
        ('zone = "UTC"\nsource = []\n', "switch", None, "not TOML"),
        ("", "switch", None, "zone: expected"),
        ('zone = "UTC"\n# \xff', "switch", None, "not UTF-8"),
        ('zone = "UTC"\n', "switch", 'a"\nb', "name: expected small letters"),
        ('zone = "UTC"\n', "switch", "attestations", "name: expected small letters"),
        ('zone = "UTC"\n', "nobody", None, "expected one of bare, liar, switch, torn, two"),
        ('zone = "UTC"\n', "torn", None, "cannot be used: no client"),
        ('zone = "UTC"\n', "bare", None, "uri: expected one of"),
        ('zone = "UTC"\n', "two", None, "no whole"),
        ('zone = "UTC"\n', "liar", None, "not TOML"),
    ],
)
def test_what_cannot_be_is_refused_and_no_byte_changes(
    file: Path, content: str, word: str, name: str | None, words: str
) -> None:
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadConfig, match=words):
        add_source(file.parent, word, name=name)
    assert file.read_bytes() == content.encode("latin-1")
    assert [path.name for path in file.parent.iterdir()] == [FILE]


def test_a_name_that_is_taken_is_refused(file: Path) -> None:
    add_source(file.parent, "switch", name="pbx")
    before = file.read_bytes()
    with pytest.raises(BadConfig, match="a name that no other source has"):
        add_source(file.parent, "switch", name="pbx")
    assert file.read_bytes() == before


def test_before_join_it_says_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadConfig, match="`ccmm-agent join"):
            add_source(folder, "switch", name=None)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_mode_group_and_links_stay(file: Path, mode: int) -> None:
    real = file.rename(file.with_name("managed.toml"))
    real.chmod(mode)
    others = [group for group in os.getgroups() if group != real.stat().st_gid] or [real.stat().st_gid]
    os.chown(real, -1, others[0])
    file.symlink_to(real)
    before, old_mask = real.stat(), os.umask(0o077)
    try:
        add_source(file.parent, "switch", name=None)
    finally:
        os.umask(old_mask)
    after = real.stat()
    assert file.is_symlink()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (mode, before.st_uid, before.st_gid)
    assert [source.name for source in load_config(file.parent).sources] == ["pbx"]


def test_an_owner_that_cannot_be_kept_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    before = file.read_bytes()
    monkeypatch.setattr("os.fchown", refused)
    with pytest.raises(BadConfig, match="the account that owns it"):
        add_source(file.parent, "switch", name=None)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [FILE]


def test_two_at_once_lose_nothing(file: Path) -> None:
    at_once = [
        threading.Thread(target=add_source, args=(file.parent, "switch"), kwargs={"name": None}) for _ in range(8)
    ]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()
    assert len({source.name for source in load_config(file.parent).sources}) == 8


def test_what_to_do_next_is_told_in_two_languages(file: Path) -> None:
    added = add_source(file.parent, "switch", name="main")
    english, chinese = ("\n".join(told(file.parent, added, language)) for language in ("en", "zh"))
    for text in (english, chinese):
        assert f"check {file.parent} --source main" in text
        assert "/etc/ccmm/pbx.secret" in text
        assert f"{file}" in text
        assert f"{added.line}" in text
    assert "fill in" in english
    assert "填写" in chinese
