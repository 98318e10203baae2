"""A real domain controller of Active Directory: Samba of the Debian packages, on a loopback address of its own.

It is provisioned into a folder (some five seconds), filled from LDIF by Samba's own library, which may write what no
client may (times of log-ins and locks), and serves LDAP only. Ports 389 and 636 are fixed, so it needs root.
"""

import base64
import os
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
from ldap3 import SIMPLE, Connection, Server, Tls

from tests.support.processes import running

SUFFIX = "DC=center,DC=example"
DOMAIN = "center.example"
ADMINISTRATOR = f"Administrator@{DOMAIN}"
ROOT_PASSWORD = "Root-0f-this-test"
LDAP, LDAPS = 389, 636
_PACKAGES = "Debian packages samba-ad-dc, samba-ad-provision and what they need"
_FILL = """
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

parameters = LoadParm()
parameters.load(sys.argv[1])
database = SamDB(url=sys.argv[2], session_info=system_session(), lp=parameters)
database.transaction_start()
for text in sys.stdin.read().split("\\n\\n"):
    if text.strip():
        database.modify_ldif(text, ["relax:0"])
if sys.argv[3]:
    words = "(|(objectClass=attributeSchema)(objectClass=classSchema))"
    schema = database.search(database.get_schema_basedn(), expression=words, attrs=["cn"])
    lines = [f"dn: {sys.argv[3]}", "changetype: modify", "add: member"]
    database.modify_ldif("\\n".join(lines + [f"member: {one.dn}" for one in list(schema)[: int(sys.argv[4])]]))
database.transaction_commit()
"""


@dataclass(frozen=True, slots=True)
class DomainController:
    """A running one. `ca` signed its certificate for `address`."""

    address: str
    ca: Path
    folder: Path

    def bind(self, user: str, password: str) -> Connection:
        """A connection of the test itself, with the answer to its log-in in `result`."""
        server = Server(self.address, port=LDAPS, use_ssl=True, tls=Tls(), get_info="NO_INFO")
        connection = Connection(server, user=user, password=password, authentication=SIMPLE, check_names=False)
        connection.bind()
        return connection

    def fails_to_bind(self, user: str, times: int) -> None:
        """Tries a wrong password so often."""
        for _ in range(times):
            connection = self.bind(f"{user}@{DOMAIN}", "wrong")
            assert connection.result["result"] == 49
            connection.unbind()


def password_of(text: str) -> str:
    """The line of LDIF that sets a password."""
    return "clearTextPassword:: " + base64.b64encode(text.encode("utf-16-le")).decode()


@contextmanager
def running_samba(folder: Path, ldif: str, *, large: str = "", members: int = 0) -> Iterator[DomainController]:
    """Provisions, fills, starts it, gives it, stops it. Skips where it cannot be had.

    `large`: DN of a group that gets so many members more: entries of the forest's own schema, as any entry can be one.
    """
    if any(shutil.which(program) is None for program in ("samba", "samba-tool")):
        pytest.skip(f"samba is not installed ({_PACKAGES})")
    if not Path("/usr/share/samba/setup/provision.ldif").is_file():
        pytest.skip(f"samba cannot make a domain ({_PACKAGES})")
    if os.geteuid() != 0:
        pytest.skip("a domain controller serves ports 389 and 636, which are root's")
    server = DomainController(_address(), folder / "ca.pem", folder)
    configuration = _provision(server)
    _fill(configuration, folder, ldif, large, members)
    options = ["--no-process-group", "--model=single", "--maximum-runtime=900", f"--configfile={configuration}"]
    with running(["samba", "--foreground", *options], folder / "samba.out") as process:
        _wait_for(server, process)
        yield server


def _address() -> str:
    """Of this process alone: tests run side by side."""
    number = os.getpid()
    return f"127.78.{number // 250 % 250 + 1}.{number % 250 + 1}"


def _provision(server: DomainController) -> str:
    folder = server.folder
    authority = trustme.CA()
    authority.cert_pem.write_to_path(server.ca)
    certificate = authority.issue_cert(server.address)
    key, chain = folder / "key.pem", folder / "certificate.pem"
    certificate.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    certificate.cert_chain_pems[0].write_to_path(chain)
    domain = ["--realm=CENTER.EXAMPLE", "--domain=CENTER", "--host-name=dc1", f"--host-ip={server.address}"]
    options = ["--option=server services=ldap", f"--option=log file={folder}/log", f"--adminpass={ROOT_PASSWORD}"]
    _run("samba-tool", "domain", "provision", f"--targetdir={folder}", *domain, *options)
    folders = {word: folder / word.replace(" ", "-") for word in ("cache directory", "pid directory", "ncalrpc dir")}
    for path in folders.values():
        path.mkdir()
    lines = {
        "netbios name": "DC1",
        "workgroup": "CENTER",
        "realm": "CENTER.EXAMPLE",
        "server role": "active directory domain controller",
        "server services": "ldap",
        "interfaces": f"{server.address}/8",
        "bind interfaces only": "yes",
        "private dir": folder / "private",
        "lock directory": folder,
        "state directory": folder / "state",
        "binddns dir": folder / "bind-dns",
        "winbindd socket directory": folder / "winbindd",
        "ntp signd socket directory": folder / "ntp",
        "usershare path": "",
        "logging": "file",
        "log file": folder / "log",
        "tls keyfile": key,
        "tls certfile": chain,
        "tls cafile": server.ca,
        **folders,
    }
    configuration = folder / "smb.conf"
    configuration.write_text("[global]\n" + "".join(f"{word} = {value}\n" for word, value in lines.items()), "utf-8")
    return str(configuration)


def _fill(configuration: str, folder: Path, ldif: str, large: str, members: int) -> None:
    """By the interpreter that samba-tool itself runs in: Samba's library is installed for no other."""
    program = shutil.which("samba-tool")
    assert program is not None
    python = Path(program).read_text("utf-8").splitlines()[0].removeprefix("#!").split()[0]
    database = str(folder / "private" / "sam.ldb")
    _run(python, "-c", _FILL, configuration, database, large, str(members), told=ldif)


def _run(*command: str, told: str = "") -> None:
    done = subprocess.run(command, input=told, capture_output=True, timeout=120, check=False, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def _wait_for(server: DomainController, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"samba ended: {(server.folder / 'samba.out').read_text('utf-8', 'replace')}")
        with suppress(OSError), socket.create_connection((server.address, LDAPS), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("samba did not answer within 30 s")
