"""A real Prometheus and a real Alertmanager, of the Debian packages, on loopback ports, in a folder of the test."""

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import end

_RESEND = "--rules.alert.resend-delay=1s"  # what fired before Alertmanager was found is sent soon
_WAIT_S = 30.0
_ALERTMANAGER = "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n"
_PROMETHEUS = """
global: {evaluation_interval: 1s, scrape_interval: 1s}
rule_files: [FOLDER/rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:PORT"]}]}]}
"""


@dataclass(slots=True)
class Monitoring:
    """Both servers."""

    alertmanager: str
    prometheus: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    def rules(self, **expressions: str) -> None:
        """From now on these rules for alerts, by name; waits until Prometheus has tried them."""
        lines = [f"  - {{alert: {name}, expr: '{e}', labels: {{severity: page}}}}\n" for name, e in expressions.items()]
        (self.folder / "rules.yml").write_text("groups:\n- name: center\n  rules:\n" + "".join(lines))
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self._tried() == set(expressions))

    def firing(self) -> set[str]:
        """Names of the alerts that Alertmanager tells."""
        found = _asked(f"{self.alertmanager}/api/v2/alerts")
        assert isinstance(found, list)
        return {alert["labels"]["alertname"] for alert in found}

    def silence(self, name: str, starts: str, ends: str) -> None:
        """As a person does it who has seen the alert."""
        matcher = {"name": "alertname", "value": name, "isRegex": False, "isEqual": True}
        body = {"matchers": [matcher], "startsAt": starts, "endsAt": ends, "createdBy": "wang", "comment": "seen"}
        request = urllib.request.Request(
            f"{self.alertmanager}/api/v2/silences", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=10).close()

    def _tried(self) -> set[str]:
        found = _asked(f"{self.prometheus}/api/v1/rules")
        assert isinstance(found, dict)
        rules = [rule for group in found["data"]["groups"] for rule in group["rules"]]
        return {rule["name"] for rule in rules if rule["health"] != "unknown"}


@contextmanager
def running_monitoring(folder: Path) -> Iterator[Monitoring]:
    """Starts both, gives them, stops them. Skips where a package is not installed."""
    programs = [shutil.which(name) for name in ("prometheus", "prometheus-alertmanager")]
    if None in programs:
        pytest.skip("not installed: Debian packages prometheus, prometheus-alertmanager")
    prometheus, alertmanager = map(str, programs)
    ports = [_free_port(), _free_port()]
    (folder / "rules.yml").write_text("groups: []\n")
    (folder / "alertmanager.yml").write_text(_ALERTMANAGER)
    config = _PROMETHEUS.replace("FOLDER", str(folder)).replace("PORT", str(ports[1]))
    (folder / "prometheus.yml").write_text(config)
    commands = [
        [prometheus, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", _RESEND],
        [
            alertmanager,
            f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/am",
            "--cluster.listen-address=",
        ],
    ]
    with (folder / "out").open("wb") as out:
        started = [
            subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=out, stderr=out)
            for command, port in zip(commands, ports, strict=True)
        ]
        try:
            running = Monitoring(f"http://127.0.0.1:{ports[1]}", f"http://127.0.0.1:{ports[0]}", folder, started[0])
            wait_until(
                lambda: _is_ready(f"{running.prometheus}/-/ready") and _is_ready(f"{running.alertmanager}/-/ready")
            )
            yield running
        finally:
            end(*started)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Until a question is answered with yes; fails after some seconds."""
    deadline = time.monotonic() + _WAIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not so within {_WAIT_S} s")
        time.sleep(0.2)


def _asked(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _is_ready(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
