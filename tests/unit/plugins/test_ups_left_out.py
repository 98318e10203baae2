"""A UPS that no option names, and battery tests without a date, are counted; a failed test is not lost."""

from ccmm_agent.testing import read_all
from tests.support.answering import answering
from tests.unit.plugins.test_ups_nut import BEGIN, END, NOW, STATUS, ZONE, sending, source
from tests.unit.plugins.test_ups_state import minutes, seen

TWO = b'BEGIN LIST UPS\nUPS floor "a"\nUPS tired "b"\nEND LIST UPS\n'


def test_a_ups_that_nobody_named_is_counted() -> None:
    with answering(sending(BEGIN, STATUS, END, TWO)) as port:
        _, done = read_all(source(port), now=NOW, zone=ZONE)
    assert done.detail == "UPS that nobody named: 1"


def test_a_battery_test_without_a_clear_date_is_counted() -> None:
    tested = b'VAR floor ups.test.result "Done and error"\nVAR floor ups.test.date "11/12/26"\n'
    with answering(sending(BEGIN, STATUS, tested, END, TWO)) as port:
        found, done = read_all(source(port, battery_tests=True), now=NOW, zone=ZONE)
    assert found == []
    assert done.detail == "UPS that nobody named: 1; battery tests without a date that is understood: 1"


def test_a_test_that_fails_on_the_day_of_one_that_passed_is_another_one() -> None:
    day = {"ups_status": "OL", "ups_test_date": "2026/11/18"}
    _, (passed,), _, cursor = seen(b"", minutes(0), ups_test_result="Done and passed", **day)
    _, (failed,), _, cursor = seen(cursor, minutes(5), ups_test_result="Done and error", **day)
    assert passed.occurrence.id != failed.occurrence.id  # neither takes the place of the other
    assert seen(cursor, minutes(10), ups_test_result="Done and error", **day)[1] == []
