"""What objects of an agent mean as readings and alerts; what an agent may answer that is no answer."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Options, Reason
from ccmm_agent.testing import options_of_example, read_all
from ccmm_plugin_facilities import snmp_agent
from ccmm_plugin_facilities.snmp import Snmp
from ccmm_plugin_facilities.snmp_map import Map, parse_map, reading_of
from ccmm_plugin_facilities.snmp_value import Value, figure_of, format_oid, parse_oid
from ccmm_plugin_facilities.watch import Span
from ccmm_proto.errors import Malformed
from tests.support.refusals import refusal
from tests.support.snmp_liar import Answer, lying_agent

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
COLUMN = "1.3.6.1.4.1.32473.1"
OID = f"{COLUMN}.1"
READING: dict[str, object] = {"oid": OID, "quantity": "floor_temperature"}


def mapped(*readings: dict[str, object], alerts: tuple[dict[str, object], ...] = ()) -> Map:
    options = Options({"readings": list(readings), "alerts": list(alerts)})
    found = parse_map(options)
    options.refuse_unknown()
    return found


def read_as(figure: float, **changed: object) -> float | None:
    (reading,) = mapped({**READING, **changed}).readings
    return reading_of(reading, {parse_oid(OID): Value("number", float(figure))})


@pytest.mark.parametrize(
    ("figure", "changed", "value"),
    [
        (235, {"divisor": 10}, 23.5),
        (-15, {"divisor": 10}, -1.5),
        (68, {"unit": "fahrenheit"}, 20.0),
        (2951, {"unit": "kelvin", "divisor": 10}, 21.95),
        (2**32 - 50, {"signed": True, "divisor": 10}, -5.0),
        (2**32 - 50, {"divisor": 10}, None),
        (-1, {"none": ["-1"]}, None),
        (-1, {}, -1.0),
        (61, {}, None),
        (61, {"most": 70}, 61.0),
        (60000, {"quantity": "ups_runtime", "ups": "u1", "divisor": 6000}, 10.0),
    ],
)
def test_a_figure_becomes_one_of_ours_by_hand(figure: float, changed: dict[str, object], value: float | None) -> None:
    assert read_as(figure, **changed) == value


@pytest.mark.parametrize(
    ("value", "figure"),
    [
        (Value("number", 3.0), 3.0),
        (Value("text", b"23.5\0"), 23.5),
        (Value("text", b" -4 "), -4.0),
        (Value("opaque", bytes.fromhex("9f780441bc0000")), 23.5),
        (Value("opaque", bytes.fromhex("9f79084037800000000000")), 23.5),
    ],
)
def test_what_an_agent_tells_is_a_figure(value: Value, figure: float) -> None:
    assert figure_of(value) == figure


@pytest.mark.parametrize(
    "value",
    [
        Value("counter"),
        Value("absent"),
        Value("other"),
        Value("text", b"23,5"),
        Value("text", b"23.5 C"),
        Value("text", b"nan"),
        Value("text", b""),
        Value("opaque", bytes.fromhex("9f78047fc00000")),  # not a number
        Value("opaque", b"\x9f\x78\x04\x41"),
    ],
)
def test_what_is_no_figure_is_said(value: Value) -> None:
    with pytest.raises(Malformed):
        figure_of(value)


@given(st.binary(max_size=40), st.sampled_from(["text", "opaque"]))
def test_whatever_bytes_come_they_are_a_finite_figure_or_malformed(held: bytes, kind: str) -> None:
    with suppress(Malformed):
        assert abs(figure_of(Value(kind, held))) < float("inf")


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_an_object_identifier_comes_back(rest: list[int]) -> None:
    oid = (1, 3, *rest)
    assert parse_oid(format_oid(oid)) == oid


@given(st.text(max_size=30))
def test_whatever_text_comes_it_is_an_object_identifier_or_malformed(text: str) -> None:
    with suppress(Malformed):
        assert parse_oid(text)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"oid": "iso.3.6"}, "object identifier"),
        ({"oid": "3.1"}, "object identifier"),
        ({"quantity": "rack_temperature"}, "sensor"),
        ({"quantity": "noise"}, "place"),
        ({"quantity": "ups_runtime"}, "ups"),
        ({"unit": "rankine"}, "celsius, fahrenheit or kelvin"),
        ({"divisor": 0}, "whole number"),
        ({"none": ["x"]}, "whole numbers"),
        ({"status": COLUMN}, "ok"),
        ({"rows": {}}, "at least one line"),
        ({"rows": {"a": "r1"}}, "an index"),
        ({"rows": {"1": "r1"}, "sensor": "r2"}, "either rows"),
        ({"colour": "red"}, "known options"),
    ],
)
def test_a_reading_that_cannot_be_is_refused_by_name(changed: dict[str, object], words: str) -> None:
    with pytest.raises(BadOption, match=words):
        mapped({**READING, **changed})


def test_what_would_be_stated_twice_under_one_name_is_refused() -> None:
    with pytest.raises(BadOption, match="another sensor"):
        mapped(READING, {**READING, "oid": f"{COLUMN}.2"})
    panel: dict[str, object] = {"name": "panel", "oid": OID, "raised": ["2"], "system": "fire_panel"}
    with pytest.raises(BadOption, match="another name"):
        mapped(alerts=(panel, panel))
    with pytest.raises(BadOption, match="signal or system"):
        mapped(alerts=({"name": "panel", "oid": OID, "raised": ["2"]},))
    with pytest.raises(BadOption, match="1 to 500"):
        mapped()


def test_two_readings_share_a_column_and_no_row_is_said_to_be_unnamed() -> None:
    found = mapped(
        {"oid": COLUMN, "quantity": "rack_temperature", "rows": {"1": "r1"}},
        {"oid": COLUMN, "quantity": "rack_humidity", "rows": {"2": "r1"}},
    )
    values = {parse_oid(f"{COLUMN}.{row}"): Value("number", 1.0) for row in (1, 2, 3)}
    assert [format_oid(oid) for oid in found.unmapped(values)] == [f"{COLUMN}.3"]
    assert found.objects() == []


def test_what_is_fed_follows_from_what_is_mapped() -> None:
    assert Snmp.from_options(options_of_example(Snmp)).feeds == ("reading", "noise", "alert")


@pytest.fixture
def community(tmp_path: Path) -> Path:
    path = tmp_path / "community"
    path.write_text("canary\n")
    return path


def read(port: int, community: Path, **changed: object) -> None:
    given = {"host": "127.0.0.1", "port": port, "version": "2c", "community_file": str(community), "look_timeout": "2s"}
    rows: dict[str, object] = {"oid": COLUMN, "quantity": "rack_temperature", "rows": {"1": "r1"}}
    read_all(Snmp.from_options(Options({**given, "readings": [rows], **changed})), now=NOON, zone=ZONE)


def test_a_walk_that_is_whole_is_read_over_several_answers(community: Path) -> None:
    asked: list[str] = []

    def answer(is_bulk: bool, after: str) -> Answer:
        asked.append(after)
        row = int(after.removeprefix(COLUMN).strip(".") or 0) + 1
        return 0, [(f"{COLUMN}.{row}", 20)] if row < 4 else [(f"{COLUMN[:-1]}2.1", 7)]

    with lying_agent(answer) as port:
        read(port, community)
    assert asked == [COLUMN, f"{COLUMN}.1", f"{COLUMN}.2", f"{COLUMN}.3"]


@pytest.mark.parametrize(
    ("after_first", "reason", "words"),
    [
        ((0, []), Reason.UNREADABLE, "in the middle of a table"),
        ((0, [(f"{COLUMN}.1", 20)]), Reason.UNREADABLE, "repeats rows"),
        ((1, []), Reason.LIMITED, "tooBig"),
        ((5, []), Reason.UNREADABLE, "genErr"),
        (None, Reason.TIMEOUT, "did not answer"),
        (b"\x30\x03abc", Reason.TIMEOUT, "did not answer"),
    ],
)
def test_a_walk_that_is_cut_short_is_no_shorter_table(
    community: Path, after_first: Answer | bytes | None, reason: Reason, words: str
) -> None:
    def answer(is_bulk: bool, after: str) -> Answer | bytes | None:
        return (0, [(f"{COLUMN}.1", 20)]) if after == COLUMN else after_first

    with lying_agent(answer) as port, refusal(reason, words):
        read(port, community)


def test_a_walk_without_end_is_ended(community: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snmp_agent, "MOST_ROWS", 300)

    def answer(is_bulk: bool, after: str) -> Answer:
        first = int(after.removeprefix(COLUMN).strip(".") or 0) + 1
        return 0, [(f"{COLUMN}.{row}", 20) for row in range(first, first + 100)]

    with lying_agent(answer) as port, refusal(Reason.FLOOD, "more than 300 rows"):
        read(port, community, look_timeout="20s")


def test_an_answer_of_other_objects_is_no_answer(community: Path) -> None:
    one: dict[str, object] = {"oid": OID, "quantity": "floor_co2"}
    with (
        lying_agent(lambda is_bulk, after: (0, [(f"{OID}.1", 500)])) as port,
        refusal(Reason.UNREADABLE, "other objects"),
    ):
        read(port, community, readings=[one])


def test_a_password_too_short_and_a_name_that_nobody_knows_are_told(community: Path) -> None:
    with refusal(Reason.UNREADABLE, "at least 8 characters"):
        files = {"auth_password_file": str(community), "privacy_password_file": str(community)}
        read(161, community, version="3", user="ccmm", **files)
    with refusal(Reason.UNREACHABLE, "is the name known"):
        read(161, community, host="no-such-host.invalid")


def test_a_look_much_later_leaves_a_hole(community: Path) -> None:
    source = {"host": "127.0.0.1", "version": "2c", "community_file": str(community)}
    one: dict[str, object] = {"oid": OID, "quantity": "floor_co2"}
    spans: list[Span | None] = []
    cursor = b""
    with lying_agent(lambda is_bulk, after: (0, [(OID, 500)])) as port:
        built = Snmp.from_options(Options({**source, "port": port, "readings": [one]}))
        for minute in (0, 10, 60, 70, 75):
            _, done = read_all(built, cursor=cursor, now=NOON + timedelta(minutes=minute), zone=ZONE)
            spans, cursor = [*spans, done.covers], done.cursor
    assert spans == [None, None, None, None, (NOON + timedelta(hours=1), NOON + timedelta(minutes=75))]
