"""Bytes of the manager interface and of the security log."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmm_plugin_telephony.asterisk.ami_facts import settings_of
from ccmm_plugin_telephony.asterisk.ami_protocol import (
    MESSAGE_BYTES,
    Framer,
    Message,
    format_action,
    parse_commands,
    parse_greeting,
    parse_message,
)
from ccmm_plugin_telephony.asterisk.security_log import parse_security_line
from ccmm_proto.errors import Malformed


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)))
def test_only_malformed_escapes_from_the_bytes_of_a_switch(pieces: list[bytes]) -> None:
    framer = Framer()
    try:
        for piece in pieces:
            for _ in framer.feed(b"Event: X\r\n" + piece + b"\r\n\r\n"):
                pass
    except Malformed:
        pass
    for piece in pieces:
        for parse in (parse_greeting, parse_message):
            try:
                parse(piece)
            except Malformed:
                continue


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,9}", fullmatch=True), st.from_regex(r"[!-~]{1,20}", fullmatch=True)))
def test_parsing_undoes_formatting(fields: dict[str, str]) -> None:
    sent = format_action("Ping", fields).replace(b"Action: Ping", b"Response: Success", 1)
    (message,) = Framer().feed(sent)
    assert message == Message((("Response", "Success"), *fields.items()))


def test_a_message_may_come_byte_by_byte_and_an_endless_one_is_cut() -> None:
    framer = Framer()
    found = [message for byte in b"Event: A\r\nX: 1\r\n\r\nEvent: B\r\n\r\n" for message in framer.feed(bytes([byte]))]
    assert [message.get("Event") for message in found] == ["A", "B"]
    with pytest.raises(Malformed):
        list(framer.feed(b"Event: " + b"x" * MESSAGE_BYTES + b"y"))


@pytest.mark.parametrize("said", ["Permission denied", "Invalid/unknown command"])
def test_what_is_refused_and_what_is_unknown_are_errors(said: str) -> None:
    assert parse_message(f"Response: Error\r\nActionID: 1\r\nMessage: {said}".encode()).is_error


def test_a_repeated_key_is_kept_in_order() -> None:
    message = parse_message(b"Response: Success\r\nOutput: \x1b[1;32mone\r\nOutput: two")
    assert [value for key, value in message.lines if key == "Output"] == ["\x1b[1;32mone", "two"]


def test_commands_tell_the_classes_they_need() -> None:
    listed = parse_message(
        b"Response: Success\r\nPing: Keepalive command.  (Priv: <none>)\r\nHangup: Hangup (now).  (Priv: system,call)"
    )
    assert parse_commands(listed) == {"Ping": frozenset(), "Hangup": frozenset(("system", "call"))}


def test_moving_averages_and_the_switchs_own_service_level_are_not_taken() -> None:
    event = parse_message(
        b"Event: QueueParams\r\nQueue: q\r\nHoldtime: 3\r\nCompleted: 9\r\nServicelevelPerf: 98.9\r\nServiceLevel: 20"
    )
    assert dict(settings_of(None, [event])) == {
        "queue/q/service_level": {"system": "acd", "class": "queue", "number": 20.0},
    }


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_only_malformed_escapes_from_a_security_line(noise: bytes) -> None:
    for text in (noise, b'SecurityEvent="InvalidPassword",EventTV="' + noise + b'"'):
        try:
            parse_security_line(text)
        except Malformed:
            continue
