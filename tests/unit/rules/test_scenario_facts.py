"""What a scenario tells: who is named by a key and who by an attribute is the same."""

from zoneinfo import ZoneInfo

from ccmm_rules.scenario_facts import facts_of, pseudonym
from ccmm_rules.strict_yaml import parse_document
from ccmm_rules.vocabulary.tables import load_vocabulary

LINES = """
- agent: pbx
  seq: 0
  at: 2026-03-20T08:05
  source: acd
  covers: [2026-01-01T00:00, 2026-03-20T08:00]
  occurrences: call
  entries: {c1: {started: 2026-03-05T10:00, system: acd, call: c1}}
- agent: pbx
  seq: 1
  at: 2026-03-20T08:05
  source: reports
  covers: [2026-01-01T00:00, 2026-03-20T08:00]
  occurrences: report
  entries: {r1: {started: 2026-03-05T10:00, class: kpi}}
"""


def test_the_key_of_a_row_is_the_pseudonym_by_which_others_name_it_and_a_plain_key_stays() -> None:
    calls, reports = facts_of(parse_document(LINES, "x.yaml"), ZoneInfo("Asia/Shanghai"), load_vocabulary())
    (call,), (report,) = calls.happenings["call"], reports.happenings["report"]
    assert call.id == call.attributes["call"] == pseudonym("@call", "c1")
    assert report.id == "r1"
