"""A real slapd of the Debian package on a loopback port, loaded with the captured directory.

The people are loaded with slapadd (operational attributes included); the groups over the wire afterwards, because the
memberof overlay works on the wire only. The captured hashes of the service account and of three people are replaced
by passwords of this test.
"""

import base64
import hashlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from ldap3 import SIMPLE, Connection, Server

from tests.support.processes import running

SUFFIX = "dc=contact,dc=example"
PEOPLE = f"ou=people,{SUFFIX}"
READER = f"uid=svc-compliance,ou=services,{SUFFIX}"
ROOT = f"cn=admin,{SUFFIX}"
PASSWORD = "reader-of-this-test"
ROOT_PASSWORD = "root-of-this-test"
LOADED = "20261122060116Z"  # when the captured directory was filled; its ages are seen from here
_SEARCHED = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")


@dataclass(frozen=True, slots=True)
class Slapd:
    """A running server. `ca` signed its certificate for localhost."""

    port: int
    tls_port: int
    ca: Path
    folder: Path

    def connect(self, dn: str = ROOT, password: str = ROOT_PASSWORD) -> Connection:
        """A bound connection of the test itself, for changing the directory."""
        server = Server("127.0.0.1", port=self.port, get_info="NO_INFO")
        return Connection(server, user=dn, password=password, authentication=SIMPLE, auto_bind=True, check_names=False)

    def fails_to_bind(self, dn: str, times: int = 1) -> None:
        """Tries a wrong password so often."""
        for _ in range(times):
            server = Server("127.0.0.1", port=self.port, get_info="NO_INFO")
            connection = Connection(server, user=dn, password="wrong", authentication=SIMPLE)
            assert not connection.bind()
            connection.unbind()


@contextmanager
def running_slapd(captured: Path, folder: Path, *, size_limit_paged: str = "unlimited") -> Iterator[Slapd]:
    """Starts it, gives it, stops it. Skips where slapd is not installed."""
    slapd, slapadd = _program("slapd"), _program("slapadd")
    server = Slapd(_free_port(), _free_port(), folder / "ca.pem", folder)
    _write_configuration(captured, folder, server, size_limit_paged)
    load = folder / "load.ldif"
    load.write_text(_with_passwords((captured / "load.ldif").read_text("utf-8")), "utf-8")
    configuration = str(folder / "slapd.conf")
    subprocess.run(
        [slapadd, "-f", configuration, "-b", SUFFIX, "-l", str(load)], check=True, capture_output=True, timeout=60
    )
    urls = f"ldap://127.0.0.1:{server.port}/ ldaps://127.0.0.1:{server.tls_port}/"
    with running([slapd, "-f", configuration, "-h", urls, "-d", "0"], folder / "slapd.out") as process:
        _wait_for(server, process)
        _add_groups(server, (captured / "groups.ldif").read_text("utf-8"))
        yield server


def _program(name: str) -> str:
    found = shutil.which(name) or next((shutil.which(name, path=folder) for folder in _SEARCHED), None)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package slapd)")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_configuration(captured: Path, folder: Path, server: Slapd, size_limit_paged: str) -> None:
    """The captured slapd.conf with paths, certificate and root password of this test."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(server.ca)
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "ldap.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "ldap.crt")
    for database in ("accesslog", "main"):
        (folder / "db" / database).mkdir(parents=True)
    (folder / "run").mkdir()
    text = (captured / "slapd.conf").read_text("utf-8")
    text = text.replace("/srv/lab/ldap/tls/ca.crt", str(server.ca))
    text = text.replace("/srv/lab/ldap/tls/", f"{folder}/").replace("/srv/lab/ldap/", f"{folder}/")
    text = text.replace("size.prtotal=unlimited", f"size.prtotal={size_limit_paged}")
    text = re.sub(r"(?m)^(limits dn\.exact=.*) size=200$", rf"\1 size=200 size.prtotal={size_limit_paged}", text)
    text = re.sub(r"(?m)^rootpw \{SSHA\}.*$", f"rootpw {ROOT_PASSWORD}", text)
    (folder / "slapd.conf").write_text(text, "utf-8")


def _with_passwords(ldif: str) -> str:
    """The passwords of the reader and of u0001 to u0004 become known."""
    entries = ldif.split("\n\n")
    wanted = re.compile(r"dn: uid=(svc-compliance|u000[1-4]),")
    return "\n\n".join(
        re.sub(r"(?m)^userPassword: .*$", f"userPassword: {_ssha(PASSWORD)}", entry) if wanted.match(entry) else entry
        for entry in entries
    )


def _ssha(password: str) -> str:
    salt = b"captures"
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _wait_for(server: Slapd, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"slapd ended: {(server.folder / 'slapd.out').read_text('utf-8', 'replace')}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.tls_port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("slapd did not answer within 20 s")


def _add_groups(server: Slapd, ldif: str) -> None:
    connection = server.connect()
    for text in filter(None, (part.strip() for part in ldif.split("\n\n"))):
        pairs = [line.split(": ", 1) for line in text.splitlines()]
        members = [value for name, value in pairs if name == "member"]
        values = {"cn": next(value for name, value in pairs if name == "cn"), "member": members}
        assert connection.add(pairs[0][1], ["groupOfNames"], values), connection.result  # type: ignore[no-untyped-call]
    connection.unbind()
