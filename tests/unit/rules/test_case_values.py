"""What a case may say of a read that has a value of its own and other names beside it."""

import pytest

from ccmm_rules.cases import outcome_of
from ccmm_rules.errors import PackErrors
from ccmm_rules.load import pack_of
from ccmm_rules.model import Outcome
from tests.unit.rules.examples import FOLDER, RULE


def outcome_in(case: str) -> Outcome:
    """Of a rule that asks for enough of a share, and for enough contacts that it was counted on."""
    text = RULE.format(level=1, more="", read="{metric: answer_rate, over: 90d}", require="x >= 95.0 && x.n >= 200")
    text = text.replace("{outcome: satisfied}", case)
    pack = pack_of({"pack.yaml": (FOLDER / "pack.yaml").read_bytes(), "D-SEC-01.yaml": text.encode()})
    rule = pack.rules["D-SEC-01"]
    return outcome_of(rule, rule.cases[0])


def test_a_case_gives_the_value_of_a_read_beside_its_other_names() -> None:
    assert outcome_in("{x: {value: 95.0, n: 200}, outcome: satisfied}") == Outcome.SATISFIED
    assert outcome_in("{x: {value: 94.9, n: 200}, outcome: satisfied}") == Outcome.NOT_SATISFIED
    assert outcome_in("{x: {value: 95.0, n: 199}, outcome: satisfied}") == Outcome.NOT_SATISFIED


def test_what_is_left_out_has_no_value() -> None:
    assert outcome_in("{x: {value: 95.0}, outcome: satisfied}") == Outcome.INCONCLUSIVE
    assert outcome_in("{x: 95.0, outcome: satisfied}") == Outcome.INCONCLUSIVE


def test_a_name_that_the_read_does_not_bind_is_refused() -> None:
    with pytest.raises(PackErrors, match="unknown key 'worth'"):
        outcome_in("{x: {worth: 95.0}, outcome: satisfied}")
