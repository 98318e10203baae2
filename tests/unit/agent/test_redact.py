"""Clear text becomes pseudonyms in every declared place, and nothing undeclared passes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent import facts
from ccmm_agent.redact import redact
from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS, Form, Sort, Type
from ccmm_proto.pseudonym import PseudonymKey, short
from ccmm_proto.roll import rows_of
from ccmm_proto.shape import check_observations
from ccmm_proto.v1 import statement_pb2 as pb

KEY = PseudonymKey(bytes(range(32)))
HOUR = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECRET = "13800138000"


def only(observation: pb.Observation) -> pb.Observation:
    (redacted,) = redact([observation], KEY)
    return redacted


def test_a_pseudonymous_dimension_is_replaced_and_a_queue_stays() -> None:
    day = datetime(2026, 11, 2, tzinfo=UTC)
    measure = only(facts.seconds("pause_time", day, 300, 1, agent="E1007", reason="lunch")).measure
    assert measure.dimensions[0].pseudonym == KEY.pseudonym(Sort.PERSON, "E1007")
    assert measure.dimensions[1].text == "lunch"


def test_entries_are_sorted_by_pseudonym_and_people_in_them_replaced() -> None:
    entries = [(f"user{n}", {"system": "ldap", "person": f"E{n}", "enabled": True}) for n in range(20)]
    inventory = only(facts.inventory("account", HOUR, entries)).inventory
    keys = [entry.key.pseudonym for entry in inventory.entries]
    assert keys == sorted(KEY.pseudonym(Sort.ACCOUNT, key) for key, _ in entries)
    people = {entry.attributes[1].value.pseudonym for entry in inventory.entries}
    assert people == {KEY.pseudonym(Sort.PERSON, f"E{n}") for n in range(20)}
    assert [attribute.name for attribute in inventory.entries[0].attributes] == ["enabled", "person", "system"]


def test_a_kind_with_clear_keys_keeps_them() -> None:
    redacted = only(facts.inventory("setting", HOUR, [("ami.version", {"system": "asterisk", "value": "22"})]))
    assert redacted.inventory.entries[0].key.text == "ami.version"


def test_a_roll_is_packed_sorted_and_without_clear_text() -> None:
    rows = [
        (f"call-{n}", HOUR + timedelta(seconds=n), {"system": "pbx", "number": SECRET, "talk": n, "agent": None})
        for n in range(50)
    ]
    roll = only(facts.roll("call", HOUR, rows)).roll
    assert SECRET.encode() not in roll.SerializeToString()
    assert list(roll.key) == sorted(short(KEY.pseudonym(Sort.CALL, f"call-{n}")) for n in range(50))
    joined = {key: (start, values) for key, start, values in rows_of(roll)}
    for n in range(50):
        start, values = joined[short(KEY.pseudonym(Sort.CALL, f"call-{n}"))]
        assert start == facts.millis(HOUR) + n * 1000
        assert values == {"system": "pbx", "number": short(KEY.pseudonym(Sort.NUMBER, SECRET)), "talk": n}


def test_two_spellings_of_one_key_in_an_inventory_are_refused() -> None:
    entries = [("Bob", {"active": True}), ("bob ", {"active": False})]
    with pytest.raises(Malformed, match="one and the same"):
        only(facts.inventory("person", HOUR, entries))


def test_a_name_of_blanks_names_nobody_and_a_key_of_blanks_is_refused() -> None:
    redacted = only(facts.occurrence("sample", "qa-1", HOUR, agent=" ", passed=True))
    assert [attribute.name for attribute in redacted.occurrence.attributes] == ["passed"]
    roll = only(facts.roll("session", HOUR, [("E1", HOUR, {"system": "x", "account": " "})])).roll
    assert [list(column.pseudonym) for column in roll.columns if column.name == "account"] == [[0]]
    with pytest.raises(Malformed, match="nothing is left"):
        only(facts.inventory("person", HOUR, [(" ", {"active": True})]))


def test_a_clear_key_that_repeats_a_pseudonymous_name_says_the_pseudonym() -> None:
    person = KEY.pseudonym(Sort.PERSON, "E1007")[:8].hex()
    one = only(facts.occurrence("training", "e1007|PCI|2026", HOUR, person="E1007", course="PCI"))
    assert one.occurrence.id.text == f"{person}|PCI|2026"
    other = only(facts.occurrence("training", "E10071|PCI|2026", HOUR, person="E1007"))
    assert other.occurrence.id.text == "E10071|PCI|2026"
    register = only(facts.inventory("register", HOUR, [("dpo of E1007", {"register": "roles", "owner": "E1007"})]))
    assert register.inventory.entries[0].key.text == f"dpo of {person}"
    paper = only(facts.document("contract-E1007", bytes(32), class_="contract", owner="E1007"))
    assert paper.document.id == f"contract-{person}"


def test_the_given_observations_stay_clear() -> None:
    observation = facts.occurrence("case", "T-1", HOUR, customer=SECRET)
    before = observation.SerializeToString()
    only(observation)
    assert observation.SerializeToString() == before


def test_clear_text_in_undeclared_places_does_not_pass() -> None:
    undeclared = pb.Observation(inventory=pb.Inventory(kind="person", as_of_ms=1))
    undeclared.inventory.entries.add(key=pb.Identity(text="E1")).attributes.add(
        name="phone", value=pb.Value(text=SECRET)
    )
    with pytest.raises(Malformed):
        only(undeclared)
    with pytest.raises(Malformed):
        only(pb.Observation())
    talkative = facts.count("calls_offered", HOUR, 1, revision=1, reason="late")
    talkative.measure.revision_reason = SECRET * 50
    with pytest.raises(Malformed, match="reason"):
        only(talkative)
    stowaway = facts.count("calls_offered", HOUR, 1)
    stowaway.MergeFromString(b"\xfa\x3f\x0b" + SECRET.encode())
    assert SECRET.encode() not in only(stowaway).SerializeToString()


SAMPLES: dict[Type, object] = {
    Type.FLAG: True,
    Type.WHOLE: 7,
    Type.NUMBER: 0.5,
    Type.TEXT: "label",
    Type.TIME: HOUR,
    Type.WORDS: ["a", "b"],
    Type.PSEUDONYM: SECRET,
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_no_kind_lets_clear_text_of_a_pseudonymous_place_out(name: str) -> None:
    kind = KINDS[name]
    attributes = {name: SAMPLES[attribute.type] for name, attribute in kind.attributes.items()}
    key = SECRET if kind.key else "label"
    match kind.form:
        case Form.INVENTORY:
            observations = [facts.inventory(name, HOUR, [(key, attributes)])]
        case Form.OCCURRENCE:
            observations = [facts.occurrence(name, key, HOUR, HOUR, **attributes)]
        case Form.DOCUMENT:
            observations = [facts.document("label", bytes(32), **attributes)]
        case _:
            observations = [facts.attestation("label", bytes(32), **attributes)]
    if kind.roll:
        observations.append(facts.roll(name, HOUR, [(key, HOUR, attributes)]))
    redacted = redact(observations, KEY)
    check_observations(redacted, clear=False)
    assert all(SECRET.encode() not in one.SerializeToString() for one in redacted)


TEXTS = st.text(max_size=12)
ENTRIES = st.lists(
    st.tuples(TEXTS, st.lists(st.tuples(st.sampled_from(["system", "person", "phone"]), TEXTS), max_size=3))
)


@given(st.sampled_from(["account", "person", "salary"]), ENTRIES)
def test_any_inventory_is_redacted_or_malformed(kind: str, entries: list[tuple[str, list[tuple[str, str]]]]) -> None:
    observation = pb.Observation(inventory=pb.Inventory(kind=kind, as_of_ms=1))
    for key, attributes in entries:
        entry = observation.inventory.entries.add(key=pb.Identity(text=key))
        for name, text in attributes:
            entry.attributes.add(name=name, value=pb.Value(text=text))
    try:
        redacted = redact([observation], KEY)
    except Malformed:
        return
    check_observations(redacted, clear=False)
