"""What can feed a rule today: the table that `rules feeds` reads is what the installed plugins declare."""

import re
import tomllib
from importlib import import_module

import pytest

from ccmm_agent.config import OF_SCHEDULE
from ccmm_agent.options import Options
from ccmm_agent.plugin import Source
from ccmm_agent.plugins import module_name_of, plugin_entry_points, sources_of
from ccmm_collector.feeds import feeds_of
from ccmm_collector.packs import built_in, load
from ccmm_rules.vocabulary.feeds import ONLY, load_feeds, ways_of
from ccmm_rules.vocabulary.tables import load_vocabulary
from tests.unit.collector.test_judge_commands import document, run

TABLES = {"table", "figures", "sql"}  # they feed whatever their options name
PAPERS = {"documents"}


def declared(source: type[Source]) -> set[str]:
    """By its class, or with its example and with all that the example only mentions."""
    if isinstance(source.feeds, tuple):
        return set(source.feeds)
    texts = (source.example, re.sub(r"^# (\w+ = )", r"\1", source.example, flags=re.MULTILINE))
    return {feed for text in texts for feed in _source(source, text).feeds}


def _source(source: type[Source], example: str) -> Source:
    (table,) = tomllib.loads(example)["source"]
    return source.from_options(Options({key: table[key] for key in table if key not in OF_SCHEDULE}))


def installed() -> dict[str, type[Source]]:
    modules = {import_module(module_name_of(point)) for point in plugin_entry_points()}
    return {word: source for module in modules for word, source in sources_of(module).items()}


def test_the_table_says_of_each_installed_plugin_what_it_declares() -> None:
    found = {word: declared(source) for word, source in installed().items() if word not in TABLES | PAPERS}
    assert {word: set(given) for word, given in load_feeds().plugins.items()} == found


def test_papers_and_tables_are_given_by_installed_plugins() -> None:
    assert installed().keys() >= TABLES | PAPERS
    assert declared(installed()["documents"]) == set(load_feeds().documents)


def test_every_fact_of_the_table_is_of_the_vocabulary_and_has_a_way_or_a_reason() -> None:
    vocabulary = load_vocabulary()
    known = {*vocabulary.kinds, *vocabulary.measures}
    feeds = load_feeds()
    named = {*feeds.documents, *feeds.attestations, *feeds.none_yet, *(f for fs in feeds.plugins.values() for f in fs)}
    assert named <= known
    assert {feed for feed in known if not ways_of(feed)} == set(feeds.none_yet)
    assert not {feed for fed in feeds.plugins.values() for feed in fed} & set(feeds.none_yet)


def test_each_rule_of_the_pack_says_what_feeds_it() -> None:
    found = feeds_of(load(built_in()))
    vocabulary = load_vocabulary()
    for rule in found["rules"]:
        assert rule["reads"]
        for read in rule["reads"]:
            for feed in read["feeds"]:
                assert feed["feed"] in vocabulary.kinds or feed["feed"] in vocabulary.measures
                assert bool(feed["ways"]) != bool(feed["needs"])
    assert set(found["none_yet"]) == {rule["rule"] for rule in found["rules"] if "none yet" in rule["by"]}


def test_what_no_plugin_reads_from_a_system_is_marked_as_hand_kept() -> None:
    found = document("rules", "feeds", "cc_cmm")
    feeds = {feed["feed"]: feed for rule in found["rules"] for read in rule["reads"] for feed in read["feeds"]}
    assert {
        feed: one["hand_kept"] for feed, one in feeds.items() if feed in ("person", "review", "call", "document")
    } == {
        "person": True,
        "review": True,
        "call": False,
        "document": False,
    }
    english, chinese = (run("rules", "feeds", "cc_cmm", "--lang", language).stdout for language in ("en", "zh"))
    marked = [
        {tuple(line.split("\t")[2:]) for line in told.splitlines() if "\tperson\t" in line}
        for told in (english, chinese)
    ]
    assert marked == [{("person", "table (hand-kept)")}, {("person", "表格（人工维护）")}]
    assert english.count("hand-kept") == sum(
        feed["hand_kept"] for rule in found["rules"] for read in rule["reads"] for feed in read["feeds"]
    )


def test_the_command_lists_facts_and_counts() -> None:
    found = document("rules", "feeds", "cc_cmm")
    lines = run("rules", "feeds", "cc_cmm").stdout.splitlines()
    assert lines[0].split("\t") == ["rule", "read", "fact", "fed by"]
    assert lines[-1].startswith(f"{len(found['rules'])} rules: plugin {found['counts']['plugin']}, table ")
    told = run("rules", "feeds", "cc_cmm", "--lang", "zh").stdout
    assert told.splitlines()[0].split("\t") == ["规则", "读取", "事实", "来源"]
    assert "暂无" in told.splitlines()[-1]


def test_what_a_plugin_tells_of_a_feed_is_of_the_vocabulary_and_of_that_plugin() -> None:
    feeds, vocabulary = load_feeds(), load_vocabulary()
    for plugin, claimed in feeds.tells.items():
        for feed, claims in claimed.items():
            assert feed in feeds.plugins[plugin], (plugin, feed)
            known = vocabulary.kinds[feed].known if feed in vocabulary.kinds else vocabulary.measures[feed].dimensions
            named = {*claims} - {ONLY} | claims.get(ONLY, frozenset())
            assert named <= set(known), (plugin, feed)


WAYS = [  # rule, read, fact, of what; the plugins that tell it
    ("D-SEC-02", "clock", "reading", {"quantity": ["security_on_call"]}, []),
    ("D-EMG-16", "fuel", "reading", {"quantity": ["fuel"]}, ["snmp"]),
    ("D-ENV-05", "air", "reading", {"quantity": ["floor_co2"]}, ["snmp"]),
    ("D-EMG-16", "starts", "exercise", {"class": ["generator"]}, []),
    ("D-EMG-15", "battery", "exercise", {"class": ["battery"]}, ["ups"]),
    ("D-SEC-24", "eyes", "device", {"class": ["camera"]}, []),
    ("D-ENV-01", "doors", "device", {"class": ["reader"]}, ["hikvision", "zkteco"]),
    ("D-SEC-18", "cover", "device", {}, []),  # protected from malware: nobody tells it
    ("D-SEC-19", "open", "device", {}, ["scap"]),  # since when something critical is open: a scan does
    ("D-EMG-15", "alarms", "alert", {"system": ["ups"]}, ["monitoring_prometheus", "monitoring_zabbix", "snmp", "ups"]),
    ("D-SYS-04", "numbers", "call", {"direction": ["out"], "system": ["carrier"]}, ["call_table", "carrier"]),
]


@pytest.mark.parametrize(("rule", "read", "feed", "of", "plugins"), WAYS)
def test_only_what_tells_the_class_or_quantity_that_a_read_wants_may_feed_it(
    rule: str, read: str, feed: str, of: dict[str, list[str]], plugins: list[str]
) -> None:
    (told,) = [one for one in feeds_of(load(built_in()))["rules"] if one["rule"] == rule]
    facts = [fact for one in told["reads"] if one["read"] == read for fact in one["feeds"]]
    (fact,) = [fact for fact in facts if (fact["feed"], fact["of"]) == (feed, of)]
    assert [way["name"] for way in fact["ways"] if way["by"] == "plugin"] == plugins
    assert fact["hand_kept"] == (not plugins)
