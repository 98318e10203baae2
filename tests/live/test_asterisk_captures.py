"""The Asterisk sources on what a real Asterisk 22 left behind, against counts made here by other means."""

import gzip
import json
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from google.protobuf import json_format

from ccmm_agent.plugin import Observation, Reason, SourceUnavailable, Window
from ccmm_agent.testing import check_source, read_all
from ccmm_plugin_telephony.asterisk.ami import Endpoint
from ccmm_plugin_telephony.asterisk.ami_facts import excess_of
from ccmm_plugin_telephony.asterisk.ami_protocol import Framer, Message, parse_commands, parse_greeting
from ccmm_plugin_telephony.asterisk.ami_source import ManagerInterface
from ccmm_plugin_telephony.asterisk.cdr_source import CallRecords
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from ccmm_plugin_telephony.asterisk.recordings_source import Recordings
from ccmm_proto.histogram import within
from ccmm_proto.v1.statement_pb2 import Outcome, Roll, Run

pytestmark = pytest.mark.live
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
WINDOW = Window(cursor=b"", now=NOW, zone=UTC_ZONE)
NAMED = re.compile(r"(?P<started>\d{8}T\d{6}Z)-(?P<queue>[a-z]+)-\d+-(?P<call>.+)")
KNOWN = {  # entered, answered, abandoned, answered within 20 s: as the captures' README has them of another program
    "support": (815, 629, 186, 622),
    "sales": (291, 237, 54, 237),
    "emergency": (103, 96, 7, 96),
}


@pytest.fixture
def queue_log(captures: Path, tmp_path: Path) -> Path:
    path = tmp_path / "asterisk" / "queue_log"
    path.parent.mkdir()
    path.write_bytes(gzip.decompress((captures / "asterisk-22/queue_log.gz").read_bytes()))
    return path


def moved_into_the_past(path: Path) -> None:
    """By whole quarter hours, for a machine whose clock is before the capture: the command reads the real clock."""
    lines = [text.partition("|") for text in path.read_text().splitlines()]
    ahead_s = int(lines[-1][0]) + 7200 - int(datetime.now(UTC).timestamp())
    shift_s = max(0, -(-ahead_s // 900) * 900)
    path.write_text("".join(f"{int(at) - shift_s}|{rest}\n" for at, _, rest in lines))


def counted(path: Path) -> dict[str, tuple[int, int, int, int]]:
    """A plain pass over the text, sharing nothing with the plugin: count words per queue, compare one field."""
    words: Counter[tuple[str, str]] = Counter()
    in_time: Counter[str] = Counter()
    for text in path.read_text().splitlines():
        cells = text.split("|")
        words[cells[2], cells[4]] += 1
        in_time[cells[2]] += cells[4] == "CONNECT" and int(cells[5]) <= 20
    return {
        queue: (words[queue, "ENTERQUEUE"], words[queue, "CONNECT"], words[queue, "ABANDON"], in_time[queue])
        for queue in {name for name, word in words if word == "ENTERQUEUE"}
    }


def stated(observations: list[Observation]) -> dict[str, tuple[int, int, int, int]]:
    """The same four numbers from the observations."""
    sums: Counter[tuple[str, str]] = Counter()
    for measure in (one.measure for one in observations if one.HasField("measure")):
        queue = next((dimension.text for dimension in measure.dimensions if dimension.name == "queue"), "")
        assert measure.revision == 0
        if measure.id == "wait_answered":
            sums[queue, "within"] += within(measure.histogram.buckets, 20)
        elif measure.HasField("count"):
            sums[queue, measure.id] += measure.count
    ids = ("calls_offered", "calls_answered", "calls_abandoned", "within")
    queues = {queue for queue, id in sums if id == "calls_offered"}
    return {queue: tuple_of([sums[queue, id] for id in ids]) for queue in queues}


def tuple_of(numbers: list[int]) -> tuple[int, int, int, int]:
    offered, answered, abandoned, in_time = numbers
    return offered, answered, abandoned, in_time


def keys(observations: list[Observation], kind: str) -> list[str]:
    found = [one.roll for one in observations if one.HasField("roll") and one.roll.kind == kind]
    return [key for roll in found for key in roll.clear_key]


def column(roll: Roll, name: str) -> list[int]:
    return list(next(column for column in roll.columns if column.name == name).number)


@pytest.mark.parametrize("batch_bytes", [8 * 1024 * 1024, 16 * 1024])
def test_the_queue_log_gives_what_an_independent_count_gives(queue_log: Path, batch_bytes: int) -> None:
    observations, done = read_all(QueueLog(queue_log=queue_log, batch_bytes=batch_bytes), now=NOW, zone=UTC_ZONE)
    assert stated(observations) == counted(queue_log) == KNOWN
    assert done.covers is not None
    assert done.covers[1] == datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def test_the_agents_own_command_gives_the_same_from_its_isolated_reader(queue_log: Path, tmp_path: Path) -> None:
    moved_into_the_past(queue_log)
    folder = tmp_path / "agent"
    folder.mkdir()
    source = f'[[source]]\nname = "pbx"\nplugin = "asterisk"\nevery = "15m"\nqueue_log = "{queue_log}"\n'
    (folder / "agent.toml").write_text(f'zone = "Asia/Shanghai"\n{source}')
    command = [sys.executable, "-m", "ccmm_agent.main", "collect", str(folder), "--source", "pbx", "--json"]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr.decode()
    runs = [json_format.ParseDict(run, Run()) for run in json.loads(ran.stdout)["runs"]]
    assert {Outcome.Name(run.outcome) for run in runs} == {"OBSERVED"}
    assert stated([observation for run in runs for observation in run.observations]) == counted(queue_log)
    assert b"Agent 2001" not in ran.stdout
    assert b"C26975-00001" not in ran.stdout  # call ids and people leave as pseudonyms only


def test_the_queue_log_read_as_it_grew_gives_the_same(queue_log: Path) -> None:
    """Read every minute while it was written, cut at any byte, rotated twice: nothing lost, nothing doubled."""
    content = queue_log.read_bytes()
    lines = content.splitlines(keepends=True)
    cursor, observations, covered = b"", list[Observation](), list[tuple[datetime, datetime]]()
    source = QueueLog(queue_log=queue_log)
    start = int(lines[0].split(b"|")[0])
    rotated = {400: "queue_log.2", 900: "queue_log.1"}
    written = 0
    queue_log.write_bytes(b"")
    for minute in range(180):
        now_s = start + 60 * minute
        until = sum(len(text) for text in lines if int(text.split(b"|")[0]) <= now_s)
        torn = max(written, until - minute % 40)
        with queue_log.open("ab") as log:
            log.write(content[written:torn])
        written = torn
        new, done = read_all(source, cursor=cursor, now=datetime.fromtimestamp(now_s, UTC), zone=UTC_ZONE)
        observations, cursor = observations + new, done.cursor
        covered += [done.covers] if done.covers else []
        for size in [size for size in rotated if written > size * 68 and content[written - 1 : written] == b"\n"]:
            queue_log.rename(queue_log.with_name(rotated.pop(size)))
            queue_log.write_bytes(b"")
    assert not rotated
    assert stated(observations) == KNOWN
    assert all(earlier[1] == later[0] for earlier, later in pairwise(covered))


def test_call_rolls_hold_every_entering_and_what_came_of_it(queue_log: Path) -> None:
    observations, _ = read_all(QueueLog(queue_log=queue_log), now=NOW, zone=UTC_ZONE)
    entered = [text.split("|")[1] for text in queue_log.read_text().splitlines() if "|ENTERQUEUE|" in text]
    assert sorted(keys(observations, "call")) == sorted(entered)
    assert len(entered) == 1209  # 1,200 calls, 9 of them transferred blindly into a second queue
    rolls = [one.roll for one in observations if one.HasField("roll") and one.roll.kind == "call"]
    assert sum(flag == 1 for roll in rolls for flag in column(roll, "answered")) == 962


def test_every_source_keeps_the_contract_on_the_captures(queue_log: Path, captures: Path, tmp_path: Path) -> None:
    rows = tmp_path / "cdr" / "Master.csv"
    rows.parent.mkdir()
    rows.write_bytes(gzip.decompress((captures / "asterisk-22/Master.csv.gz").read_bytes()))
    check_source(QueueLog(queue_log=queue_log), QueueLog(queue_log=tmp_path / "no" / "log"), window=WINDOW)
    check_source(CallRecords(cdr=rows), CallRecords(cdr=tmp_path / "no" / "csv"), window=WINDOW)


def test_the_call_records_name_each_call_once_and_as_the_queue_log_does(captures: Path, tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    path.write_bytes(gzip.decompress((captures / "asterisk-22/Master.csv.gz").read_bytes()))
    calls = keys(read_all(CallRecords(cdr=path), now=NOW, zone=UTC_ZONE)[0], "call")
    log = gzip.decompress((captures / "asterisk-22/queue_log.gz").read_bytes()).decode()
    entered = {text.split("|")[1] for text in log.splitlines() if "|ENTERQUEUE|" in text}
    linked = {text.rsplit(",", 2)[1] for text in path.read_text().splitlines()}  # 4,855 rows
    assert len(calls) == len(set(calls)) == len(linked) == 1200
    assert set(calls) < entered
    assert len(entered - set(calls)) == 9  # a transferred call is one call with two enterings


def test_only_recordings_with_sound_are_playable(captures: Path, tmp_path: Path) -> None:
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0"
    sizes: list[int] = []
    for text in (captures / "asterisk-22/recordings.csv").read_text().splitlines():
        size, _, name = text.split(",")
        with (tmp_path / name).open("wb") as sound:
            sound.write(head)
            sound.truncate(int(size))
        sizes.append(int(size))
    observations, _ = read_all(Recordings(folder=tmp_path, name_pattern=NAMED), now=NOW, zone=UTC_ZONE)
    rolls = [one.roll for one in observations if one.HasField("roll")]
    assert len(sizes) == 775
    assert sum(flag for roll in rolls for flag in column(roll, "playable")) == sum(size > 44 for size in sizes) == 625
    (held,) = [one.inventory for one in observations if one.HasField("inventory")]
    told = {a.name: a.value.whole for a in held.entries[0].attributes if a.value.HasField("whole")}
    assert (told["files"], told["empty_files"], told["size_bytes"]) == (775, 150, sum(sizes))
    log = gzip.decompress((captures / "asterisk-22/queue_log.gz").read_bytes()).decode()
    connected = {text.split("|")[1] for text in log.splitlines() if "|CONNECT|" in text}
    playable = {
        key for roll in rolls for key, flag in zip(roll.clear_key, column(roll, "playable"), strict=True) if flag
    }
    assert playable <= connected  # the ids of names are those of the queue log


def messages(folder: Path, name: str) -> list[Message]:
    return list(Framer().feed(next(folder.glob(f"a??-{name}.resp")).read_bytes()))


@pytest.mark.parametrize("user", ["admin", "readonly", "strictro", "badlogin"])
def test_every_answer_of_the_manager_interface_is_understood(captures: Path, user: str) -> None:
    folder = captures / "asterisk-22/ami" / user
    assert parse_greeting((folder / "greeting.bin").read_bytes()) == "11.0.0"
    for answer in sorted(folder.glob("*.resp")):
        blocks = answer.read_bytes().count(b"\r\n\r\n")
        assert len(list(Framer().feed(answer.read_bytes()))) == blocks


def test_what_each_account_could_do_beyond_reading(captures: Path) -> None:
    found = {}
    for user in ("admin", "readonly", "strictro"):
        found[user] = excess_of(parse_commands(messages(captures / "asterisk-22/ami" / user, "ListCommands")[0]))
    assert found["strictro"].by_rights == ()
    assert {"BridgeDestroy", "BridgeKick", "QueueReset", "QueueWithdrawCaller"} <= {*found["strictro"].without_rights}
    assert found["readonly"].by_rights == ("LoggerRotate", "PJSIPQualify", "PJSIPRegister", "PJSIPUnregister")
    assert found["admin"].passwords == ("GetConfig", "GetConfigJSON", "PJSIPShowAuths", "PJSIPShowEndpoint")


@contextmanager
def replayed(folder: Path) -> Iterator[Endpoint]:
    """A listener that answers with the captured bytes, their ActionID replaced by the one that was asked with."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        stream, _ = listener.accept()
        with stream, stream.makefile("rb") as requests:
            stream.sendall((folder / "greeting.bin").read_bytes())
            asked: dict[str, str] = {}
            for text in requests:
                key, _, value = text.decode().strip().partition(": ")
                if key:
                    asked[key] = value
                    continue
                answer = next(folder.glob(f"a??-{asked['Action']}.resp")).read_bytes()
                stream.sendall(re.sub(rb"ActionID: \w+", f"ActionID: {asked['ActionID']}".encode(), answer))

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield Endpoint(host="127.0.0.1", port=listener.getsockname()[1], timeout_s=10)


def read_replayed(folder: Path, tmp_path: Path) -> list[Observation]:
    secret = tmp_path / "secret"
    secret.write_text("any")
    with replayed(folder) as endpoint:
        source = ManagerInterface(endpoint=endpoint, username="any", secret_file=secret)
        return [one for one in source.read(WINDOW) if isinstance(one, Observation)]


@pytest.mark.parametrize(("user", "version"), [("strictro", None), ("readonly", "22.10.1"), ("admin", "22.10.1")])
def test_settings_come_from_captured_answers_with_events_between(
    captures: Path, tmp_path: Path, user: str, version: str | None
) -> None:
    (observation,) = read_replayed(captures / "asterisk-22/ami" / user, tmp_path)
    entries = {entry.key.text: {a.name: a.value for a in entry.attributes} for entry in observation.inventory.entries}
    assert entries["queue/support/strategy"]["value"].text == "rrmemory"
    assert [entries[f"queue/{queue}/service_level"]["number"].number for queue in sorted(KNOWN)] == [10, 30, 20]
    assert not [key for key in entries if "members" in key]
    assert (entries["asterisk/version"]["value"].text if "asterisk/version" in entries else None) == version


def test_the_captured_refusal_of_a_log_in_is_unavailable(captures: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable) as refused:
        read_replayed(captures / "asterisk-22/ami/badlogin", tmp_path)
    assert refused.value.reason is Reason.REFUSED


def test_refusals_of_the_captured_security_log(captures: Path, tmp_path: Path) -> None:
    log = tmp_path / "log" / "security.log"
    log.parent.mkdir()
    log.write_bytes((captures / "asterisk-22/security.log").read_bytes())
    secret = tmp_path / "secret"
    secret.write_text("any")
    with replayed(captures / "asterisk-22/ami/strictro") as endpoint:
        source = ManagerInterface(endpoint=endpoint, username="any", secret_file=secret, security_log=log)
        read = [one for one in source.read(WINDOW) if isinstance(one, Observation)]
    found = [one.occurrence for one in read if one.HasField("occurrence")]
    words = Counter(a.value.text for one in found for a in one.attributes if a.name == "reason")
    text = log.read_text()
    assert words == {"password": text.count('"InvalidPassword"'), "rights": text.count('"RequestNotAllowed"')}
    assert words["password"] == 1
    assert len({one.id.text for one in found}) == len(found)
