"""Sources of the access control package, each with a system of its own."""

import ssl
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tests.support.every_base import HOST, Builder, Table
from tests.support.tls_servers import tls_server
from tests.support.zk_morning import ZONE, terminal


def card_data(stack: ExitStack, place: Path, now: datetime) -> Table:
    (place / "notes").mkdir()
    (place / "notes" / "call-1.txt").write_text("the customer asks for an invoice\n")
    return {"place": "notes", "folder": place / "notes"}


def tls(stack: ExitStack, place: Path, now: datetime) -> Table:
    port = stack.enter_context(tls_server(ssl.TLSVersion.TLSv1_2))
    return {"endpoints": {"crm": f"{HOST}:{port}"}}


def zkteco(stack: ExitStack, place: Path, now: datetime) -> Table:
    box = terminal()
    box.clock = now.astimezone(ZONE).replace(tzinfo=None)
    port = stack.enter_context(box.running())
    return {"host": HOST, "port": port, "door": "east-gate", "clock_limit": "1h", "settle": "1h"}


BUILDERS: dict[str, Builder] = {
    "card_data": card_data,
    "tls": tls,
    "zkteco": zkteco,
}
