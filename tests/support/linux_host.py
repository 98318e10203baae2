"""The files of a Linux host, and how the tests of `linux_auth` read them."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ccmm_agent.plugin import Options
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.linux_auth import LinuxAuth
from ccmm_proto.v1.statement_pb2 import Observation
from tests.support.stated import values_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # day 20779
HASH = "$y$j9T$canary-of-a-hash$abcdefghijklmnop"
PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
zhang:x:1001:1001:Zhang San,E1007:/home/zhang:/bin/bash
li:x:1002:1002:Li Si,E1008:/home/li:/bin/zsh
wang:x:1003:27:Wang Wu:/home/wang:/bin/bash
toor:x:0:0:,:/root:/bin/false
"""
GROUP = "root:x:0:\nsudo:x:27:li\nops:x:1500:zhang\n"
SHADOW = f"""root:*:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
zhang:{HASH}:20000:0:99999:7:::
li:!{HASH}:20100:0:99999:7::20700:
wang::0:0:99999:7:::
toor:!:19000:0:90:7:30::
"""


class Host:
    """The files of one host, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("passwd", PASSWD)
        self.put("group", GROUP)
        self.put("shadow", SHADOW)

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def options(self, *named: str, **changed: object) -> dict[str, object]:
        places = {name: str(self.folder / name) for name in ("passwd", "group", *named)}
        return {"host": "pbx-01", **places, **changed}

    def source(self, *named: str, **changed: object) -> LinuxAuth:
        given_options = Options(self.options(*named, **changed))
        built = LinuxAuth.from_options(given_options)
        given_options.refuse_unknown()
        return built

    def read(self, *named: str, **changed: object) -> tuple[dict[str, dict[str, object]], dict[str, dict[str, object]]]:
        """Accounts without the host, and settings without it."""
        (accounts, settings), _ = read_all(self.source(*named, **changed), now=NOW, zone=SHANGHAI)
        return table(accounts, ""), table(settings, "pbx-01 ")


def table(observation: Observation, prefix: str) -> dict[str, dict[str, object]]:
    return {
        entry.key.text.removeprefix(prefix).removesuffix("@pbx-01"): values_of(entry)
        for entry in observation.inventory.entries
    }


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)
