"""A real snmpd: what it tells is stated by both versions, and everything that must be loud is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities.snmp import Snmp
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED, UNAVAILABLE
from tests.support.snmpd import AUTH, COMMUNITY, PRIVACY, USER, Snmpd, running_snmpd

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
ROOT = "1.3.6.1.4.1.32473"
SENSORS = "1.3.6.1.2.1.99.1.1.1"
TABLE: dict[str, tuple[str, object]] = {
    f"{ROOT}.1.4.1": ("integer", 228),
    f"{ROOT}.1.4.2": ("integer", -15),
    f"{ROOT}.1.5.1": ("integer", 1),
    f"{ROOT}.1.5.2": ("integer", 1),
    f"{ROOT}.2.0": ("gauge", 61),
    f"{ROOT}.3.0": ("string", "45.5"),
    f"{ROOT}.4.0": ("counter", 45),
    f"{ROOT}.5.0": ("integer", 1),
}
RACKS = {
    "oid": f"{ROOT}.1.4",
    "quantity": "rack_temperature",
    "divisor": 10,
    "rows": {"1": "r1", "2": "r2"},
    "status": f"{ROOT}.1.5",
    "ok": ["1"],
}
DAMP = {"oid": f"{ROOT}.3.0", "quantity": "rack_humidity", "sensor": "r1"}
NOISE = {"oid": f"{ROOT}.2.0", "quantity": "noise", "place": "hall"}
PANEL = {"name": "panel", "oid": f"{ROOT}.5.0", "raised": ["2"], "system": "fire_panel"}


@pytest.fixture
def snmpd(tmp_path: Path) -> Iterator[Snmpd]:
    with running_snmpd(tmp_path, ROOT) as server:
        server.tell(TABLE)
        yield server


def secret(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return str(path)


def options(server: Snmpd, version: str = "3", /, **changed: object) -> dict[str, object]:
    given: dict[str, object] = {"host": "127.0.0.1", "port": server.port, "version": version}
    given["readings"], given["alerts"] = [RACKS, DAMP, NOISE], [PANEL]
    if version == "2c":
        given["community_file"] = secret(server.folder, "community", COMMUNITY)
    else:
        given["user"] = USER
        given["auth_password_file"] = secret(server.folder, "auth", AUTH)
        given["privacy_password_file"] = secret(server.folder, "privacy", PRIVACY)
    return {**given, **changed}


def source(server: Snmpd, version: str = "3", /, **changed: object) -> Snmp:
    given = Options(options(server, version, **changed))
    built = Snmp.from_options(given)
    given.refuse_unknown()
    return built


def looks(server: Snmpd, built: Snmp, tables: list[dict[str, tuple[str, object]]]) -> tuple[list[Observation], str]:
    """Five minutes apart; all that is stated, and the last detail."""
    cursor, detail = b"", ""
    told: list[Observation] = []
    for at, table in enumerate(tables):
        server.tell(table)
        found, done = read_all(built, cursor=cursor, now=NOON + timedelta(minutes=5 * at), zone=ZONE)
        cursor, told, detail = done.cursor, [*told, *found], done.detail
    return told, detail


def gauges(found: list[Observation]) -> dict[tuple[str, ...], tuple[float, float, float, int]]:
    return {
        tuple(d.text for d in one.measure.dimensions): (
            one.measure.gauge.min,
            one.measure.gauge.max,
            one.measure.gauge.last,
            one.measure.gauge.count,
        )
        for one in found
        if one.measure.id == "reading"
    }


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    for canary in (COMMUNITY, AUTH, PRIVACY):
        assert canary not in caught.value.detail


@pytest.mark.parametrize("version", ["2c", "3"])
def test_the_source_keeps_the_contract_with_a_real_agent(snmpd: Snmpd, version: str) -> None:
    check_source(healthy=source(snmpd, version), broken=source(snmpd, version, port=1, look_timeout="1s"))


@pytest.mark.parametrize("version", ["2c", "3"])
def test_a_quarter_hour_holds_what_the_looks_of_it_found(snmpd: Snmpd, version: str) -> None:
    warm = {**TABLE, f"{ROOT}.1.4.1": ("integer", 301), f"{ROOT}.2.0": ("gauge", 65)}
    found, detail = looks(snmpd, source(snmpd, version), [TABLE, warm, TABLE, TABLE])
    assert gauges(found) == {
        ("rack_temperature", "r1"): (22.8, 30.1, 22.8, 3),
        ("rack_temperature", "r2"): (-1.5, -1.5, -1.5, 3),
        ("rack_humidity", "r1"): (45.5, 45.5, 45.5, 3),
    }
    (noise,) = (one.measure for one in found if one.measure.id == "noise")
    assert (noise.sum.total, noise.sum.count) == (61 + 65 + 61, 3)
    assert detail == ""


def test_a_sensor_that_is_not_well_is_passed_over_and_named(snmpd: Snmpd) -> None:
    failed = {**TABLE, f"{ROOT}.1.5.2": ("integer", 3), f"{ROOT}.1.4.2": ("integer", -2730)}
    found, detail = looks(snmpd, source(snmpd), [failed] * 4)
    assert ("rack_temperature", "r2") not in gauges(found)
    assert ("rack_temperature", "r1") in gauges(found)
    assert detail == "not believed: rack_temperature r2"


def test_an_absurd_value_of_a_sensor_that_says_it_is_well_is_passed_over(snmpd: Snmpd) -> None:
    absurd = {**TABLE, f"{ROOT}.1.4.2": ("integer", -2730)}
    found, detail = looks(snmpd, source(snmpd), [absurd] * 4)
    assert ("rack_temperature", "r2") not in gauges(found)
    assert detail == "not believed: rack_temperature r2"


def test_an_alert_is_seen_from_its_beginning_to_its_end(snmpd: Snmpd) -> None:
    found, _ = looks(snmpd, source(snmpd), [TABLE, {**TABLE, f"{ROOT}.5.0": ("integer", 2)}, TABLE])
    began, ended = (one.occurrence for one in found if one.WhichOneof("fact") == "occurrence")
    assert began.id.text == ended.id.text
    assert not began.HasField("ended_ms")
    assert ended.ended_ms - ended.started_ms == 5 * 60_000
    assert {(a.name, a.value.text) for a in began.attributes} == {("system", "fire_panel")}


def test_a_row_that_is_gone_is_loud_and_one_that_nobody_named_is_said(snmpd: Snmpd) -> None:
    snmpd.tell({oid: told for oid, told in TABLE.items() if oid != f"{ROOT}.1.4.2"})
    with refusal(Reason.NOT_FOUND, r"rack_temperature r2: 1.3.6.1.4.1.32473.1.4.2 is nothing: .*view"):
        read_all(source(snmpd), now=NOON, zone=ZONE)
    one_row = {**RACKS, "rows": {"1": "r1"}}
    _, detail = looks(snmpd, source(snmpd, readings=[one_row]), [TABLE])
    assert detail == "rows that nobody named: 1"
    lines = list(source(snmpd, readings=[one_row]).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    assert any(line.verdict == "warning" and f"{ROOT}.1.4.2" in line.detail for line in lines)


def test_a_counter_and_an_object_that_is_not_there_are_no_readings(snmpd: Snmpd) -> None:
    counter = {"oid": f"{ROOT}.4.0", "quantity": "floor_co2"}
    with refusal(Reason.UNREADABLE, "floor_co2: .*a counter"):
        read_all(source(snmpd, readings=[counter]), now=NOON, zone=ZONE)
    with refusal(Reason.NOT_FOUND, "floor_co2: .* is nothing"):
        read_all(source(snmpd, readings=[{**counter, "oid": f"{ROOT}.77.0"}]), now=NOON, zone=ZONE)
    lines = list(source(snmpd, readings=[counter]).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    assert [line.verdict for line in lines if line.subject == "floor_co2"] == ["failed"]


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"user": "nobody"}, Reason.REFUSED, "does not know this user"),
        ({"auth": "sha"}, Reason.REFUSED, "its `auth`"),
        ({"user": "plain"}, Reason.UNREADABLE, "authorizationError"),
    ],
)
def test_who_may_not_look_is_told_why(snmpd: Snmpd, changed: dict[str, object], reason: Reason, words: str) -> None:
    with refusal(reason, words):
        read_all(source(snmpd, **changed), now=NOON, zone=ZONE)


@pytest.mark.parametrize(
    ("version", "file", "reason", "words"),
    [
        ("2c", "community_file", Reason.TIMEOUT, "community is another"),
        ("3", "auth_password_file", Reason.REFUSED, "password of the user"),
        ("3", "privacy_password_file", Reason.TIMEOUT, "privacy password is another"),
    ],
)
def test_a_wrong_secret_is_told_and_never_shown(
    snmpd: Snmpd, version: str, file: str, reason: Reason, words: str
) -> None:
    wrong: dict[str, object] = {file: secret(snmpd.folder, "wrong", f"{PRIVACY}-of-yesterday"), "look_timeout": "2s"}
    with refusal(reason, words):
        read_all(source(snmpd, version, **wrong), now=NOON, zone=ZONE)


def test_a_view_that_hides_a_sensor_is_no_smaller_table(tmp_path: Path) -> None:
    rules = f"view part included .{ROOT}.1.4.1\nrouser {USER} authpriv -V part\n"
    with running_snmpd(tmp_path, ROOT, rules=rules) as server:
        server.tell(TABLE)
        bare = {key: value for key, value in RACKS.items() if key not in ("status", "ok")}
        with refusal(Reason.NOT_FOUND, "r2: .*view"):
            read_all(source(server, readings=[bare], alerts=[]), now=NOON, zone=ZONE)


def test_check_says_that_version_2c_is_in_clear_and_that_no_writing_was_tried(snmpd: Snmpd) -> None:
    told = {}
    for version in ("2c", "3"):
        lines = list(source(snmpd, version).check(Window(cursor=b"", now=NOON, zone=ZONE)))
        told[version] = [line for line in lines if line.subject == "version"]
        assert not any(canary in line.detail for line in lines for canary in (COMMUNITY, AUTH, PRIVACY))
        assert any(line.subject == "rights" for line in lines)
    assert [line.verdict for line in told["2c"]] == ["warning"]
    assert "in clear" in told["2c"][0].detail
    assert told["3"] == []


@pytest.mark.parametrize("version", ["2c", "3"])
def test_it_is_read_in_a_reader_process_with_all_that_it_needs(snmpd: Snmpd, version: str) -> None:
    spec = SourceSpec(name="climate", plugin="snmp", options=options(snmpd, version))
    now = datetime.now(UTC)
    first = read_source(spec, cursor=b"", now=now, zone=ZONE)
    assert (first.outcome, first.reason, first.detail) == (EMPTY, "", "")
    snmpd.tell({**TABLE, f"{ROOT}.5.0": ("integer", 2)})
    second = read_source(spec, cursor=first.cursor or b"", now=now + timedelta(minutes=16), zone=ZONE)
    assert second.outcome == OBSERVED, second.detail
    assert len(second.observations) == 5  # three readings, noise, an alert
    stated = b"".join([second.cursor or b"", *(one.SerializeToString() for one in second.observations)])
    assert not any(canary.encode() in stated for canary in (COMMUNITY, AUTH, PRIVACY))


def test_a_stopped_agent_is_unavailable_and_leaves_the_cursor_alone(tmp_path: Path) -> None:
    with running_snmpd(tmp_path, ROOT) as server:
        given = options(server, look_timeout="2s")
    reading = read_source(SourceSpec(name="c", plugin="snmp", options=given), cursor=b"", now=NOON, zone=ZONE)
    assert (reading.outcome, reading.reason, reading.cursor) == (UNAVAILABLE, Reason.TIMEOUT, None)


@pytest.mark.parametrize(("capture", "stated"), [("upsmain", {"101": 22.8, "103": 24.4}), ("upsfail", {"101": 34.9})])
def test_a_room_that_was_recorded_from_a_real_card_is_read_by_the_standard_tables(
    captures: Path, tmp_path: Path, capture: str, stated: dict[str, float]
) -> None:
    """RFC 3433 as net-snmp recorded it: a failed probe has its own status and an absurd value."""
    recorded = _recorded(captures / "snmp" / f"{capture}.snmprec")
    told: dict[str, tuple[str, object]] = {
        oid: ("integer" if kind == "2" else "gauge", value) for oid, kind, value in recorded
    }
    room = {"oid": f"{SENSORS}.4", "quantity": "rack_temperature", "divisor": 10}
    room |= {"status": f"{SENSORS}.5", "ok": ["1"], "rows": {"101": "101", "103": "103"}}
    damp = {**room, "quantity": "rack_humidity", "rows": {"102": "102"}}
    with running_snmpd(tmp_path, "1.3.6.1.2.1.99") as server:
        found, detail = looks(server, source(server, readings=[room, damp], alerts=[]), [told] * 4)
    temperatures = {key[1]: figures[0] for key, figures in gauges(found).items() if key[0] == "rack_temperature"}
    assert temperatures == stated
    assert detail == ("" if len(stated) == 2 else "not believed: rack_temperature 103")


def _recorded(path: Path) -> Iterator[tuple[str, str, str]]:
    for line in path.read_text().splitlines():
        oid, kind, value = line.split("|", 2)
        if oid.startswith(SENSORS) and kind in ("2", "66"):
            yield oid, kind, value
