"""Every example of docs/plugins/table-examples.md is read as it stands; together they give all that tables feed."""

import os
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.facts import word_of
from ccmm_agent.plugin import Observation, Options, Source, Window
from ccmm_agent.testing import read_all
from ccmm_collector.feeds import feeds_of
from ccmm_collector.packs import built_in, load
from ccmm_plugin_crm.survey import Survey
from ccmm_plugin_records.figures import Figures
from ccmm_plugin_records.table import Table
from ccmm_proto.kinds import KINDS
from ccmm_proto.v1 import statement_pb2 as pb
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.support.stated import attributes

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "table-examples.md"
ZONE = ZoneInfo("Asia/Shanghai")
EXPORTED = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Example:
    title: str
    options: dict[str, object]
    plugin: str
    rows: str

    def source(self, folder: Path) -> Source:
        path = folder / Path(str(self.options["path"])).name
        path.write_text(self.rows, encoding="utf-8")
        os.utime(path, (EXPORTED.timestamp(), EXPORTED.timestamp()))
        asked = Options({**self.options, "path": str(path)})
        plugins: dict[str, type[Source]] = {"table": Table, "figures": Figures, "survey": Survey}
        built = plugins[self.plugin].from_options(asked)
        asked.refuse_unknown()
        return built


def examples() -> list[Example]:
    found = re.findall(r"^### (.+?)\n.*?^```toml\n(.*?)^```\n\n```csv\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    made = []
    for title, toml, rows in found:
        (table,) = tomllib.loads(toml)["source"]
        options = {key: value for key, value in table.items() if key not in OF_SCHEDULE}
        made.append(Example(title.strip("`"), options, table["plugin"], rows))
    return made


EXAMPLES = examples()
of_each = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)


def read(example: Example, folder: Path) -> list[Observation]:
    observations, done = read_all(example.source(folder), now=EXPORTED, zone=ZONE)
    assert done.covers is not None
    return observations


def entries(observations: list[Observation]) -> list[pb.Entry | pb.Occurrence]:
    found: list[pb.Entry | pb.Occurrence] = []
    for one in observations:
        found += one.inventory.entries if one.HasField("inventory") else [one.occurrence]
    return found


@of_each
def test_an_example_gives_all_that_it_promises(example: Example, tmp_path: Path) -> None:
    source = example.source(tmp_path)
    found = read(example, tmp_path)
    assert {word_of(one) for one in found} == set(source.feeds)
    assert all(line.verdict != "failed" for line in source.check(Window(cursor=b"", now=EXPORTED, zone=ZONE)))
    if example.plugin == "table":
        assert source.feeds == (example.title,)
        assert len(entries(found)) == len(example.rows.splitlines()) - 1


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.plugin == "table"], ids=lambda one: one.title)
def test_an_example_of_a_kind_maps_and_fills_every_attribute_with_words_that_rules_know(
    example: Example, tmp_path: Path
) -> None:
    kind = KINDS[example.title]
    told = [attributes(entry) for entry in entries(read(example, tmp_path))]
    assert {name for values in told for name in values} == set(kind.attributes)
    words = load_vocabulary().words
    listed = [name for name in kind.attributes if f"{kind.name}.{name}" in words]
    for name in listed:
        found: set[str] = set()
        for values in told:
            value = values.get(name)
            found |= set() if value is None else _texts(value)
        assert found & words[f"{kind.name}.{name}"], f"{kind.name}.{name}: {found}"


def _texts(value: object) -> set[str]:
    return set(value) if isinstance(value, tuple) else {str(value)}


def test_there_is_an_example_of_every_fact_that_tables_feed_the_pack_with(tmp_path: Path) -> None:
    given = {feed for example in EXAMPLES for feed in example.source(tmp_path).feeds}
    rules = feeds_of(load(built_in()))["rules"]
    by_table = {
        feed["feed"]
        for rule in rules
        for read in rule["reads"]
        for feed in read["feeds"]
        if any(way["by"] == "table" for way in feed["ways"])
    }
    assert by_table - given == set()
    assert len(by_table) > 120


def test_no_example_stands_twice() -> None:
    titles = [example.title for example in EXAMPLES]
    assert len(titles) == len(set(titles)) == PAGE.read_text("utf-8").count("\n### ")
