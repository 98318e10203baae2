"""A real upsd with simulated UPSes: what it tells is stated, and everything that must be loud is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import BadOption, Options, Reason, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities.ups import Ups
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.refusals import refusal
from tests.support.upsd import Upsd, running_upsd

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
MAINS = {"ups_status": "OL", "battery_runtime": "1920", "battery_charge": "100", "ups_load": "23"}
FAILING = {"ups_status": "OL RB", "battery_runtime": "-1", "battery_charge": "88", "ups_load": "41"}


@pytest.fixture
def upsd(tmp_path: Path) -> Iterator[Upsd]:
    with running_upsd(tmp_path, {"floor": MAINS, "rack": FAILING}) as server:
        yield server


def options(server: Upsd, **changed: object) -> dict[str, object]:
    return {"host": "127.0.0.1", "port": server.port, "units": {"floor": "u1", "rack": "u2"}, **changed}


def source(server: Upsd, **changed: object) -> Ups:
    given = Options(options(server, **changed))
    built = Ups.from_options(given)
    given.refuse_unknown()
    return built


def test_the_source_keeps_the_contract_with_a_real_server(upsd: Upsd) -> None:
    check_source(healthy=source(upsd), broken=source(upsd, port=1))


def test_a_power_cut_is_seen_from_its_beginning_to_its_end(upsd: Upsd) -> None:
    cursor, told = b"", []
    looks = [MAINS, {**MAINS, "ups_status": "OB DISCHRG", "battery_runtime": "600"}, {**MAINS, "ups_status": "OL CHRG"}]
    for at, variables in enumerate(looks):
        upsd.tell("floor", **variables)
        found, done = read_all(source(upsd), cursor=cursor, now=NOON + timedelta(minutes=5 * at), zone=ZONE)
        cursor = done.cursor
        told += [one for one in found if one.WhichOneof("fact") == "occurrence" and "u1" in one.occurrence.id.text]
    began, ended = (one.occurrence for one in told)
    assert began.id.text == ended.id.text
    assert not began.HasField("ended_ms")
    assert (ended.ended_ms - ended.started_ms) == 5 * 60_000
    assert {(a.name, a.value.text) for a in began.attributes} == {("signal", "on_battery"), ("system", "ups")}


def test_the_quarter_hour_holds_what_was_read_on_mains_only(upsd: Upsd) -> None:
    cursor = b""
    for minute, variables in ((0, MAINS), (5, {**MAINS, "ups_status": "OB", "battery_runtime": "60"}), (15, MAINS)):
        upsd.tell("floor", **variables)
        found, done = read_all(source(upsd), cursor=cursor, now=NOON + timedelta(minutes=minute), zone=ZONE)
        cursor = done.cursor
    assert done.covers == (NOON, NOON + timedelta(minutes=15))
    gauges = {
        tuple(d.text for d in one.measure.dimensions): (one.measure.gauge.min, one.measure.gauge.count)
        for one in found
        if one.WhichOneof("fact") == "measure"
    }
    assert gauges[("ups_runtime", "u1")] == (32.0, 1)
    assert gauges[("ups_load", "u1")] == (23.0, 2)
    assert ("ups_runtime", "u2") not in gauges
    assert "rack" not in done.detail
    assert "u2 battery.runtime" in done.detail


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(upsd: Upsd) -> None:
    spec = SourceSpec(name="power", plugin="ups", options=options(upsd))
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.outcome, reading.reason, reading.detail) == (OBSERVED, "", "not believed: u2 battery.runtime")
    assert len(reading.observations) == 1  # the battery of u2 is to be replaced


def test_a_dead_driver_is_said_and_is_no_smaller_list(upsd: Upsd) -> None:
    upsd.kill_driver("rack")
    with refusal(Reason.UNREADABLE, "rack: the driver .*(DATA-STALE|DRIVER-NOT-CONNECTED)"):
        read_all(source(upsd), now=NOON, zone=ZONE)
    lines = {line.subject: line for line in source(upsd).check(Window(cursor=b"", now=NOON, zone=ZONE))}
    assert (lines["floor"].verdict, lines["rack"].verdict) == ("ok", "failed")


def test_a_name_that_upsd_does_not_have_and_one_that_is_not_read_are_said(upsd: Upsd) -> None:
    other = source(upsd, units={"hall": "u1"})
    with refusal(Reason.NOT_FOUND, "hall: .*ups.conf"):
        read_all(other, now=NOON, zone=ZONE)
    verdicts = {line.subject: line.verdict for line in other.check(Window(cursor=b"", now=NOON, zone=ZONE))}
    assert verdicts == {"upsd": "ok", "floor": "warning", "rack": "warning", "hall": "failed"}


def test_a_name_and_a_password_are_given_and_never_in_clear_to_another_host(upsd: Upsd, tmp_path: Path) -> None:
    secret = tmp_path / "upsd.password"
    secret.write_text("reader-of-this-test\n")
    secret.chmod(0o600)
    who = {"username": "ccmm", "password_file": str(secret)}
    assert read_all(source(upsd, **who), now=NOON, zone=ZONE)
    with pytest.raises(BadOption, match="start_tls"):
        source(upsd, host="ups.example", **who)
    with refusal(Reason.REFUSED, "(certificate|without TLS)"):
        read_all(source(upsd, start_tls=True, **who), now=NOON, zone=ZONE)


def test_a_stopped_server_is_unavailable_and_leaves_the_cursor_alone(tmp_path: Path) -> None:
    with running_upsd(tmp_path, {"floor": MAINS}) as server:
        given = options(server, units={"floor": "u1"})
    spec = SourceSpec(name="power", plugin="ups", options=given)
    reading = read_source(spec, cursor=b"", now=datetime.now(UTC), zone=ZONE)
    assert (reading.outcome, reading.reason) == (UNAVAILABLE, Reason.UNREACHABLE)
    assert "LISTEN" in reading.detail
