"""No source takes one look a day for a day that was watched."""

import tomllib

import pytest

from ccmm_agent.plugin import BadOption, Options, Source
from ccmm_plugin_facilities.clock import Clock
from ccmm_plugin_facilities.monitoring import Prometheus
from ccmm_plugin_facilities.reachability import Reachability
from ccmm_plugin_facilities.snmp import Snmp
from ccmm_plugin_facilities.ups import Ups

MOST = {Reachability: "15m", Ups: "60m", Snmp: "60m", Prometheus: "60m", Clock: "360m"}


def built(source: type[Source], longest_gap: str) -> Source:
    table = tomllib.loads(source.example)["source"][0]
    for key in ("name", "plugin", "every"):
        del table[key]
    return source.from_options(Options({**table, "longest_gap": longest_gap}))


@pytest.mark.parametrize("source", MOST)
def test_a_gap_that_would_hide_an_outage_is_refused(source: type[Source]) -> None:
    built(source, MOST[source])
    with pytest.raises(BadOption, match="longest_gap"):
        built(source, "25h")


def test_readings_that_rules_judge_cannot_be_declared_unbelievable() -> None:
    table = tomllib.loads(Snmp.example)["source"][0]
    for key in ("name", "plugin", "every"):
        del table[key]
    table["readings"][0] |= {"least": -50, "most": 100}
    Snmp.from_options(Options(table))
    table["readings"][0] |= {"most": 27}  # whatever is warmer would be no reading
    with pytest.raises(BadOption, match="most"):
        Snmp.from_options(Options(table))
