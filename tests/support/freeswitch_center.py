"""A switch with three agents and two queues, and how the tests of `freeswitch` read it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmm_agent.plugin import Options
from ccmm_plugin_telephony.freeswitch.socket_source import CallCenter
from tests.support.every_base import secret_file
from tests.support.freeswitch import FreeSwitch
from tests.support.queue_logs import at

NINE = int(at("09:00").timestamp())
USERS = {"ccmm@default": ("user-canary", "version callcenter_config"), "poor@default": ("p", "version")}


@pytest.fixture
def switch() -> Iterator[FreeSwitch]:
    agents = {
        "1001@default": ("Available", NINE),
        "1002@default": ("On Break", NINE),
        "1003@default": ("Logged Out", 0),
    }
    tiers = [("support", agent) for agent in agents]
    with FreeSwitch(agents=agents, tiers=tiers, queues=["support", "sales"], users=USERS).running() as running:
        yield running


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return Path(secret_file(tmp_path, "s3cret-canary\n"))


def options(switch: FreeSwitch, secret: Path, **more: object) -> dict[str, object]:
    given_ = {"host": "127.0.0.1", "port": switch.port, "secret_file": str(secret), "connect_timeout": "1s"}
    return {**given_, **more}


def source(switch: FreeSwitch, secret: Path, **more: object) -> CallCenter:
    return CallCenter.from_options(Options(options(switch, secret, **more)))
