"""Real chronyds that never touch this machine's clock: one alone, one that follows it by a key, one that is lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options, Reason, SourceUnavailable, Window
from ccmm_agent.reading import SourceSpec, read_source
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_facilities import chrony_message
from ccmm_plugin_facilities.clock import Clock
from ccmm_plugin_facilities.clock_ask import Server, ask_chrony
from ccmm_plugin_facilities.look_state import parse_look_state
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE
from tests.support.chronyd import KEYS, Chronyd, running_chronyd

pytestmark = pytest.mark.live

ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PATIENCE_S = 60.0
SECRETS = [key.removeprefix("HEX:") for _, key in KEYS.values()]


@dataclass(frozen=True, slots=True)
class Room:
    """`source`: its own clock is all it follows; `good` follows it; `lost` follows nothing."""

    source: Chronyd
    good: Chronyd
    lost: Chronyd
    folder: Path

    def reference(self, key: int = 3, **changed: object) -> dict[str, object]:
        type, text = KEYS[key]
        path = self.folder / f"key{key}"
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        keyed = {"key_id": key, "key_type": type.lower(), "key_file": str(path)}
        return {"host": "127.0.0.1", "port": self.good.port, **keyed, **changed}

    def options(self, **reference: object) -> dict[str, object]:
        systems = [
            {"source": "own", "ask": "own"},
            {"source": "lost", "ask": "ntp", "host": "127.0.0.1", "port": self.lost.port},
            {"source": "told_lost", "ask": "chrony", "host": "127.0.0.1", "port": self.lost.command_port},
            {"source": "told_good", "ask": "chrony", "host": "127.0.0.1", "port": self.good.command_port},
            {"source": "told_alone", "ask": "chrony", "host": "127.0.0.1", "port": self.source.command_port},
        ]
        return {"references": [self.reference(**reference)], "systems": systems}  # type: ignore[arg-type]  # key is one


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("clocks")
    with running_chronyd(folder / "source", "local stratum 3") as source:
        line = f"server 127.0.0.1 port {source.port} iburst minpoll -4 maxpoll -4 key 3"
        with (
            running_chronyd(folder / "good", line, until=lambda told: told.startswith("7F000001")) as good,
            running_chronyd(folder / "lost") as lost,
        ):
            yield Room(source, good, lost, folder)


def source(options: dict[str, object]) -> Clock:
    given = Options(options)
    built = Clock.from_options(given)
    given.refuse_unknown()
    return built


@contextmanager
def refusal(reason: Reason, words: str) -> Iterator[None]:
    with pytest.raises(SourceUnavailable, match=words) as caught:
        yield
    assert caught.value.reason is reason
    assert not any(secret in caught.value.detail for secret in SECRETS)


def test_the_source_keeps_the_contract_with_real_daemons(room: Room) -> None:
    window = Window(cursor=b"", now=datetime.now(UTC), zone=ZONE)
    check_source(healthy=source(room.options()), broken=source(room.options(port=1)), window=window)


@pytest.mark.parametrize("key", KEYS)
def test_each_type_of_key_is_taken_and_the_clocks_are_as_they_are(room: Room, key: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        _, done = read_all(source(room.options(key=key)), now=NOON, zone=ZONE)
        (quarter,) = parse_look_state(done.cursor).quarters.values()
        found = {tuple(word for word in key.split('"') if word.islower()): held[2] for key, held in quarter.items()}
        offsets = {words[-1]: value for words, value in found.items() if "clock_offset" in words}
        if max(offsets[name] for name in ("own", "lost", "told_good")) < 50 or time.monotonic() > until:
            break
        time.sleep(1)  # a daemon that waits for a busy machine is less certain of its time
    strata = {words[-1]: value for words, value in found.items() if "clock_stratum" in words}
    assert offsets["own"] < 50  # all of them read the clock of this machine
    assert offsets["lost"] < 50
    assert offsets["told_good"] < 50
    assert (offsets["told_lost"], offsets["told_alone"]) == (16_000, 16_000)
    assert strata == {"lost": 16, "told_lost": 16, "told_alone": 16, "told_good": 4}
    assert done.detail == "the reference is in a private network"
    assert not any(secret.encode() in done.cursor for secret in SECRETS)


def test_what_chronyd_tells_over_the_wire_is_what_its_own_client_tells(room: Room) -> None:
    for daemon in (room.good, room.lost, room.source):
        over_wire = ask_chrony(Server(host="127.0.0.1", port=daemon.command_port))
        by_client = chrony_message.parse_csv(daemon.chronyc("tracking"))
        assert (over_wire.stratum, over_wire.is_synchronised) == (by_client.stratum, by_client.is_synchronised)
        assert over_wire.error_s == pytest.approx(by_client.error_s, abs=0.001)


def test_a_reference_that_follows_only_itself_or_nothing_is_none(room: Room) -> None:
    for port in (room.source.port, room.lost.port):
        with refusal(Reason.UNREACHABLE, "follows no other clock itself"):
            read_all(
                source({**room.options(port=port), "systems": [{"source": "own", "ask": "own"}]}), now=NOON, zone=ZONE
            )


def test_a_wrong_key_and_a_stopped_server_are_told(room: Room) -> None:
    wrong = room.folder / "wrong"
    wrong.write_text("HEX:" + "dd" * 32)
    for changed in ({"key_file": str(wrong)}, {"key_id": 9}, {"port": 1}):
        with refusal(Reason.UNREACHABLE, "no reference: "):
            read_all(source(room.options(**changed)), now=NOON, zone=ZONE)


def test_check_says_what_each_clock_is(room: Room) -> None:
    lines = list(source(room.options()).check(Window(cursor=b"", now=NOON, zone=ZONE)))
    verdicts = {line.subject: line.verdict for line in lines}
    assert verdicts == {
        "password file": "ok",
        "references": "warning",  # on this machine, so in a private network
        "own": "ok",
        "lost": "warning",
        "told_lost": "warning",
        "told_good": "ok",
        "told_alone": "warning",
    }
    assert not any(secret in line.detail for line in lines for secret in SECRETS)


def test_it_is_read_in_a_reader_process_with_all_that_it_needs(room: Room) -> None:
    spec = SourceSpec(name="clocks", plugin="clock", options=room.options())
    now = datetime.now(UTC)
    first = read_source(spec, cursor=b"", now=now, zone=ZONE)
    second = read_source(spec, cursor=first.cursor or b"", now=now + timedelta(minutes=16), zone=ZONE)
    assert (second.outcome, second.detail) == (OBSERVED, "the reference is in a private network")
    assert len(second.observations) == 9  # five offsets, and four strata
    gone = read_source(
        SourceSpec(name="clocks", plugin="clock", options=room.options(port=1)), cursor=b"", now=now, zone=ZONE
    )
    assert (gone.outcome, gone.reason, gone.cursor) == (UNAVAILABLE, Reason.UNREACHABLE, None)
