"""What `join` writes into agent.toml, used as its own comment says: remove the first "# " of each line."""

from pathlib import Path

import pytest

from ccmm_agent.config import FILE, parse_config
from ccmm_agent.join import config_text
from ccmm_agent.reading import SourceSpec, describe_source, offered_sources

TEXT = config_text(Path("/var/lib/ccmm-agent"), "Asia/Shanghai", offered_sources())
HEAD, *BLOCKS = TEXT.split("\n\n# # ") if "\n\n# # " in TEXT else [TEXT]


def test_it_is_a_configuration_without_sources_as_it_stands() -> None:
    assert parse_config(TEXT.encode(), Path(FILE)).sources == ()


def test_there_is_a_block_with_its_heading_for_every_installed_source_type() -> None:
    assert len(BLOCKS) == len(offered_sources())


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split(".")[0][:40])
def test_a_block_without_its_first_marks_is_a_source_that_its_plugin_understands(block: str) -> None:
    lines = [line.removeprefix("# ") for line in f"# # {block}".splitlines()]
    (source,) = parse_config(("zone = 'UTC'\n" + "\n".join(lines)).encode(), Path(FILE)).sources
    described = describe_source(SourceSpec(name=source.name, plugin=source.plugin, options=source.options))
    assert described.feeds
