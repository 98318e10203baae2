"""How a call leaves a queue of Asterisk, where no line of an answer or a hang-up follows."""

import pytest

from ccmm_plugin_telephony.asterisk.contacts import contacts_of
from ccmm_plugin_telephony.asterisk.queue_log import parse_line


@pytest.mark.parametrize("event", ["SYSCOMPAT", "EXITEMPTY|1|1|7", "AGENTDUMP", "EXITWITHTIMEOUT|1|1|7"])
def test_a_call_that_the_switch_lets_go_left_and_is_open_no_more(event: str) -> None:
    lines = [b"1795326980|C1|support|NONE|ENTERQUEUE||555|1", f"1795326987|C1|support|Agent 1|{event}".encode()]
    (contact,) = contacts_of(map(parse_line, lines))
    assert (contact.outcome, contact.wait_s, contact.ended_by, contact.is_open) == ("left", 7, "system", False)
