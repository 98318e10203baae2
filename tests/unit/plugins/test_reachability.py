"""Looks add up to seconds watched and down, each once; what was not asked is not watched."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccmm_agent.plugin import BadOption, Observation, Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, identity, options_of_example, read_all
from ccmm_plugin_facilities.reachability import Reachability
from ccmm_plugin_facilities.reachability_state import State, parse_state
from ccmm_plugin_facilities.watch import Span
from ccmm_proto.period import to_ms
from ccmm_proto.v1.statement_pb2 import EMPTY, OBSERVED
from tests.support.answering import answering
from tests.support.answering_sip import answer, datagrams

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def trunk() -> Iterator[int]:
    with datagrams(lambda request: [answer(request)]) as port:
        yield port


@pytest.fixture
def site() -> Iterator[int]:
    with answering(lambda stream: None) as port:
        yield port


def options(trunk: int, site: int, **changed: object) -> dict[str, object]:
    targets = [
        {"service": "voice", "ask": "sip", "host": "127.0.0.1", "port": trunk},
        {"service": "second_site", "ask": "tcp", "host": "127.0.0.1", "port": site},
    ]
    return {"observer": "independent", "targets": targets, "call_timeout": "1s", **changed}


def source(trunk: int, site: int, **changed: object) -> Reachability:
    given = Options(options(trunk, site, **changed))
    built = Reachability.from_options(given)
    given.refuse_unknown()
    return built


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def figures(observations: list[Observation]) -> dict[tuple[str, str, int], tuple[float, int]]:
    """(measure, service, minute) → seconds and looks."""
    return {
        (
            one.measure.id,
            next(each.text for each in one.measure.dimensions if each.name == "service"),
            (one.measure.start_ms - to_ms(NOON)) // 60_000,
        ): (one.measure.sum.total, one.measure.sum.count)
        for one in observations
    }


def looked(looks: list[tuple[float, dict[str, bool]]]) -> tuple[list[Observation], list[Span], bytes]:
    """Looks at seconds after noon: all that is stated, all that is vouched for, the last cursor."""
    stated: list[Observation] = []
    spans: list[Span] = []
    cursor = b""
    for at_s, is_up in looks:
        state = parse_state(cursor)
        state.look(is_up, to_ms(NOON + timedelta(seconds=at_s)), gap_ms=90_000)
        more, covers = state.close("independent")
        stated, spans, cursor = stated + more, spans + ([covers] if covers else []), state.to_cursor()
    return stated, spans, cursor


def test_a_source_that_works_and_one_whose_witness_fails_too(trunk: int, site: int) -> None:
    witness = {"host": "127.0.0.1", "port": closed_port()}
    check_source(healthy=source(trunk, site, witness=witness), broken=source(closed_port(), site, witness=witness))


def test_five_minutes_of_looks_are_five_minutes_watched() -> None:
    stated, spans, _ = looked([(minute * 60, {"voice": minute not in (2, 3)}) for minute in range(6)])
    assert figures(stated) == {("probe_watched", "voice", 0): (300.0, 5), ("probe_down", "voice", 0): (120.0, 2)}
    assert spans == [(NOON, NOON + timedelta(minutes=5))]


def test_a_service_without_an_outage_says_so() -> None:
    stated, _, _ = looked([(minute * 60, {"voice": True}) for minute in range(6)])
    assert figures(stated)[("probe_down", "voice", 0)] == (0.0, 0)


def test_the_time_before_the_first_look_and_in_a_gap_is_watched_by_nobody() -> None:
    looks = [(120.0, {"voice": True}), (180.0, {"voice": True}), (600.0, {"voice": False}), (660.0, {"voice": False})]
    stated, spans, _ = looked([*looks, (720.0, {"voice": True}), (780.0, {"voice": True}), (840.0, {"voice": True})])
    assert figures(stated) == {("probe_watched", "voice", 0): (60.0, 1), ("probe_down", "voice", 0): (0.0, 0)}
    assert spans == []
    later, spans, _ = looked([*looks[2:], *((720.0 + 60 * at, {"voice": True}) for at in range(4))])
    assert figures(later)[("probe_down", "voice", 10)] == (60.0, 1)
    assert spans == [(NOON + timedelta(minutes=10), NOON + timedelta(minutes=15))]


def test_a_service_that_is_new_has_no_time_before_its_first_look() -> None:
    looks = [(60.0 * at, {"voice": True, **({"names": True} if at >= 3 else {})}) for at in range(6)]
    stated, _, _ = looked(looks)
    assert figures(stated)[("probe_watched", "names", 0)] == (120.0, 2)
    assert figures(stated)[("probe_watched", "voice", 0)] == (300.0, 5)


def test_a_clock_that_went_back_is_said() -> None:
    with pytest.raises(SourceUnavailable, match="clock of this machine went back"):
        looked([(0.0, {"voice": True}), (330.0, {"voice": True}), (200.0, {"voice": True})])


@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=60))
def test_no_second_is_watched_twice_or_lost(looks: list[tuple[int, bool]]) -> None:
    at, given, watched, down = 0, [], 0, 0
    for number, (gap, is_up) in enumerate(looks):
        at += gap
        given.append((float(at), {"voice": is_up}))
        if number and gap <= 90:
            watched, down = watched + gap, down + (0 if is_up else gap)
    stated, spans, cursor = looked(given)
    open_slots = [slot["voice"] for slot in parse_state(cursor).slots.values()]
    total = {id: sum(one.measure.sum.total for one in stated if one.measure.id == id) for id in Reachability.feeds}
    assert total["probe_watched"] + sum(slot[0] for slot in open_slots) / 1000 == watched
    assert total["probe_down"] + sum(slot[1] for slot in open_slots) / 1000 == down
    assert len({identity(one) for one in stated}) == len(stated)
    assert all(one.measure.sum.total <= 300 for one in stated)
    vouched = sum((end - begin).total_seconds() for begin, end in spans)
    assert vouched <= total["probe_watched"]


@given(st.binary(max_size=60))
def test_a_strange_cursor_is_a_new_beginning(cursor: bytes) -> None:
    assert parse_state(cursor) == State()


def test_real_looks_find_who_is_up_and_who_is_down(trunk: int, site: int) -> None:
    cursor = b""
    stated: list[Observation] = []
    for minute in range(6):
        where = source(trunk if minute != 4 else closed_port(), site)
        found, done = read_all(where, cursor=cursor, now=NOON + timedelta(minutes=minute), zone=ZONE)
        cursor, stated = done.cursor, stated + found
    assert figures(stated)[("probe_down", "voice", 0)] == (60.0, 1)
    assert figures(stated)[("probe_down", "second_site", 0)] == (0.0, 0)
    assert done.covers == (NOON, NOON + timedelta(minutes=5))


def test_it_is_read_in_a_reader_process_by_udp_too(trunk: int, site: int) -> None:
    spec = SourceSpec(name="reachable", plugin="reachability", options=options(trunk, site))
    first = read_source(spec, cursor=b"", now=NOON, zone=ZONE)
    assert (first.outcome, first.reason, first.detail) == (EMPTY, "", "")
    cursor = first.cursor or b""
    assert parse_state(cursor).asked == {"voice", "second_site"}
    for minute in range(1, 6):
        reading = read_source(spec, cursor=cursor, now=NOON + timedelta(minutes=minute), zone=ZONE)
        cursor = reading.cursor or b""
    assert reading.outcome == OBSERVED
    assert {value for key, value in figures(list(reading.observations)).items() if key[0] == "probe_down"} == {(0.0, 0)}


def test_an_outage_of_our_own_line_is_no_outage_of_the_services(site: int) -> None:
    blind = source(closed_port(), site, witness={"host": "127.0.0.1", "port": closed_port()})
    with pytest.raises(SourceUnavailable, match=r"witness .* fails too") as caught:
        read_all(blind, now=NOON, zone=ZONE)
    assert caught.value.reason is Reason.UNREACHABLE
    seeing = source(closed_port(), site, witness={"host": "127.0.0.1", "port": site})
    assert parse_state(read_all(seeing, now=NOON, zone=ZONE)[1].cursor).asked == {"voice", "second_site"}


def test_targets_that_hang_are_asked_side_by_side() -> None:
    with answering(lambda stream: time.sleep(3)) as port:
        targets = [{"service": f"s{n}", "ask": "tls", "host": "127.0.0.1", "port": port} for n in range(16)]
        begun = time.monotonic()
        read_all(source(0, 0, targets=targets), now=NOON, zone=ZONE)
    assert time.monotonic() - begun < 6


def test_check_says_what_fails_and_what_to_do(trunk: int) -> None:
    lines = {line.subject: line for line in source(trunk, closed_port()).check(Window(cursor=b"", now=NOON, zone=ZONE))}
    assert {subject: line.verdict for subject, line in lines.items()} == {
        "voice": "ok",
        "second_site": "failed",
        "witness": "warning",
    }
    assert "Connection refused" in lines["second_site"].detail
    assert "firewall" in lines["second_site"].detail


@pytest.mark.parametrize(
    "changed",
    [
        {"targets": []},
        {"targets": [{"service": "a", "ask": "icmp", "host": "h"}]},
        {"targets": [{"service": "a", "ask": "tcp", "host": "h"}]},
        {"targets": [{"service": "a", "ask": "dns", "host": "h"}]},
        {"targets": [{"service": "a", "ask": "dns", "host": "h", "name": "not a name"}]},
        {"targets": [{"service": "a", "ask": "sip", "host": "h\r\nVia: x"}]},
        {"targets": [{"service": "a", "ask": "sip", "host": "h"}] * 2},
        {"call_timeout": "11s"},
        {"observer": None},
    ],
)
def test_options_that_cannot_work_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        source(5060, 443, **changed)


def test_every_option_of_the_example_is_known_and_the_manifest_names_all() -> None:
    lines = [line.removeprefix("# ") for line in Reachability.example.strip().splitlines()[1:]]

    class Full(Reachability):
        example = "\n".join(lines)

    found = options_of_example(Full)
    manifest = Reachability.from_options(found).manifest()
    found.refuse_unknown()
    assert ("sbc.carrier.example", 5060) in manifest.endpoints
    assert ("192.0.2.1", 443) in manifest.endpoints
    assert [path.name for path in manifest.files] == ["second-ca.pem"]
