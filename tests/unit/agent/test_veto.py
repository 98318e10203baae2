"""What never leaves: it is in no envelope, nobody vouches for it, and a run of its own says so."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.config import parse_config
from ccmm_agent.facts import count, document, inventory, occurrence, roll
from ccmm_agent.pipeline import look, run_source
from ccmm_agent.plugin import Observation
from ccmm_agent.veto import Veto, parse_veto, vouched
from ccmm_proto.errors import BadConfig
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES
from ccmm_proto.pseudonym import PseudonymKey
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, SKIPPED, UNAVAILABLE, Run
from tests.support.fake_sources import Fake, runs
from tests.support.homes import NOON, collector, home_of, joined

__all__ = ["collector", "joined"]

KEY = PseudonymKey(bytes(32))
PEOPLE = inventory("person", NOON, [("E1", {"active": True, "team": "red-canary"}), ("E2", {"active": False})])
CALLS = roll("call", NOON, [("c1", NOON, {"system": "acd", "queue": "canary-queue"})])
OFFERED = count("calls_offered", NOON, 3, queue="support")
TRAINING = occurrence("training", "t1", NOON, NOON, person="E1", course="canary-course")
PAPER = document("plan", bytes(32), class_="plan", title="canary-plan")


def looked(veto: list[str], observations: list[Observation], *feeds: str, more: int = 0) -> list[Run]:
    """Every run that would be signed."""
    fake = Fake([observations], feeds=feeds, veto=parse_veto(veto), more=more)
    ran = look(fake.planned(), b"", NOON, KEY, history=False)
    return [draft.body for draft in ran.drafts if isinstance(draft.body, Run)]


def test_a_vetoed_kind_or_measure_does_not_leave_and_a_run_of_its_own_says_so() -> None:
    for word, fact in (("calls_offered", OFFERED), ("training", TRAINING), ("call", CALLS), ("document", PAPER)):
        told, vetoed = looked([word], [PEOPLE, fact], "person", word)
        assert (told.outcome, list(told.feeds), len(told.observations)) == (OBSERVED, ["person"], 1)
        assert (vetoed.outcome, vetoed.reason, list(vetoed.feeds)) == (SKIPPED, "vetoed", [word])
        assert vetoed.detail == f"the center lets these facts not leave: {word}"
        assert not vetoed.HasField("covers")
        assert b"canary" not in b"".join(run.SerializeToString().replace(b"red-canary", b"") for run in (told, vetoed))


def test_a_list_leaves_without_a_vetoed_attribute_and_is_not_complete_any_more() -> None:
    told, vetoed = looked(["person.team"], [PEOPLE, OFFERED], "person", "calls_offered")
    listed = told.observations[0].inventory
    assert not listed.complete
    assert [[attribute.name for attribute in entry.attributes] for entry in listed.entries] == [["active"], ["active"]]
    assert b"canary" not in told.SerializeToString()
    assert list(told.feeds) == ["calls_offered"]
    assert (list(vetoed.feeds), vetoed.detail.endswith(": person.team")) == (["person"], True)


@pytest.mark.parametrize(
    ("word", "fact"), [("call.queue", CALLS), ("training.course", TRAINING), ("document.title", PAPER)]
)
def test_what_is_no_list_stays_whole_where_an_attribute_may_not_leave(word: str, fact: Observation) -> None:
    """Without it a row could look better than it is."""
    kind = word.partition(".")[0]
    told, vetoed = looked([word], [OFFERED, fact], "calls_offered", kind)
    assert [one.WhichOneof("fact") for one in told.observations] == ["measure"]
    assert list(vetoed.feeds) == [kind]


def test_a_key_that_repeats_a_vetoed_attribute_is_redacted_before_the_attribute_goes() -> None:
    listed = inventory("register", NOON, [("E1007|course", {"register": "duty", "class": "course", "person": "E1007"})])
    told, _ = looked(["register.person"], [listed, OFFERED], "register", "calls_offered")
    assert b"E1007" not in told.SerializeToString()


def test_a_run_emptied_by_a_veto_empties_no_list() -> None:
    """EMPTY of a source that feeds one list alone would say that the list is empty."""
    told, vetoed = looked(["training"], [TRAINING], "badge", "training")
    assert (told.outcome, list(told.feeds)) == (EMPTY, [])
    assert list(vetoed.feeds) == ["training"]
    assert vouched(parse_veto(["training"]), ["badge", "training"], empty=False) == ["badge"]
    assert vouched(Veto(), ["badge"], empty=True) == ["badge"]


def test_a_source_all_of_which_is_vetoed_is_not_even_read(joined: Path) -> None:
    fake = Fake([[OFFERED]], veto=parse_veto(["calls_offered"]))
    with home_of(joined) as home:
        assert not run_source(home, fake.planned(), NOON, bell=lambda: None)
        (run,) = runs(home.spool)
        state = home.spool.source("pbx")
    assert fake.cursors == []
    assert (run.outcome, run.reason, list(run.feeds)) == (SKIPPED, "vetoed", ["calls_offered"])
    assert state is not None
    assert (state.outcome, state.cursor) == (SKIPPED, b"")


def test_the_state_of_a_source_is_that_of_its_own_run(joined: Path) -> None:
    fake = Fake([[PEOPLE, OFFERED]], feeds=("person", "calls_offered"), veto=parse_veto(["person"]))
    with home_of(joined) as home:
        run_source(home, fake.planned(), NOON, bell=lambda: None)
        state = home.spool.source("pbx")
        fake.unavailable = True
        run_source(home, fake.planned(), NOON + timedelta(minutes=15), bell=lambda: None)
        told = [(run.outcome, run.reason, list(run.feeds)) for run in runs(home.spool)]
    assert state is not None
    assert (state.outcome, state.reason, state.cursor) == (OBSERVED, "", b"cursor-1")
    vetoed = (SKIPPED, "vetoed", ["person"])
    assert told == [
        *((OBSERVED, "", ["calls_offered"]), vetoed),
        *((UNAVAILABLE, "unreachable", ["calls_offered"]), vetoed),
    ]


def test_a_long_history_says_it_once() -> None:
    (told,) = looked(["person"], [PEOPLE, OFFERED], "person", "calls_offered", more=1)
    assert list(told.feeds) == ["calls_offered"]


def test_words_that_name_nothing_that_could_be_held_back_stop_the_start() -> None:
    for words, expected in (
        ('["salary"]', "'salary': a kind, a measure, or kind.attribute"),
        ('["person.salary"]', "'person.salary': person has access, active"),
        ('["calls_offered.queue"]', "'calls_offered.queue': a kind"),
        ('["call.system"]', "'call.system': no call is without it: veto 'call'"),
        ('"person"', "a list of words"),
        ("[1]", "a list of words"),
    ):
        with pytest.raises(BadConfig, match=rf"veto: expected .*{expected}"):
            parse_config(f'zone = "UTC"\nveto = {words}\n'.encode(), Path("agent.toml"))
    config = parse_config(b'zone = "UTC"\nveto = ["person.team", "talk_time"]\n', Path("agent.toml"))
    assert config.veto == Veto(whole=frozenset({"talk_time"}), attributes=frozenset({("person", "team")}))
    assert config.digest != parse_config(b'zone = "UTC"\n', Path("agent.toml")).digest


ATTRIBUTES = sorted(f"{kind}.{name}" for kind in KINDS for name, one in KINDS[kind].attributes.items() if one.optional)


@given(st.lists(st.sampled_from([*sorted(KINDS), *sorted(MEASURES), *ATTRIBUTES]), max_size=6))
def test_nothing_vetoed_passes_and_whatever_is_touched_is_not_vouched_for(words: list[str]) -> None:
    veto = parse_veto(words)
    facts = [PEOPLE, CALLS, OFFERED, TRAINING, PAPER]
    feeds = ["person", "call", "calls_offered", "training", "document"]
    passed = veto.passed(facts)
    left = vouched(veto, feeds, empty=False)
    for fact, feed in zip(facts, feeds, strict=True):
        if feed in left:
            assert fact in passed
        elif feed != "person" or feed in veto.whole:
            assert fact not in passed
    assert [word for word in words if word.partition(".")[0] in left] == []
