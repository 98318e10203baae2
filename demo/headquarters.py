"""The demo's collector: the real program, on loopback, in a folder of its own."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from demo.book.figures import STEPS
from demo.book.office import KEY_FIGURES, TARGETS
from demo.center import BIN, end, run
from demo.characters import Character

HEADINGS = """
    D1_culture_strategy D2_management_system D3_environment D4_information_system D5_emergency D6_security
    D7_improvement E1_process E2_people E3_technology I1_strategy_process I2_tools
    I3_new_services I4_cx_innovation M1_performance_system M2_data_integrity M3_indicators M4_results
    O1_downstream O2_upstream
"""
SCOPE = (
    "zone=Asia/Shanghai",
    'queues=["support","sales"]',
    'systems=["ldap"]',
    'services=["voice","crm"]',
    'sensors=["rack-1","rack-2"]',
    'ups=["ups-1"]',
    'projects=["acme"]',
    'risk_classes=["platform","people","power","disaster","fire","network","surge","security"]',
    "seats=14",
    'channels=["voice"]',
    'shifts=["day"]',
    'reports=["monthly"]',
    f"key_kpis={json.dumps(list(KEY_FIGURES))}",
    f"key_processes={json.dumps(list(STEPS))}",
    *(f'metrics.{process}=["fcr"]' for process in STEPS),
    *(f"target.{metric}={target}" for metric, target in TARGETS.items()),
    "target.floor_exits=20",
    "target.service_level=80",
    "target.qa_score=85",
    'evidence_systems=["pbx","crm","doors"]',
    f"headings={json.dumps(HEADINGS.split())}",
    'open_hours=["mon-sun 09:00-18:00"]',
    "gov_hotline=false",
    "cards=false",
    "outbound=false",
    "ai=false",
    "digital=false",
    "dedicated_floors=false",
    "many_people=false",
    "central_body=false",
    "critical_infrastructure=false",
    "home_agents=false",
    "outsourced=false",
    "recording_days=30",
    "third_party=true",
    'clients=["acme"]',
)


def scope_of(character: Character) -> tuple[str, ...]:
    """The scope answers of a center, KEY=VALUE."""
    return SCOPE


class Headquarters:
    """Starts `ccmm-collector serve` and asks it."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        run("ccmm-collector", "init", str(folder), "--name", "demo", "--address", "127.0.0.1:0")
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [BIN / "ccmm-collector", "serve", folder], stdout=subprocess.PIPE, stderr=self._log
        )
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout
        timer = threading.Timer(30, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line.startswith(b"ready"):
            raise RuntimeError("the collector did not start: see its log in the demo's folder")

    def invite(self, character: Character) -> str:
        """Answer the scope questions of a center and make its join code."""
        run("ccmm-collector", "scope", str(self.folder), character.id, *scope_of(character))
        return run("ccmm-collector", "invite", str(self.folder), character.id).split()[0]

    def verdicts(self, character: Character, index: int) -> dict[str, Any]:
        """What `ccmm-collector verdicts --json` says, the level and every rule, once it rests on this log entry."""
        while True:
            answer: dict[str, Any] = json.loads(
                run("ccmm-collector", "verdicts", str(self.folder), character.id, "--json")
            )
            if answer["level"]["log_index"] >= index:
                return answer

    def stop(self) -> None:
        """Drain and end."""
        end(self._process)
        self._log.close()
