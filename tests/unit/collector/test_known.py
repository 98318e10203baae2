from pathlib import Path

from ccmm_collector.folds import Folds
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS, QUARTER_MS
from ccmm_proto.v1.service_pb2 import Act, ChainRaised
from ccmm_proto.v1.statement_pb2 import (
    EMPTY,
    UNAVAILABLE,
    Attribute,
    Column,
    Document,
    Entry,
    Identity,
    Inventory,
    Observation,
    Occurrence,
    Roll,
    Value,
    Words,
)
from ccmm_rules.evidence import Evidence, Hole, Span
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, hour, new_log, offered

PERSON = bytes(range(32))
KEY = int.from_bytes(PERSON[:8], "big")


def known(folder: Path, log: EvidenceLog, index: int | None = None, at_ms: int = START) -> Known:
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=projection.position, limit=1000))
    at = projection.position if index is None else index
    return Known(projection.view("north", at), log_id=log.log_id, at_ms=at_ms)


def account(enabled: bool) -> Entry:
    return Entry(
        key=Identity(pseudonym=PERSON),
        attributes=[
            Attribute(name="enabled", value=Value(flag=enabled)),
            Attribute(name="groups", value=Value(words=Words(word=["staff", "vpn"]))),
            Attribute(name="last_login", value=Value(time_ms=hour(1))),
            Attribute(name="person", value=Value(pseudonym=PERSON)),
            Attribute(name="system", value=Value(text="ldap")),
        ],
    )


def accounts(as_of_ms: int, *entries: Entry) -> Observation:
    return Observation(inventory=Inventory(kind="account", as_of_ms=as_of_ms, complete=True, entries=entries))


def test_it_is_the_evidence_that_the_engine_asks_for(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent().run((hour(0), hour(1)), [offered(START, 7)]))
    evidence: Evidence = known(tmp_path, log)
    assert (evidence.center, evidence.log_id, evidence.log_index) == ("north", log.log_id, 0)


def test_the_newest_complete_list_is_read_and_older_ones_as_known_then(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent(name="it")
    feeds = ("account",)
    append(log, agent.run((hour(0), hour(1)), [accounts(hour(1), account(True))], source="ldap", feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), [accounts(hour(2), account(False))], source="ldap", feeds=feeds))
    (newest,), (older,) = known(tmp_path, log).listings("account"), known(tmp_path, log, 0).listings("account")
    assert (newest.as_of_ms, newest.key_id, newest.log_index) == (hour(2), "k1", 1)
    assert newest.entries[0].key == KEY
    assert newest.entries[0].attributes == {
        "enabled": False,
        "groups": ("staff", "vpn"),
        "last_login": hour(1),
        "person": KEY,
        "system": "ldap",
    }
    assert older.entries[0].attributes["enabled"] is True


def test_who_looked_and_found_nothing_has_an_empty_list(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent(name="it")
    append(log, agent.run((hour(0), hour(1)), [accounts(hour(1), account(True))], source="ldap", feeds=("account",)))
    append(log, agent.run((hour(1), hour(2)), source="ldap", feeds=("account",), outcome=EMPTY))
    (listing,) = known(tmp_path, log).listings("account")
    assert (listing.as_of_ms, listing.entries) == (hour(2), ())


def test_a_quiet_source_of_two_kinds_has_not_emptied_its_list(tmp_path: Path) -> None:
    log, agent, feeds = new_log(tmp_path, Clock()), Agent(name="it"), ("account", "passage")
    append(log, agent.run((hour(0), hour(1)), [accounts(hour(1), account(True))], source="doors", feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), source="doors", feeds=feeds, outcome=EMPTY))
    (listing,) = known(tmp_path, log).listings("account")
    assert (listing.as_of_ms, len(listing.entries)) == (hour(1), 1)


def test_a_folder_run_restates_all_documents(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent(name="it")
    papers = [
        Observation(
            document=Document(id=name, sha256=bytes(32), attributes=[Attribute(name="class", value=Value(text="plan"))])
        )
        for name in ("a", "b")
    ]
    feeds = ("document",)
    append(log, agent.run((hour(0), hour(1)), papers, source="papers", feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), papers[:1], source="papers", feeds=feeds))
    (listing,) = known(tmp_path, log).listings("document")
    assert [(entry.key, entry.attributes) for entry in listing.entries] == [("a", {"class": "plan"})]


def incident(id_: str, started_ms: int, ended_ms: int | None) -> Observation:
    grade = Attribute(name="grade", value=Value(text="I"))
    return Observation(
        occurrence=Occurrence(
            kind="incident", id=Identity(text=id_), started_ms=started_ms, ended_ms=ended_ms, attributes=[grade]
        )
    )


def test_open_occurrences_from_before_the_span_are_there_and_ended_ones_not(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent(name="noc")
    told = [incident("old", hour(0), hour(1)), incident("open", hour(0), None), incident("new", hour(5), None)]
    append(log, agent.run((hour(0), hour(6)), told, source="tickets", feeds=("incident",)))
    found = known(tmp_path, log).happenings("incident", Span(hour(4), hour(8)))
    assert [(h.id, h.started_ms, h.ended_ms, h.attributes["grade"]) for h in found] == [
        ("open", hour(0), None, "I"),
        ("new", hour(5), None, "I"),
    ]


def test_the_newest_statement_about_an_occurrence_counts_whatever_arrived_last(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent(name="noc")
    feeds = ("incident",)
    first = agent.run((hour(0), hour(1)), [incident("i", hour(0), None)], source="tickets", feeds=feeds)
    second = agent.run((hour(1), hour(2)), [incident("i", hour(0), hour(2))], source="tickets", feeds=feeds)
    append(log, second)
    append(log, first)
    (found,) = known(tmp_path, log).happenings("incident", Span(hour(0), hour(8)))
    assert found.ended_ms == hour(2)
    assert not known(tmp_path, log).happenings("incident", Span(hour(1), hour(8)))


def calls(hour_ms: int, keys: list[int], *, revision: int = 0) -> Observation:
    answered = Column(name="answered", number=[1] * len(keys))
    return Observation(
        roll=Roll(
            kind="call",
            hour_ms=hour_ms,
            complete=True,
            key=keys,
            start_s=[60 * n for n in range(len(keys))],
            columns=[answered],
            revision=revision,
            revision_reason="late" if revision else "",
        )
    )


def test_rolls_are_unpacked_for_the_span_and_rows_stated_twice_are_one(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    feeds = ("call",)
    append(log, agent.run((hour(0), hour(1)), [calls(hour(0), [1, 2, 3])], feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), [calls(hour(0), [1, 2, 3]), calls(hour(1), [9])], feeds=feeds))
    view = known(tmp_path, log)
    assert [h.id for h in view.happenings("call", Span(hour(0), hour(2)))] == [1, 2, 3, 9]
    late = view.happenings("call", Span(hour(0) + 60_000, hour(1)))
    assert [(h.id, h.started_ms, h.attributes, h.key_id) for h in late] == [
        (2, hour(0) + 60_000, {"answered": True}, "k1"),
        (3, hour(0) + 120_000, {"answered": True}, "k1"),
    ]


def test_a_revised_hour_replaces_the_rows_of_the_older_one(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    feeds = ("call",)
    append(log, agent.run((hour(0), hour(1)), [calls(hour(0), [1, 2])], feeds=feeds))
    append(log, agent.run((hour(1), hour(2)), [calls(hour(0), [5], revision=1)], feeds=feeds))
    assert [h.id for h in known(tmp_path, log).happenings("call", Span(hour(0), hour(2)))] == [5]
    assert [h.id for h in known(tmp_path, log, 0).happenings("call", Span(hour(0), hour(2)))] == [1, 2]


def test_a_source_once_seen_stays_expected_until_an_answer_retires_it(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    append(log, agent.run((hour(0), hour(1)), [offered(START, 7)]))
    append(log, agent.run((hour(1), hour(2)), feeds=("calls_answered",)))
    answer(log, "retired_sources", '["pbx/queue"]', until_ms=hour(9))
    assert [f.source for f in known(tmp_path, log, 1).feeding("calls_offered")] == ["queue"]
    assert not known(tmp_path, log, at_ms=hour(9)).feeding("calls_offered")
    assert [f.source for f in known(tmp_path, log, at_ms=hour(10)).feeding("calls_offered")] == ["queue"]
    assert known(tmp_path, log, at_ms=hour(9)).totals("calls_offered", Span(START, hour(1)))


def test_a_run_vouches_only_for_what_it_names(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    append(log, agent.run((hour(0), hour(1)), [offered(START, 7)]))
    append(log, agent.run((hour(1), hour(2)), feeds=("calls_answered",)))
    append(log, agent.run(None, feeds=(), outcome=UNAVAILABLE, created_ms=hour(3)))
    (source,) = known(tmp_path, log).feeding("calls_offered")
    assert (source.watermark_ms, source.newest_outcome) == (hour(1), "UNAVAILABLE")


def test_a_source_that_the_profile_names_is_expected_before_it_spoke(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    answer(log, "feeds.calls_offered", '["pbx/queue", "pbx2/queue"]')
    append(log, Agent().run((hour(0), hour(1)), [offered(START, 7)], feeds=("calls_offered",)))
    spoke, silent = known(tmp_path, log).feeding("calls_offered")
    assert (spoke.agent, spoke.watermark_ms) == ("pbx", hour(1))
    assert (silent.agent, silent.watermark_ms, silent.newest_outcome) == ("pbx2", None, "")


def test_a_fold_that_goes_on_equals_one_from_the_beginning(tmp_path: Path) -> None:
    log, agent, folds = new_log(tmp_path, Clock()), Agent(), Folds()
    envelopes = [agent.run((hour(n), hour(n + 1)), [offered(hour(n), n)]) for n in range(6)]
    projection = Projection.open(tmp_path, log_id=log.log_id)
    for n in (0, 1, 4, 3, 5):
        entry = append(log, envelopes[n])
        projection.apply(log.entries(after=projection.position, limit=10))
        view = projection.view("north", entry.index)
        going_on = Known(view, log_id=log.log_id, at_ms=START, folds=folds)
        anew = Known(view, log_id=log.log_id, at_ms=START)
        assert list(going_on.feeding("calls_offered")) == list(anew.feeding("calls_offered"))
        assert list(going_on.holes()) == list(anew.holes())
    past = Known(projection.view("north", 2), log_id=log.log_id, at_ms=START, folds=folds)
    assert list(past.holes()) == [Hole(agent="pbx", from_ms=hour(2), to_ms=hour(5))]


def test_a_fork_is_a_disputed_hole(tmp_path: Path) -> None:
    log, agent = new_log(tmp_path, Clock()), Agent()
    for n in range(3):
        append(log, agent.run((hour(n), hour(n + 1)), [offered(hour(n), n)]))
    log.append_act(
        Act(
            chain_raised=ChainRaised(
                kind=ChainRaised.FORK, center="north", agent="pbx", epoch=0, sequence=1, digest=bytes(32)
            )
        )
    )
    assert list(known(tmp_path, log).holes()) == [Hole(agent="pbx", from_ms=hour(1), to_ms=hour(3), disputed=True)]
    assert not known(tmp_path, log, 2).holes()


def test_what_another_center_sent_is_not_there(tmp_path: Path) -> None:
    log = new_log(tmp_path, Clock())
    append(log, Agent(center="south").run((hour(0), hour(1)), [offered(START, 7)]))
    view = known(tmp_path, log)
    assert view.log_index == -1
    assert not view.feeding("calls_offered")
    assert not view.totals("calls_offered", Span(START, START + DAY_MS))
    assert not view.slots("calls_offered", Span(START, START + QUARTER_MS))
