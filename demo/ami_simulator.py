"""A simulator of Asterisk's manager interface: a TCP server that greets, answers and refuses as Asterisk 22 does.

    with AmiSimulator(accounts={"ccmm": Account("secret")}, queues=[Queue("support")]) as switch:
        switch.port

It is called a simulator wherever it is used: nothing that it says is a fact about a real switch.
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, cast

EVERYBODY = {  # actions without a privilege class: every account may send them, also one without any right
    "BridgeDestroy": "Destroy a bridge.",
    "BridgeKick": "Kick a channel from a bridge.",
    "Challenge": "Generate Challenge for MD5 Auth.",
    "Events": "Control Event Flow.",
    "ListCommands": "List available manager commands.",
    "Login": "Login Manager.",
    "Logoff": "Logoff Manager.",
    "Ping": "Keepalive command.",
    "QueueReset": "Reset queue statistics.",
    "QueueStatus": "Show queue status.",
    "QueueSummary": "Show queue summary.",
    "QueueWithdrawCaller": "Request to withdraw a caller from the queue back to the dialplan.",
}
GUARDED = {  # action -> title, classes of which one is needed
    "CoreSettings": ("Show PBX core settings (version etc).", ("system", "reporting", "all")),
    "CoreStatus": ("Show PBX core status variables.", ("system", "reporting", "all")),
    "GetConfig": ("Retrieve configuration.", ("system", "config", "all")),
    "Hangup": ("Hangup channel.", ("system", "call", "all")),
    "LoggerRotate": ("Reload and rotate the Asterisk logger.", ("system", "reporting", "all")),
    "Originate": ("Originate a call.", ("originate", "all")),
    "PJSIPShowAuths": ("Lists PJSIP Auths.", ("system", "all")),
}
Fault = Literal["", "no_greeting", "silent", "short_list", "cut_list", "hang_up", "endless_message"]
Fields = list[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Account:
    """`rights` as in manager.conf's write=; empty: none, which still leaves what everybody may send."""

    secret: str
    rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    interface: str = ""
    paused: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    strategy: str = "rrmemory"
    service_level_s: int = 20
    most_callers: int = 0
    weight: int = 0
    members: tuple[Member, ...] = ()
    waiting: tuple[str, ...] = ()  # ids of the calls that wait


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    simulator: "AmiSimulator"


@dataclass(slots=True)
class AmiSimulator:
    """Listens on a free port of 127.0.0.1 while it is entered. `seen` lists every action that arrived, in order."""

    accounts: Mapping[str, Account]
    queues: Sequence[Queue] = ()
    version: str = "22.10.1"
    chatty: bool = True  # unasked events between the lines of an answer
    fault: Fault = ""
    seen: list[str] = field(default_factory=list)
    port: int = 0
    _server: _Server | None = None

    def __enter__(self) -> Self:
        server = _Server(("127.0.0.1", self.port), _Conversation)
        server.simulator = self
        self._server, self.port = server, int(server.server_address[1])
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Conversation(socketserver.StreamRequestHandler):
    """One connection: greeting, log-in, then answers until Logoff."""

    def handle(self) -> None:
        pbx = cast(_Server, self.server).simulator
        try:
            self._converse(pbx)
        except (ConnectionError, TimeoutError):
            return

    def _converse(self, pbx: AmiSimulator) -> None:
        if pbx.fault == "no_greeting":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        else:
            self.wfile.write(b"Asterisk Call Manager/11.0.0\r\n")
        account: Account | None = None
        for request in _requests(self.rfile.readline):
            action, id = request.get("Action", ""), request.get("ActionID", "")
            pbx.seen.append(action)
            if pbx.fault == "hang_up" and account is not None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if account is None:
                account = self._log_in(pbx, request)
                if account is None:
                    return
            elif pbx.fault != "silent":
                self._answer(pbx, account, action, id)
            if action == "Logoff":
                return

    def _log_in(self, pbx: AmiSimulator, request: Mapping[str, str]) -> Account | None:
        id = request.get("ActionID", "")
        account = pbx.accounts.get(request.get("Username", ""))
        if request.get("Action") != "Login" or account is None or account.secret != request.get("Secret"):
            self._say([("Response", "Error"), ("ActionID", id), ("Message", "Authentication failed")])
            return None
        self._say([("Response", "Success"), ("ActionID", id), ("Message", "Authentication accepted")])
        if request.get("Events", "on") != "off":
            booted: Fields = [("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", 112)]
            self._say([*booted, ("LastReload", 112), ("Status", "Fully Booted")])
        return account

    def _answer(self, pbx: AmiSimulator, account: Account, action: str, id: str) -> None:
        needed = GUARDED.get(action, ("", ()))[1]
        if action not in EVERYBODY and action not in GUARDED:
            told = f"Invalid/unknown command: {action}. Use Action: ListCommands to show available commands."
            self._say([("Response", "Error"), ("ActionID", id), ("Message", told)])
        elif needed and not set(needed) & set(account.rights):
            self._say([("Response", "Error"), ("ActionID", id), ("Message", "Permission denied")])
        elif action == "QueueStatus":
            self._list(pbx, id, action, "Queue status will follow", [e for q in pbx.queues for e in _status(q)])
        elif action == "QueueSummary":
            self._list(pbx, id, action, "Queue summary will follow", [_summary(queue) for queue in pbx.queues])
        else:
            word = "Goodbye" if action == "Logoff" else "Success"
            self._say([("Response", word), ("ActionID", id), *_told(pbx, account, action)])

    def _list(self, pbx: AmiSimulator, id: str, action: str, message: str, events: list[Fields]) -> None:
        head: Fields = [("Response", "Success"), ("ActionID", id), ("EventList", "start"), ("Message", message)]
        self._say(head)
        for at, event in enumerate(events):
            if pbx.chatty:
                self._say([("Event", "Newexten"), ("Privilege", "dialplan,all"), ("Uniqueid", f"pbx-{at}.1")])
            if not (pbx.fault == "short_list" and at == 0):
                self._say([*event, ("ActionID", id)])
        if pbx.fault == "endless_message":
            for _ in range(400):
                self.wfile.write(b"Variable: " + b"x" * 2000 + b"\r\n")
        ended = "cancelled" if pbx.fault == "cut_list" else "Complete"
        end: Fields = [("Event", f"{action}Complete"), ("ActionID", id), ("EventList", ended)]
        self._say([*end, ("ListItems", len(events))])

    def _say(self, fields: Fields) -> None:
        self.wfile.write("".join(f"{key}: {value}\r\n" for key, value in fields).encode() + b"\r\n")


def _told(pbx: AmiSimulator, account: Account, action: str) -> Fields:
    if action == "ListCommands":
        return list(_commands(account))
    if action == "CoreSettings":
        return [("AMIversion", "11.0.0"), ("AsteriskVersion", pbx.version), ("SystemName", "simulator")]
    if action == "CoreStatus":
        return [("CoreCurrentCalls", sum(len(queue.waiting) for queue in pbx.queues)), ("CoreProcessedCalls", 0)]
    if action == "Ping":
        return [("Ping", "Pong"), ("Timestamp", "1795327056.697713")]
    return [("Message", "Thanks for all the fish.")] if action == "Logoff" else []


def _commands(account: Account) -> Iterator[tuple[str, object]]:
    titles = {action: (title, ("<none>",)) for action, title in EVERYBODY.items()}
    allowed = {action: entry for action, entry in GUARDED.items() if set(entry[1]) & set(account.rights)}
    for action, (title, classes) in sorted({**titles, **allowed}.items()):
        yield action, f"{title}  (Priv: {','.join(classes)})"


def _status(queue: Queue) -> Iterator[Fields]:
    yield [
        ("Event", "QueueParams"),
        ("Queue", queue.name),
        ("Max", queue.most_callers),
        ("Strategy", queue.strategy),
        ("Calls", len(queue.waiting)),
        ("Holdtime", 1),
        ("TalkTime", 8),
        ("Completed", 4),
        ("Abandoned", 1),
        ("ServiceLevel", queue.service_level_s),
        ("ServicelevelPerf", "100.0"),
        ("ServicelevelPerf2", "100.0"),
        ("Weight", queue.weight),
    ]
    for member in queue.members:
        interface = member.interface or f"Local/{member.name}@agents/n"
        yield [
            ("Event", "QueueMember"),
            ("Queue", queue.name),
            ("Name", member.name),
            ("Location", interface),
            ("StateInterface", interface),
            ("Membership", "static"),
            ("Penalty", 0),
            ("Status", 1),
            ("Paused", int(member.paused)),
            ("PausedReason", member.reason),
            ("Wrapuptime", 0),
        ]
    for position, call in enumerate(queue.waiting, 1):
        yield [("Event", "QueueEntry"), ("Queue", queue.name), ("Position", position), ("Uniqueid", call), ("Wait", 1)]


def _summary(queue: Queue) -> Fields:
    free = sum(not member.paused for member in queue.members)
    return [
        ("Event", "QueueSummary"),
        ("Queue", queue.name),
        ("LoggedIn", len(queue.members)),
        ("Available", free),
        ("Callers", len(queue.waiting)),
        ("HoldTime", 1),
        ("TalkTime", 8),
        ("LongestHoldTime", 0),
    ]


def _requests(readline: Callable[[int], bytes]) -> Iterator[dict[str, str]]:
    request: dict[str, str] = {}
    while line := readline(65_536):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            key, _, value = text.partition(":")
            request[key.strip()] = value.strip()
        elif request:
            yield request
            request = {}
