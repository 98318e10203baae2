"""Real `openssl s_server`s: one that takes weak suites, one that takes none, and what OpenSSL itself calls weak."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import trustme

from ccmm_agent.plugin import Options
from ccmm_agent.testing import read_all
from ccmm_plugin_access_control.tls import Tls
from ccmm_plugin_access_control.tls_hello import WEAK

OPENSSL = shutil.which("openssl") or ""
pytestmark = pytest.mark.skipif(not OPENSSL, reason="the package openssl is not installed")


@contextmanager
def s_server(folder: Path, *options: str) -> Iterator[int]:
    """The port of an `openssl s_server` with these options."""
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    command = [OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-cert", str(folder / "server.pem"), "-www", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            yield next(int(line.rpartition(":")[2]) for line in lines if line.startswith("ACCEPT"))
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("options", "is_weak"),
    [
        (("-tls1_2", "-cipher", "ECDHE+AESGCM"), False),
        (("-tls1_3",), False),
        (("-tls1_2", "-cipher", "ECDHE+AESGCM:ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"), True),
        (("-cipher", "ECDHE+AESGCM:AECDH-AES128-SHA:@SECLEVEL=0"), True),
        (("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), True),
    ],
)
def test_what_a_real_server_takes_is_told(tmp_path: Path, options: tuple[str, ...], *, is_weak: bool) -> None:
    with s_server(tmp_path, *options) as port:
        source = Tls.from_options(Options({"endpoints": {"crm": f"127.0.0.1:{port}"}}))
        (one,), _ = read_all(source, now=datetime.now(UTC), zone=ZoneInfo("Asia/Shanghai"))
    found = {each.name: each.value for each in one.inventory.entries[0].attributes}
    assert (found["weak_suites"].flag, found["encrypted"].flag) == (is_weak, True)


def test_all_that_openssl_calls_weak_is_asked_for() -> None:
    command = [OPENSSL, "ciphers", "-V", "aNULL:eNULL:RC4:3DES:DES:EXPORT:IDEA:@SECLEVEL=0"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    codes = {
        int(high + low, 16)
        for line in listed
        if "TLSv1.3" not in line and "PSK" not in line and "SRP" not in line
        for high, low in re.findall(r"0x([0-9A-F]{2}),0x([0-9A-F]{2}) -", line)
    }
    assert len(codes) >= 10
    assert codes <= set(WEAK)
