"""A simulator of FreeSWITCH's event socket (inbound), and records as mod_cdr_csv and mod_xml_cdr write them.

The protocol as documented at https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_event_socket_1048924
and https://developer.signalwire.com/freeswitch/programming/esl-inbound/, the lists of `callcenter_config` as at
https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_callcenter_1049389, records as at
https://developer.signalwire.com/freeswitch/FreeSWITCH-Explained/Modules/mod_xml_cdr_6587377: requests and replies end
with an empty line, an answer of `api` has a length, a wrong password ends the connection, an address outside the ACL is
told to go away before it may say anything.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote
from xml.sax.saxutils import escape

from ccmm_plugin_telephony.freeswitch.record import USED
from tests.support.answering import answering

Fault = Literal[
    "", "acl", "silent", "hung", "truncated", "cut_list", "notice", "closed", "not_found", "endless", "length", "other"
]
GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
_QUEUE = "name|strategy|moh_sound|time_base_score|tier_rules_apply|tier_rule_wait_second|tier_rule_wait_multiply_level"
QUEUE_NAMES = (
    f"{_QUEUE}|tier_rule_no_agent_no_wait|discard_abandoned_after|abandoned_resume_allowed|max_wait_time"
    "|max_wait_time_with_no_agent|max_wait_time_with_no_agent_time_reached|record_template"
)
_AGENT = "name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|reject_delay_time|busy_delay_time"
AGENT_NAMES = (
    f"{_AGENT}|no_answer_delay_time|last_bridge_start|last_bridge_end|last_offered_call|last_status_change"
    "|no_answer_count|calls_answered|talk_time|ready_time|external_calls_count"
)
TIER_NAMES = "queue|agent|state|level|position"


@dataclass(slots=True, kw_only=True)
class FreeSwitch:
    """What the switch holds, who may ask, and what goes wrong. `seen` are the lines that came in."""

    password: str = "s3cret-canary"
    users: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # user -> password, esl-allowed-api
    agents: dict[str, tuple[str, int]] = field(default_factory=dict)  # name -> status, since when
    queues: list[str] = field(default_factory=lambda: ["support"])
    tiers: list[tuple[str, str]] = field(default_factory=list)
    record_template: str = "/rec/${uuid}.wav"
    fault: Fault = ""
    fault_at: str = "api callcenter_config agent list"
    seen: list[str] = field(default_factory=list)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator["FreeSwitch"]:
        with answering(self._serve) as port:
            self.port = port
            yield self

    def _serve(self, stream: socket.socket) -> None:
        stream.settimeout(10)
        if self.fault == "acl":
            stream.sendall(_framed("text/rude-rejection", "Access Denied, go away.\n"))
            return
        if self.fault == "silent":
            stream.recv(1)
            return
        if self.fault == "other":
            stream.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n\n\n")
            return
        stream.sendall(b"Content-Type: auth/request\n\n")
        allowed: set[str] | None = set()
        for line in _lines(stream):
            self.seen.append(line)
            word, _, rest = line.partition(" ")
            if word in ("auth", "userauth"):
                allowed = self._log_in(stream, word, rest)
                if allowed is not None and not allowed:
                    return
            elif word == "exit":
                stream.sendall(_reply("+OK bye") + _framed("text/disconnect-notice", GOODBYE))
                return
            elif allowed == set():
                stream.sendall(_reply("-ERR command not found"))
            elif not self._api(stream, line, rest, allowed):
                return

    def _log_in(self, stream: socket.socket, word: str, given: str) -> set[str] | None:
        """What the user may; None everything; nothing after a refusal."""
        if word == "auth" and given == self.password:
            stream.sendall(_reply("+OK accepted"))
            return None
        user, _, password = given.partition(":")
        if word == "userauth" and self.users.get(user, ("", ""))[0] == password != "":
            api = self.users[user][1]
            stream.sendall(_reply(f"+OK accepted\nAllowed-Events: all\nAllowed-API: {api}\nAllowed-LOG: false"))
            return set(api.split())
        stream.sendall(_reply("-ERR invalid") + _framed("text/disconnect-notice", GOODBYE))
        return set()

    def _api(self, stream: socket.socket, line: str, command: str, allowed: set[str] | None) -> bool:
        """Whether the connection goes on."""
        if allowed is not None and command.split()[0] not in allowed:
            stream.sendall(_reply("-ERR permission denied"))
            return True
        answer = _framed("api/response", self._answer(command))
        if self.fault and line == self.fault_at:
            return self._go_wrong(stream, answer)
        stream.sendall(answer)
        return True

    def _go_wrong(self, stream: socket.socket, answer: bytes) -> bool:
        if self.fault == "hung":
            stream.recv(1)
        elif self.fault == "truncated":
            stream.sendall(answer[:-9])
        elif self.fault == "notice":
            stream.sendall(_framed("text/disconnect-notice", GOODBYE))
        elif self.fault == "cut_list":
            stream.sendall(_framed("api/response", answer.partition(b"\n\n")[2].decode().removesuffix("+OK\n")))
        elif self.fault == "not_found":
            stream.sendall(_framed("api/response", "-ERR callcenter_config Command not found!\n"))
        elif self.fault == "endless":
            stream.sendall(b"X-Header: no end\n" * 10_000)
        elif self.fault == "length":
            stream.sendall(b"Content-Type: api/response\nContent-Length: 99999999999\n\n")
        return False

    def _answer(self, command: str) -> str:
        if command == "version":
            return "FreeSWITCH Version 1.10.12-release~64bit (-release 64bit)\n"
        if command == "callcenter_config queue list":
            return _table(QUEUE_NAMES, [_queue(name, self.record_template) for name in self.queues], always=True)
        if command == "callcenter_config agent list":
            return _table(AGENT_NAMES, [_agent(name, *state) for name, state in self.agents.items()])
        if command == "callcenter_config tier list":
            return _table(TIER_NAMES, [f"{queue}|{agent}|Ready|1|1" for queue, agent in self.tiers])
        return "-ERR no reply\n"


def _lines(stream: socket.socket) -> Iterator[str]:
    rest = b""
    while piece := stream.recv(4096):
        rest += piece
        while b"\n\n" in rest:
            block, _, rest = rest.partition(b"\n\n")
            yield block.decode()


def _reply(text: str) -> bytes:
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def _framed(kind: str, body: str) -> bytes:
    return f"Content-Type: {kind}\nContent-Length: {len(body.encode())}\n\n{body}".encode()


def _table(names: str, rows: list[str], *, always: bool = False) -> str:
    """The module prints names only above a first row, save for queues."""
    return "".join(f"{line}\n" for line in [*([names] if rows or always else []), *rows, "+OK"])


def _queue(name: str, template: str) -> str:
    return f"{name}|longest-idle-agent|local_stream://moh|system|false|300|true|false|60|false|0|0|5|{template}"


def _agent(name: str, status: str, since_s: int) -> str:
    return f"{name}|single_box||callback|user/{name}|{status}|Waiting|3|10|10|60|0|0|0|0|{since_s}|0|0|0|0|0"


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def answered_call(uuid: str, joined: datetime, wait_s: int, talk_s: int, **more: str) -> dict[str, str]:
    """The variables of a call that an agent took and the caller ended; `more` as they stand in the record."""
    taken = joined + timedelta(seconds=wait_s)
    ended = taken + timedelta(seconds=talk_s)
    return {
        "uuid": uuid,
        "start_epoch": epoch(joined - timedelta(seconds=3)),
        "bridge_epoch": epoch(taken),
        "end_epoch": epoch(ended),
        "cc_side": "member",
        "cc_queue": "support",
        "cc_agent": "1001@default",
        "cc_cause": "answered",
        "cc_queue_joined_epoch": epoch(joined),
        "cc_queue_answered_epoch": epoch(taken),
        "cc_queue_terminated_epoch": epoch(ended),
        "sip_hangup_disposition": "recv_bye",
        "context": "public",
        **more,
    }


def abandoned_call(uuid: str, joined: datetime, wait_s: int, **more: str) -> dict[str, str]:
    left = joined + timedelta(seconds=wait_s)
    return {
        "uuid": uuid,
        "start_epoch": epoch(joined - timedelta(seconds=3)),
        "bridge_epoch": "0",
        "end_epoch": epoch(left),
        "cc_side": "member",
        "cc_queue": "support",
        "cc_cause": "cancel",
        "cc_queue_joined_epoch": epoch(joined),
        "cc_queue_canceled_epoch": epoch(left),
        "cc_cancel_reason": "BREAK_OUT",
        "sip_hangup_disposition": "recv_bye",
        "context": "public",
        **more,
    }


def csv_line(variables: Mapping[str, str]) -> str:
    """As mod_cdr_csv expands the template: what is not set is empty, nothing is escaped."""
    return ",".join(f'"{variables.get(name, "")}"' for name in USED)


def xml_file(variables: Mapping[str, str], applications: list[tuple[str, str, int]] | None = None) -> bytes:
    """As mod_xml_cdr writes a file; applications are (name, data, microseconds)."""
    told = "".join(f"<{name}>{quote(value, safe='')}</{name}>" for name, value in variables.items())
    log = "".join(
        f'<application app_name="{name}" app_data="{escape(data)}" app_stamp="{stamp}"></application>'
        for name, data, stamp in applications or []
    )
    body = f"<variables><direction>inbound</direction>{told}</variables><app_log>{log}</app_log><callflow/>"
    return f'<?xml version="1.0"?>\n<cdr core-uuid="x">{body}</cdr>\n'.encode()
