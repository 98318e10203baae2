"""The pack cc_cmm on a good center that leaves out what a rule joins by: that no pair is found satisfies nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ccmm_rules.evaluate import judge
from ccmm_rules.evidence import Entry, Happening
from ccmm_rules.load import load_pack
from ccmm_rules.model import Outcome
from tests.unit.rules.center_facts import LEAVER, NOW, Sources, ago, evidence_of, ms
from tests.unit.rules.good_center import good_center
from tests.unit.rules.test_pack_cc_cmm_centers import FOLDER, change, enable, verdicts_of, with_attributes


def leave_out(source: str, kind: str, name: str, every: int = 2) -> Callable[[Sources], None]:
    """Rows that no longer tell an attribute."""

    def silent(index: int, row: Happening) -> Happening:
        told = {key: value for key, value in row.attributes.items() if key != name or index % every}
        return replace(row, attributes=told)

    return change(source, kind, silent)


def take_off_the_list(kind: str) -> Callable[[Sources], None]:
    """The leaver's account or badge stays, the leaver does not: the staff list holds only those who work there."""

    def spoil(sources: Sources) -> None:
        enable(kind)(sources)
        people = sources["hr"].entries["person"]
        people[:] = [entry for entry in people if entry.key != LEAVER]

    return spoil


def anonymous_doors(sources: Sources) -> None:
    leave_out("doors", "passage", "person")(sources)
    leave_out("doors", "passage", "badge_class")(sources)


def leave_without_a_date(sources: Sources) -> None:
    enable("account")(sources)
    people = sources["hr"].entries["person"]
    kept = [{name: value for name, value in entry.attributes.items() if name != "left"} for entry in people]
    people[:] = [Entry(key=entry.key, attributes=told) for entry, told in zip(people, kept, strict=True)]


LEFT_OUT: dict[str, tuple[str, Callable[[Sources], None]]] = {
    "a leaver with an account is taken off the list": ("D-SEC-09", take_off_the_list("account")),
    "a leaver with a badge is taken off the list": ("D-SEC-10", take_off_the_list("badge")),
    "a leaver has left on no day": ("D-SEC-09", leave_without_a_date),
    "log-ins name nobody, so nobody is at two desks": ("D-SEC-06", leave_out("pbx", "session", "person")),
    "log-ins name nobody, so no leaver logs in": ("D-SEC-09", leave_out("pbx", "session", "person")),
    "one log-in names nobody, so nobody is at two places": ("D-ENV-08", leave_out("pbx", "session", "person", 1000)),
    "those who are present name nobody, so nobody is idle": ("D-ENV-08", leave_out("doors", "presence", "person")),
    "who enters is nobody, so no leaver does": ("D-SEC-10", anonymous_doors),
    "answered calls name no agent, so no newcomer": ("E-HRM-03", leave_out("pbx", "call", "agent")),
    "answered calls name no agent, so nobody is untrained": ("D-SEC-03", leave_out("pbx", "call", "agent")),
}


@pytest.mark.parametrize("what", sorted(LEFT_OUT))
def test_what_is_left_out_is_asked_for(what: str) -> None:
    rule, spoil = LEFT_OUT[what]
    sources = good_center(8)
    assert verdicts_of(sources, rule)[rule].outcome == Outcome.SATISFIED
    spoil(sources)
    assert verdicts_of(sources, rule)[rule].outcome == Outcome.NOT_SATISFIED


def agents_hang_up(sources: Sources, every: int) -> None:
    """Within ten seconds, so often; no number calls again."""
    quick: dict[str, int | str] = {"talk": 5, "released_by": "agent"}
    change("pbx", "call", lambda index, row: with_attributes(row, **({} if index % every else quick)))(sources)


@pytest.mark.parametrize(
    ("dropped", "nameless", "outcome"),
    [
        (50, None, Outcome.SATISFIED),
        (50, 1, Outcome.INCONCLUSIVE),  # no number is told: each may be one that called again
        (50, 100, Outcome.NOT_SATISFIED),  # half of those dropped
        (720, 1, Outcome.SATISFIED),  # so few that it does not matter
    ],
)
def test_of_a_dropped_call_without_its_number_nobody_knows_that_it_did_not_call_again(
    dropped: int, nameless: int | None, outcome: Outcome
) -> None:
    sources = good_center(8)
    agents_hang_up(sources, dropped)
    if nameless is not None:
        leave_out("pbx", "call", "number", nameless)(sources)
    assert verdicts_of(sources, "M-KPI-09")["M-KPI-09"].outcome == outcome


def ended_project(sources: Sources, *, told: bool) -> None:
    """Of two projects one has ended long ago, and its data is deleted."""
    sources["lists"].enter("contract", "old", kind="client", party="zed", project="p1", ended=ago(50))
    sources["lists"].enter("contract", "new", kind="client", party="acme", project="p2", in_force=True)
    sources["papers"].enter(
        "document", "gone", **{"class": "deletion_certificate"}, scope="p1", title="gone", live=True, approved=ago(40)
    )
    for source, kind in (("directory", "account"), ("doors", "badge"), ("recorder", "holding")):
        entries = sources[source].entries[kind]
        if told:
            entries[:] = [Entry(key=entry.key, attributes={**entry.attributes, "project": "p2"}) for entry in entries]


@pytest.mark.parametrize(("told", "outcome"), [(True, Outcome.SATISFIED), (False, Outcome.INCONCLUSIVE)])
def test_what_an_ended_project_left_behind_is_known_where_systems_tell_projects(told: bool, outcome: Outcome) -> None:
    sources = good_center(8)
    ended_project(sources, told=told)
    verdicts = judge(load_pack(FOLDER), evidence_of(sources), ms(NOW), rules=["D-SEC-28"])
    assert verdicts["D-SEC-28"].outcome == outcome


def test_where_no_project_has_ended_none_need_be_told() -> None:
    sources = good_center(8)
    sources["lists"].enter("contract", "new", kind="client", party="acme", project="p2", in_force=True)
    verdicts = judge(load_pack(FOLDER), evidence_of(sources), ms(NOW), rules=["D-SEC-28"])
    assert verdicts["D-SEC-28"].outcome == Outcome.SATISFIED
