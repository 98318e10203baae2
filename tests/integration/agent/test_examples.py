"""The example of every installed source type, as `add-source` appends it to agent.toml."""

from pathlib import Path

import pytest

from ccmm_agent.add_source import add_source
from ccmm_agent.config import FILE, load_config
from ccmm_agent.join import config_text
from ccmm_agent.reading import SourceSpec, describe_source, offered_sources

OFFERED = offered_sources()


@pytest.fixture(autouse=True)
def asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_agent.add_source.offered_sources", lambda: OFFERED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / FILE).write_text(config_text(tmp_path, "Asia/Shanghai"))
    return tmp_path


@pytest.mark.parametrize("word", [offered.plugin for offered in OFFERED])
def test_it_is_a_source_that_its_plugin_understands(folder: Path, word: str) -> None:
    added = add_source(folder, word, name=None)
    (source,) = load_config(folder).sources
    assert source == added.source
    assert (folder / FILE).read_text().splitlines()[added.line - 1] == "[[source]]"
    described = describe_source(SourceSpec(name=source.name, plugin=source.plugin, options=source.options))
    assert described.feeds


def test_all_of_them_stand_side_by_side_twice_with_names_of_their_own(folder: Path) -> None:
    for offered in (*OFFERED, *OFFERED):
        add_source(folder, offered.plugin, name=None)
    sources = load_config(folder).sources
    assert [source.plugin for source in sources] == 2 * [offered.plugin for offered in OFFERED]
    assert len({source.name for source in sources}) == 2 * len(OFFERED)
