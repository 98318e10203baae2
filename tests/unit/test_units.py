"""The systemd units of the guides: systemd takes them, little is exposed, and what the agent needs is left to it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
EXPOSED_AT_MOST = {"ccmm-agent.service": 20, "ccmm-collector.service": 15}  # tenths; 100 is everything
DROP_IN = "ccmm-agent-reader.conf"
ISOLATION = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp", "prctl", "capset")
PROCESSES = ("memfd_create", "pidfd_open", "kill", "setsid", "setrlimit", "prlimit64", "setresuid", "setgroups")

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there (Debian package systemd)"
)
of_each_unit = pytest.mark.parametrize("name", EXPOSED_AT_MOST)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def placed(name: str, folder: Path, *, drop_in: bool = False) -> Path:
    """The unit with a program that is there, perhaps with its drop-in."""
    text = re.sub(r"/opt/ccmm/bin/ccmm-\w+", sys.executable, (GUIDES / name).read_text("utf-8"))
    if drop_in:
        service = (GUIDES / DROP_IN).read_text("utf-8").partition("[Service]\n")[2]
        text = text.replace("\n[Install]", f"{service}\n[Install]")
    (folder / name).write_text(text, "utf-8")
    return folder / name


@of_each_unit
def test_systemd_takes_every_line(name: str, tmp_path: Path) -> None:
    for drop_in in (False, *([True] if name == "ccmm-agent.service" else [])):
        done = analyze("verify", "--man=no", placed(name, tmp_path, drop_in=drop_in))
        about = [line for line in done.stderr.splitlines() if name in line or "nknown" in line]
        assert about == []


def test_a_line_that_systemd_does_not_take_would_be_found(tmp_path: Path) -> None:
    unit = placed("ccmm-agent.service", tmp_path)
    unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSytem=strict"))
    assert "ccmm-agent.service" in analyze("verify", "--man=no", unit).stderr


@of_each_unit
def test_little_is_exposed(name: str, tmp_path: Path) -> None:
    threshold = f"--threshold={EXPOSED_AT_MOST[name]}"
    done = analyze("security", "--offline=true", threshold, placed(name, tmp_path))
    assert done.returncode == 0, done.stdout[-300:]
    weaker = placed(name, tmp_path)
    weaker.write_text(
        re.sub(r"^(SystemCallFilter|ProtectSystem|CapabilityBoundingSet)=.*\n", "", weaker.read_text(), flags=re.M)
    )
    assert analyze("security", "--offline=true", threshold, weaker).returncode != 0


def allowed_calls(unit: Path) -> set[str]:
    """Its system call filter with all groups opened."""
    words = " ".join(re.findall(r"^SystemCallFilter=([^~].*)$", unit.read_text("utf-8"), re.MULTILINE)).split()
    found: set[str] = set()
    while words:
        word = words.pop()
        if not word.startswith("@"):
            found.add(word)
            continue
        listed = analyze("syscall-filter", word).stdout.splitlines()[1:]
        words += [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return found


def test_the_agent_may_isolate_its_readers_and_ask_for_the_clock() -> None:
    """Else statements would say `isolation: none` and `clock: local`, and nobody would know why."""
    allowed = allowed_calls(GUIDES / "ccmm-agent.service")
    assert {*ISOLATION, *PROCESSES, "adjtimex"} - allowed == set()
    settings = (GUIDES / "ccmm-agent.service").read_text("utf-8")
    assert not re.search(r"^(ProtectClock|ProcSubset)=", settings, re.MULTILINE)


def test_the_drop_in_gives_what_a_second_account_needs_and_nothing_else() -> None:
    given = re.findall(r"^\w+=(CAP.*)$", (GUIDES / DROP_IN).read_text("utf-8"), re.MULTILINE)
    assert [set(words.split()) for words in given] == [{"CAP_SETUID", "CAP_SETGID", "CAP_KILL"}] * 2


def test_the_guides_name_the_units() -> None:
    agent, collector = ((GUIDES / page).read_text("utf-8") for page in ("it-admin.md", "headquarters.md"))
    assert "(ccmm-agent.service)" in agent
    assert f"({DROP_IN})" in agent
    assert "(ccmm-collector.service)" in collector
