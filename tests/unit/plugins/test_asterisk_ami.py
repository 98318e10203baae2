"""The manager interface: what may be sent, what comes back, what an account could do; against the simulator."""

import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from ccmm_agent.plugin import CheckLine, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.asterisk.ami import (
    ALLOWED,
    ActionNotAllowed,
    ActionRefused,
    Endpoint,
    Manager,
    connected,
)
from ccmm_plugin_telephony.asterisk.ami_protocol import (
    format_action,
)
from ccmm_plugin_telephony.asterisk.ami_source import ManagerInterface
from demo.ami_simulator import Account, AmiSimulator, Fault, Member, Queue
from tests.support.queue_logs import ZONE, at

MEMBERS = (Member("Agent 1"), Member("Agent 2", paused=True, reason="lunch"))
SUPPORT = Queue("support", service_level_s=20, most_callers=40, members=MEMBERS, waiting=("c1", "c2"))
ACCOUNTS = {"ccmm": Account("s3cret"), "boss": Account("b0ss", ("all",)), "reporter": Account("r3p", ("reporting",))}
WINDOW = Window(cursor=b"", now=at("12:00"), zone=ZONE)


@pytest.fixture
def switch() -> Iterator[AmiSimulator]:
    with AmiSimulator(accounts=ACCOUNTS, queues=[SUPPORT, Queue("sales", strategy="ringall")]) as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "asterisk.secret"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    return path


def source(switch: AmiSimulator, secret: Path, username: str = "ccmm", **more: object) -> ManagerInterface:
    endpoint = Endpoint(host="127.0.0.1", port=switch.port, timeout_s=2)
    return replace(ManagerInterface(endpoint=endpoint, username=username, secret_file=secret), **more)  # type: ignore[arg-type]


def refused(broken: ManagerInterface) -> Reason:
    with pytest.raises(SourceUnavailable) as error:
        list(broken.read(WINDOW))
    return error.value.reason


def settings(observations: list[Observation]) -> dict[str, object]:
    (inventory,) = [one.inventory for one in observations if one.HasField("inventory")]
    values: dict[str, object] = {}
    for entry in inventory.entries:
        told = {a.name: getattr(a.value, str(a.value.WhichOneof("value"))) for a in entry.attributes}
        values[entry.key.text] = told.get("value", told.get("number"))
    return values


def test_the_source_keeps_the_contract(switch: AmiSimulator, secret: Path) -> None:
    healthy = source(switch, secret)
    check_source(healthy, replace(healthy, endpoint=replace(healthy.endpoint, port=1)), window=WINDOW)


def test_settings_of_queues_come_without_any_right(switch: AmiSimulator, secret: Path) -> None:
    found = settings(read_all(source(switch, secret), now=WINDOW.now, zone=ZONE)[0])
    assert found == {
        "queue/support/strategy": "rrmemory",
        "queue/support/service_level": 20.0,
        "queue/support/most_callers": 40.0,
        "queue/support/weight": 0.0,
        "queue/sales/strategy": "ringall",
        "queue/sales/service_level": 20.0,
        "queue/sales/most_callers": 0.0,
        "queue/sales/weight": 0.0,
    }
    assert switch.seen == ["Login", "CoreSettings", "QueueStatus", "Logoff"]


def test_the_version_is_told_to_an_account_that_may_know_it(switch: AmiSimulator, secret: Path) -> None:
    secret.write_text("r3p")
    found = settings(read_all(source(switch, secret, "reporter"), now=WINDOW.now, zone=ZONE)[0])
    assert found["asterisk/version"] == "22.10.1"


def test_what_could_end_a_call_or_show_a_password_cannot_be_sent(switch: AmiSimulator) -> None:
    endpoint = Endpoint(host="127.0.0.1", port=switch.port)
    wanted = [
        *("BridgeDestroy", "BridgeKick", "BridgeTechnologySuspend", "QueueReset", "QueueReload", "Originate", "Hangup"),
        *("QueueWithdrawCaller", "QueueChangePriorityCaller", "PJSIPShowAuths", "PJSIPShowEndpoint", "GetConfig"),
        *("Command", "queuereset", "Ping\r\nAction: QueueReset", ""),
    ]
    with connected(endpoint, "boss", "b0ss") as manager:
        for action in wanted:
            with pytest.raises(ActionNotAllowed):
                manager.ask(action)
            with pytest.raises(ActionNotAllowed):
                manager.ask_list(action)
        assert manager.ask("Ping").get("Ping") == "Pong"
    assert set(switch.seen) == {"Login", "Ping", "Logoff"}
    assert {*wanted}.isdisjoint(ALLOWED)


def test_a_field_cannot_smuggle_a_second_action(switch: AmiSimulator) -> None:
    endpoint = Endpoint(host="127.0.0.1", port=switch.port)
    with pytest.raises(SourceUnavailable), connected(endpoint, "ccmm", "x\r\n\r\nAction: QueueReset\r\n"):
        pass
    with pytest.raises(ValueError, match="Queue"):
        format_action("QueueStatus", {"Queue": "q\nAction: QueueReset"})
    assert "QueueReset" not in switch.seen


def test_a_refused_log_in_is_unavailable(switch: AmiSimulator, secret: Path) -> None:
    secret.write_text("wrong")
    assert refused(source(switch, secret)) is Reason.REFUSED


def test_an_action_that_is_refused_says_so(switch: AmiSimulator) -> None:
    endpoint = Endpoint(host="127.0.0.1", port=switch.port)
    with connected(endpoint, "ccmm", "s3cret") as manager, pytest.raises(ActionRefused, match="Permission denied"):
        manager.ask("CoreStatus")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("no_greeting", Reason.UNREADABLE),
        ("silent", Reason.TIMEOUT),
        ("short_list", Reason.LIMITED),
        ("cut_list", Reason.LIMITED),
        ("hang_up", Reason.UNREACHABLE),
        ("endless_message", Reason.UNREADABLE),
    ],
)
def test_a_switch_that_misbehaves_is_unavailable_not_smaller(
    switch: AmiSimulator, secret: Path, fault: Fault, reason: Reason
) -> None:
    switch.fault = fault
    assert refused(source(switch, secret)) is reason


def test_nobody_listening_is_unreachable(secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert refused(source(AmiSimulator(accounts={}, port=port), secret)) is Reason.UNREACHABLE


def test_without_a_secret_nothing_is_sent(switch: AmiSimulator, tmp_path: Path, secret: Path) -> None:
    assert refused(source(switch, tmp_path / "absent")) is Reason.NOT_FOUND
    secret.write_text("\n")
    assert refused(source(switch, secret)) is Reason.BAD_OPTION
    with pytest.raises(SourceUnavailable):
        list(source(switch, tmp_path / "absent").check(WINDOW))
    assert switch.seen == []


def check(switch: AmiSimulator, secret: Path, username: str, password: str) -> dict[str, CheckLine]:
    secret.write_text(password)
    return {line.subject: line for line in source(switch, secret, username).check(WINDOW)}


def test_check_warns_that_an_account_without_rights_can_still_end_calls(switch: AmiSimulator, secret: Path) -> None:
    told = check(switch, secret, "ccmm", "s3cret")
    assert "BridgeDestroy" in told["actions without rights"].detail
    assert told["actions without rights"].verdict == "warning"
    assert "rights" not in told
    assert "passwords" not in told


def test_check_warns_of_an_account_that_may_do_more(switch: AmiSimulator, secret: Path) -> None:
    told = check(switch, secret, "boss", "b0ss")
    assert "GetConfig, PJSIPShowAuths" in told["passwords"].detail
    assert "Originate" in told["rights"].detail
    assert "LoggerRotate" in check(switch, secret, "reporter", "r3p")["rights"].detail
    assert "PJSIPShowAuths" not in switch.seen


def test_check_warns_of_a_secret_that_others_can_read(switch: AmiSimulator, secret: Path) -> None:
    secret.chmod(0o644)
    assert "chmod 600" in check(switch, secret, "ccmm", "s3cret")[str(secret)].detail


def test_tls_needs_a_certificate_of_the_given_authority(tmp_path: Path, secret: Path, switch: AmiSimulator) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    stranger.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    with _tls_before(switch.port, certificate) as port:
        endpoint = Endpoint(host="127.0.0.1", port=port, tls=True, ca_file=tmp_path / "ca.pem", timeout_s=5)
        healthy = replace(source(switch, secret), endpoint=endpoint)
        assert settings(read_all(healthy, now=WINDOW.now, zone=ZONE)[0])["queue/support/service_level"] == 20.0
        wrong = replace(healthy, endpoint=replace(endpoint, ca_file=tmp_path / "other.pem"))
        assert refused(wrong) is Reason.UNREACHABLE


class _tls_before:
    """A TLS listener that hands what it hears to the simulator."""

    def __init__(self, port: int, certificate: trustme.LeafCert) -> None:
        self.port = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)

    def __enter__(self) -> int:
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self.listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
                stream = self.context.wrap_socket(plain, server_side=True)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                continue
            with stream, socket.create_connection(("127.0.0.1", self.port)) as behind:
                back = threading.Thread(target=_pump, args=(behind, stream), daemon=True)
                back.start()
                _pump(stream, behind)
                back.join(2)


def _pump(here: socket.socket, there: socket.socket) -> None:
    try:
        while piece := here.recv(65536):
            there.sendall(piece)
    except OSError:
        return


def security(event: str, time: str, account: str = "intruder") -> str:
    told = f'SecurityEvent="{event}",EventTV="2026-03-02T{time}.301+0000",Severity="Error",Service="AMI"'
    return f'[2026-03-02 {time}] SECURITY[6902] res_security_log.c: {told},AccountID="{account}",SessionID="0x7f"'


def test_refusals_of_the_security_log_are_stated_once(switch: AmiSimulator, secret: Path, tmp_path: Path) -> None:
    log, rotated = tmp_path / "security.log", tmp_path / "security.log.1"
    torn = security("InvalidPassword", "09:30:00")
    lines = ["Asterisk 22.10.1 built", security("SuccessfulAuth", "09:00:00"), security("InvalidPassword", "09:00:01")]
    log.write_text("".join(f"{line}\n" for line in lines) + torn[:-9])
    reader = source(switch, secret, security_log=log)
    first, done = read_all(reader, now=at("10:00"), zone=ZONE)
    (refusal,) = [one.occurrence for one in first if one.HasField("occurrence")]
    told = {a.name: a.value.text for a in refusal.attributes}
    assert told == {"account": "intruder", "reason": "password", "system": "acd"}
    with log.open("a") as stream:
        stream.write(torn[-9:] + "\n" + security("InvalidAccountID", "10:05:00") + "\n")
    log.rename(rotated)
    log.write_text(security("FailedACL", "10:20:00") + "\n")
    second, after = read_all(reader, cursor=done.cursor, now=at("10:30"), zone=ZONE)
    again = [one.occurrence for one in second if one.HasField("occurrence")]
    reasons = [{a.name: a.value.text for a in one.attributes}["reason"] for one in again]
    assert reasons == ["password", "account", "rights"]
    assert after.covers == (at("10:00"), at("10:30"))


def test_a_security_log_that_vanished_is_unavailable(switch: AmiSimulator, secret: Path, tmp_path: Path) -> None:
    assert refused(source(switch, secret, security_log=tmp_path / "absent.log")) is Reason.NOT_FOUND


def test_the_example_and_the_feeds_follow_the_options(secret: Path) -> None:
    plain = ManagerInterface.from_options(Options({"username": "ccmm", "secret_file": str(secret)}))
    logged = ManagerInterface.from_options(
        Options({"username": "ccmm", "secret_file": str(secret), "security_log": "/var/log/asterisk/security.log"})
    )
    assert plain.feeds == ("setting",)
    assert logged.feeds == ("setting", "refusal")
    assert logged.manifest().folders == (Path("/var/log/asterisk"),)


def test_a_manager_counts_its_time_over_all_that_it_asks() -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(SourceUnavailable) as late:
        Manager(here, deadline=0.0).ask("Ping")
    assert late.value.reason is Reason.TIMEOUT
