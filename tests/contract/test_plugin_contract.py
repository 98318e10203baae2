"""What every registered plugin keeps: its words, its manifest, and loud failure in a real reader process.

Each plugin's own tests give `check_source` a healthy and a broken source; here stands what needs no vendor system.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from warnings import catch_warnings
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import BadOption, Options, Source
from ccmm_agent.plugins import entry_point_of, load_sources, module_name_of, plugin_entry_points, sources_of
from ccmm_agent.reading import Limits, SourceSpec, describe_source, read_source
from ccmm_agent.testing import COMMON, check_source, options_of_example
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.contract.fake_source import Ticks

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
NOW = datetime(2026, 11, 2, 9, 7, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def importable() -> Iterator[tuple[str, type[Source]]]:
    """A plugin that cannot be imported fails one test below, not all of them."""
    for name in {module_name_of(point) for point in plugin_entry_points()}:
        with suppress(ImportError), catch_warnings(action="ignore", category=DeprecationWarning):  # of vendors' clients
            yield from sources_of(import_module(name)).items()


WHETHER_THERE = frozenset(("reachability",))
SOURCES: Mapping[str, type[Source]] = {**dict(importable()), "ticks": Ticks}
WORDS = pytest.mark.parametrize("word", sorted(SOURCES))


def options(word: str) -> dict[str, object]:
    table = tomllib.loads(SOURCES[word].example)["source"][0]
    return {key: value for key, value in table.items() if key not in COMMON}


def spec_of(word: str, table: Mapping[str, object]) -> SourceSpec:
    if word == "ticks":
        return SourceSpec(name=word, plugin=word, options=table, module="fake_source", path=HERE)
    return SourceSpec(name=word, plugin=word, options=table)


@WORDS
def test_the_example_makes_a_source_and_leaves_no_option_unasked(word: str) -> None:
    asked = options_of_example(SOURCES[word])
    source = SOURCES[word].from_options(asked)
    asked.refuse_unknown()
    assert source.plugin == word
    assert source.feeds
    assert all(feed in KINDS or feed in MEASURES for feed in source.feeds)
    assert 0 <= source.value <= 100


@WORDS
def test_no_option_has_the_name_of_one_of_the_agents_own(word: str) -> None:
    """The agent takes its own keys of a [[source]] away: a plugin would never see them."""
    named = re.findall(r"^#? ?([a-z_]+) *=", SOURCES[word].example.partition("\n[")[2].partition("\n[")[0], re.M)
    assert set(named) & set(COMMON) <= {"name", "plugin", "every", "cron"}


@WORDS
def test_an_option_that_nobody_knows_is_refused(word: str) -> None:
    asked = Options({**options(word), "surely_unknown": 1})
    SOURCES[word].from_options(asked)
    with pytest.raises(BadOption, match="surely_unknown"):
        asked.refuse_unknown()


@WORDS
def test_the_description_of_the_example_comes_from_a_reader_that_can_read_nothing(word: str) -> None:
    described = describe_source(spec_of(word, options(word)))
    source = SOURCES[word].from_options(Options(options(word)))
    assert (described.feeds, described.value, described.manifest) == (source.feeds, source.value, source.manifest())


@WORDS
def test_a_system_that_is_not_there_is_unavailable_and_never_empty(word: str) -> None:
    """The example names systems that this machine does not have."""
    if word in WHETHER_THERE:
        pytest.skip("to tell that a system is not there is what this source is for")
    limits = Limits(seconds=10)
    reading = read_source(spec_of(word, options(word)), cursor=b"", now=NOW, zone=ZONE, limits=limits)
    assert reading.outcome == UNAVAILABLE
    assert reading.reason not in ("", "crashed", "bad_schema", "bad_option"), (reading.reason, reading.detail)
    assert reading.cursor is None


@WORDS
def test_every_source_type_has_its_page(word: str) -> None:
    if word == "ticks":
        pytest.skip("the fake has none")
    pages = "".join(page.read_text() for page in (ROOT / "docs" / "plugins").glob("*.md"))
    named = f"`{word}`" in pages or f'plugin = "{word}"' in pages
    assert named, f"no page in docs/plugins names `{word}`"


def test_every_entry_point_can_be_imported_and_names_one_of_its_words_or_their_stem() -> None:
    with catch_warnings(action="ignore", category=DeprecationWarning):  # of vendors' clients
        found = load_sources()
    for word in found:
        package, _, _ = module_name_of(entry_point_of(word)).partition(".")
        assert SOURCES[word].__module__.startswith(f"{package}.")
    assert len(plugin_entry_points()) >= 5


def test_the_fake_keeps_the_contract_and_is_read_in_a_reader_process(tmp_path: Path) -> None:
    file = tmp_path / "ticks"
    file.write_text(f"{int(NOW.timestamp()) - 600} support\n{int(NOW.timestamp()) - 601} support\n")
    assert len(check_source(Ticks(file), Ticks(tmp_path / "nothing"))) == 1
    reading = read_source(spec_of("ticks", {"file": str(file)}), cursor=b"", now=NOW, zone=ZONE)
    assert reading.outcome == OBSERVED, reading.detail
    assert [one.measure.count for one in reading.observations] == [2]
