"""Files written at once or not at all, by several at the same moment."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ccmm_agent.durable import rewrite_atomically, write_atomically


def test_several_may_write_one_file_at_the_same_moment(tmp_path: Path) -> None:
    file = tmp_path / "epoch.json"
    contents = [bytes([65 + number]) * 10_000 for number in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        for done in [pool.submit(write_atomically, file, content) for content in contents * 20]:
            done.result()
    assert file.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_is_for_its_owner_alone_unless_said_otherwise(tmp_path: Path) -> None:
    own, shared = tmp_path / "own", tmp_path / "shared"
    write_atomically(own, b"secret")
    write_atomically(shared, b"settings", mode=0o640)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (own, shared)] == [0o600, 0o640]
    rewrite_atomically(shared, b"others")
    assert (stat.S_IMODE(shared.stat().st_mode), shared.read_bytes()) == (0o640, b"others")


def test_what_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    (folder / "full").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_atomically(folder, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
