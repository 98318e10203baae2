from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector.known import Known
from ccmm_collector.projection import Projection
from ccmm_collector.rebuild import rebuild
from ccmm_collector.waivers import approve, granted, new_request, rows_of_act, verify_granted
from ccmm_proto.errors import BadConfig, BadSignature
from ccmm_proto.period import DAY_MS
from ccmm_proto.v1.service_pb2 import Act, WaiverWithdrawn
from ccmm_rules.evidence import Waiver
from tests.unit.collector.chapters import START, hour
from tests.unit.collector.worlds import World

LI, WANG = Ed25519PrivateKey.from_private_bytes(b"l" * 32), Ed25519PrivateKey.from_private_bytes(b"w" * 32)
APPROVERS = {"Li": LI.public_key().public_bytes_raw(), "Wang": WANG.public_key().public_bytes_raw()}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.log.close()


def asked(world: World, *, from_ms: int = 0, until_ms: int = START + DAY_MS, reason: str = "a new door") -> bytes:
    return new_request(
        log_id=world.log.log_id,
        center="north",
        rule="D-SEC-90",
        from_ms=from_ms,
        until_ms=until_ms,
        reason=reason,
        asked_ms=START,
    )


def grant(world: World, *keys: Ed25519PrivateKey, request: bytes = b"") -> Act:
    made = [approve(request or asked(world), key) for key in keys]
    return granted(made, APPROVERS, log_id=world.log.log_id, now_ms=world.clock.now)


def waivers(world: World) -> list[Waiver]:
    world.settle(world.clock.now)
    projection = Projection.open(world.folder, log_id=world.log.log_id, readonly=True)
    try:
        view = projection.view("north", projection.position)
        return list(Known(view, log_id=world.log.log_id, at_ms=world.clock.now).waivers())
    finally:
        projection.close()


def test_two_people_set_a_rule_aside_until_a_day_and_never_backwards(world: World) -> None:
    world.clock.now = hour(2)
    entry = world.log.append_act(grant(world, WANG, LI))
    (waiver,) = waivers(world)
    assert (entry.center, waiver.rule, waiver.approvers) == ("north", "D-SEC-90", ("Li", "Wang"))
    assert (waiver.from_ms, waiver.until_ms, waiver.reason) == (hour(2), START + DAY_MS, "a new door")
    assert waiver.log_index == entry.index


def test_a_waiver_that_is_withdrawn_ends_there_and_stays_in_the_log(world: World) -> None:
    world.log.append_act(grant(world, LI, WANG))
    world.clock.now = hour(5)
    gone = WaiverWithdrawn(center="north", rule="D-SEC-90", reason="mended")
    entry = world.log.append_act(Act(waiver_withdrawn=gone))
    (waiver,) = waivers(world)
    assert (waiver.until_ms, waiver.log_index) == (hour(5), entry.index)


def test_withdrawing_one_rules_waiver_leaves_those_of_others(world: World) -> None:
    world.log.append_act(grant(world, LI, WANG))
    world.log.append_act(Act(waiver_withdrawn=WaiverWithdrawn(center="north", rule="D-SEC-91", reason="x")))
    assert [waiver.until_ms for waiver in waivers(world)] == [START + DAY_MS]


@pytest.mark.parametrize("keys", [(LI,), (LI, LI)])
def test_one_person_is_not_two(world: World, keys: tuple[Ed25519PrivateKey, ...]) -> None:
    with pytest.raises(BadConfig, match="2 different approvers; here: Li"):
        grant(world, *keys)


def test_two_names_with_one_key_are_one_person(world: World) -> None:
    same = {"Li": APPROVERS["Li"], "Zhao": APPROVERS["Li"]}
    envelopes = [approve(asked(world), LI), approve(asked(world), LI)]
    with pytest.raises(BadConfig, match="2 different approvers"):
        granted(envelopes, same, log_id=world.log.log_id, now_ms=START)


def test_a_stranger_approves_nothing(world: World) -> None:
    with pytest.raises(BadConfig, match="signed by nobody"):
        grant(world, LI, Ed25519PrivateKey.generate())


def test_approvals_of_different_requests_make_no_waiver(world: World) -> None:
    envelopes = [approve(asked(world), LI), approve(asked(world, reason="another"), WANG)]
    with pytest.raises(BadConfig, match="one and the same request"):
        granted(envelopes, APPROVERS, log_id=world.log.log_id, now_ms=START)


def test_a_request_is_good_for_one_log_and_while_it_is_not_over(world: World) -> None:
    envelopes = [approve(asked(world), key) for key in (LI, WANG)]
    with pytest.raises(BadConfig, match="was made for log"):
        granted(envelopes, APPROVERS, log_id="other", now_ms=START)
    with pytest.raises(BadConfig, match="is over"):
        granted(envelopes, APPROVERS, log_id=world.log.log_id, now_ms=START + DAY_MS)


@pytest.mark.parametrize(
    ("until_ms", "reason"), [(START, "r"), (START - 1, "r"), (START + 367 * DAY_MS, "r"), (START + 1, " ")]
)
def test_a_waiver_has_an_end_and_a_reason(world: World, until_ms: int, reason: str) -> None:
    with pytest.raises(BadConfig):
        asked(world, until_ms=until_ms, reason=reason)


def test_an_act_whose_approvals_do_not_verify_gives_no_waiver_and_is_told_by_rebuild(world: World) -> None:
    act = grant(world, LI, WANG)
    act.waiver_granted.approvals[1].signature = bytes(64)
    with pytest.raises(BadSignature):
        verify_granted(act.waiver_granted, log_id=world.log.log_id)
    assert rows_of_act(act, 7, log_id=world.log.log_id) == []
    world.log.append_act(act)
    assert waivers(world) == []
    assert any("signature" in line for line in rebuild(world.folder, lambda *_: None).differences)


def test_approvals_that_were_given_for_another_log_give_no_waiver_here(world: World) -> None:
    act = grant(world, LI, WANG)
    assert len(rows_of_act(act, 7, log_id=world.log.log_id)) == 1
    assert rows_of_act(act, 7, log_id="another") == []
    with pytest.raises(BadSignature, match="for log"):
        verify_granted(act.waiver_granted, log_id="another")


def test_an_act_that_is_repeated_brings_back_no_waiver_that_was_withdrawn(world: World) -> None:
    act = grant(world, LI, WANG)
    world.log.append_act(act)
    world.clock.now = hour(3)
    world.log.append_act(Act(waiver_withdrawn=WaiverWithdrawn(center="north", rule="D-SEC-90", reason="mended")))
    world.clock.now = hour(4)
    world.log.append_act(act)
    assert [waiver.until_ms for waiver in waivers(world)] == [hour(3)]


def test_a_waiver_survives_rebuilding(world: World) -> None:
    world.tell(hour(1), 5.0)
    world.log.append_act(grant(world, LI, WANG))
    world.settle(hour(2))
    report = rebuild(world.folder, lambda *_: None)
    assert report.differences == []
    assert report.tables["waiver"][0] == 1
    assert len(waivers(world)) == 1


def test_a_waiver_makes_a_verdict_waived_and_its_end_is_judged_at_that_instant(world: World) -> None:
    for number in range(1, 9):
        world.tell(hour(number), 5.0)
        if number == 2:
            world.clock.now = hour(2) + 2000
            world.log.append_act(grant(world, LI, WANG, request=asked(world, until_ms=hour(5) + 1)))
        world.settle(hour(number) + 5000)
    assert world.history() == [
        (hour(1) + 1000, "not_satisfied"),
        (hour(2) + 2000, "waived"),
        (hour(5) + 1, "not_satisfied"),
    ]
    then = world.ask(hour(4))
    assert then["verdicts"][0]["waiver"]["approvers"] == ["Li", "Wang"]
    assert then["level"]["level"] == 0
    assert world.ask(hour(2))["verdicts"][0]["outcome"] == "not_satisfied"
    assert rebuild(world.folder, lambda *_: None).differences == []


def test_a_waiver_that_begins_later_is_judged_when_it_begins(world: World) -> None:
    world.tell(hour(1), 5.0)
    world.log.append_act(grant(world, LI, WANG, request=asked(world, from_ms=hour(2), until_ms=hour(9))))
    world.settle(hour(2) + 5000)
    assert world.history() == [(hour(1) + 1000, "not_satisfied"), (hour(2), "waived")]


def test_withdrawing_a_waiver_is_judged_at_once(world: World) -> None:
    world.tell(hour(1), 5.0)
    world.log.append_act(grant(world, LI, WANG))
    world.settle(hour(1) + 2000)
    world.clock.now = hour(1) + 3000
    world.log.append_act(Act(waiver_withdrawn=WaiverWithdrawn(center="north", rule="D-SEC-90", reason="mended")))
    world.settle(hour(1) + 5000)
    assert [outcome for _, outcome in world.history()] == ["waived", "not_satisfied"]
