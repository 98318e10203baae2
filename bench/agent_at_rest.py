"""An agent with three sources at `every = "15m"`, at rest: its memory, and its processor time with its readers'."""

import os
import subprocess
import time
from pathlib import Path

from bench.collector import BIN, Collector

IDLE_S = 60
EVERY_S = 900
TICK = os.sysconf("SC_CLK_TCK")
SOURCES = """
jitter = "1s"
[[source]]
name = "pbx"
plugin = "asterisk"
every = "15m"
queue_log = "{place}/queue_log"
[[source]]
name = "papers"
plugin = "documents"
every = "15m"
folder = "{place}/papers"
[[source]]
name = "roster"
plugin = "table"
every = "15m"
path = "{place}/person.csv"
kind = "person"
key = "person"
columns = {{ active = "active" }}
"""


def measure(collector: Collector, place: Path) -> tuple[float, float]:
    """(resident MiB of the agent, share of one core in percent, readers included)."""
    _systems(place)
    folder = place / "agent"
    code = collector.codes(1)[0]
    subprocess.run([BIN / "ccmm-agent", "join", code, folder, "--zone", "UTC"], check=True, capture_output=True)
    (folder / "agent.toml").write_text('zone = "UTC"' + SOURCES.format(place=place))
    agent = subprocess.Popen([BIN / "ccmm-agent", "run", folder], stderr=subprocess.DEVNULL)
    try:
        _until_read(agent.pid)
        own, readers = _seconds(agent.pid)
        time.sleep(IDLE_S)
        own_later, readers_later = _seconds(agent.pid)
        idle = (own_later - own + readers_later - readers) / IDLE_S
        return _resident_mib(agent.pid), 100 * (idle + readers / EVERY_S)
    finally:
        agent.terminate()
        agent.wait(30)


def _systems(place: Path) -> None:
    (place / "papers").mkdir()
    (place / "papers" / "plan.md").write_text('+++\nclass = "emergency_plan"\n+++\n')
    (place / "person.csv").write_text("person,active\n" + "".join(f"a{n},yes\n" for n in range(50)))
    start = int(time.time()) - 7200
    lines = [f"{start + n}|C{n}|support|NONE|ENTERQUEUE||139{n:08d}|1\n" for n in range(500)]
    (place / "queue_log").write_text("".join(lines))


def _until_read(pid: int) -> None:
    """Until the readers of the first round are done and nothing has happened for five seconds."""
    calm, before = 0, -1.0
    while calm < 5 or before == 0:
        time.sleep(1)
        seconds = _seconds(pid)[1]
        calm, before = (calm + 1, seconds) if seconds == before else (0, seconds)


def _seconds(pid: int) -> tuple[float, float]:
    """Processor seconds of the process, and of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / TICK for field in fields[11:15])
    return user + system, children_user + children_system


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the agent is gone")
