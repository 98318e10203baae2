"""A simulated LDAP v3 directory for the demo: real protocol over a real socket, entries from memory, read-only.

It answers simple bind, search with the paged-results control (RFC 2696) and unbind, as slapd does for a read-only
service account. A search that would return more than `size_limit` entries without paging ends with result code 4, as
OpenLDAP's does. Only what the demo needs of BER (X.690) is here: definite lengths, tags of one byte.
"""

import socketserver
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

PAGED_RESULTS = b"1.2.840.113556.1.4.319"
SUCCESS, SIZE_LIMIT_EXCEEDED, INVALID_CREDENTIALS, UNWILLING = 0, 4, 49, 53
MAX_MESSAGE = 1 << 20
SEQUENCE, SET, INTEGER, OCTETS, ENUMERATED = 0x30, 0x31, 0x02, 0x04, 0x0A
BIND, BOUND, UNBIND, SEARCH, FOUND, DONE, CONTROLS = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0xA0
AND, OR, NOT, EQUAL, PRESENT = 0xA0, 0xA1, 0xA2, 0xA3, 0x87

Entry = Mapping[str, Sequence[str]]  # attribute name -> values
Element = tuple[int, bytes]  # tag, content


class Directory(socketserver.ThreadingTCPServer):
    """Listens on a free loopback port; `entries` maps a DN to its attributes and may be replaced at any time."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, entries: Mapping[str, Entry], accounts: Mapping[str, str], size_limit: int = 500) -> None:
        self.entries = entries
        self.accounts = accounts  # bind DN -> password
        self.size_limit = size_limit
        super().__init__(("127.0.0.1", 0), _Client)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own until `shutdown`."""
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Client(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.bound = False

    def handle(self) -> None:
        while raw := self._message():
            (_, message), *_ = elements(raw)
            (_, number), (operation, body), *rest = elements(message)
            if operation == UNBIND:
                return
            if operation == BIND:
                self._bind(number, body)
            elif operation == SEARCH and self.bound:
                self._search(number, body, rest)
            else:
                self._finish(number, DONE, UNWILLING)

    def _message(self) -> bytes:
        """One element, or nothing at the end of the stream."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return b""
        length = head[1]
        if length & 0x80:
            more = self.rfile.read(length & 0x7F)
            head += more
            length = int.from_bytes(more, "big")
        return head + self.rfile.read(length) if length <= MAX_MESSAGE else b""

    def _bind(self, number: bytes, body: bytes) -> None:
        _, (_, name), (_, password) = elements(body)
        self.bound = cast(Directory, self.server).accounts.get(name.decode()) == password.decode()
        self._finish(number, BOUND, SUCCESS if self.bound else INVALID_CREDENTIALS)

    def _search(self, number: bytes, body: bytes, rest: list[Element]) -> None:
        server = cast(Directory, self.server)
        (_, base), (_, scope), _, _, _, _, condition, (_, names) = elements(body)
        found = sorted(
            dn
            for dn, entry in server.entries.items()
            if _in_scope(dn.lower(), base.decode().lower(), scope[0]) and _fits(entry, condition)
        )
        page = _page(rest)
        start = int(page[1] or b"0") if page else 0
        stop = start + page[0] if page else server.size_limit
        wanted = {name.decode().lower() for _, name in elements(names)} - {"*", "+"}
        for dn in found[start:stop]:
            self._send(number, element(FOUND, _entry(dn, server.entries[dn], wanted)))
        if page:
            self._finish(number, DONE, SUCCESS, str(stop).encode() if stop < len(found) else b"")
        else:
            self._finish(number, DONE, SIZE_LIMIT_EXCEEDED if stop < len(found) else SUCCESS)

    def _finish(self, number: bytes, tag: int, code: int, cookie: bytes | None = None) -> None:
        answer = element(tag, element(ENUMERATED, bytes([code])), element(OCTETS), element(OCTETS))
        if cookie is not None:
            value = element(SEQUENCE, element(INTEGER, b"\x00"), element(OCTETS, cookie))
            answer += element(CONTROLS, element(SEQUENCE, element(OCTETS, PAGED_RESULTS), element(OCTETS, value)))
        self._send(number, answer)

    def _send(self, number: bytes, answer: bytes) -> None:
        self.wfile.write(element(SEQUENCE, element(INTEGER, number), answer))


def element(tag: int, *contents: bytes) -> bytes:
    """One BER element around its contents."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def elements(content: bytes) -> list[Element]:
    """The elements that stand one after the other in this content."""
    return list(_elements(content))


def _elements(content: bytes) -> Iterator[Element]:
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            width = length & 0x7F
            length, at = int.from_bytes(content[at : at + width], "big"), at + width
        yield tag, content[at : at + length]
        at += length


def _entry(dn: str, entry: Entry, wanted: set[str]) -> bytes:
    attributes = [
        element(SEQUENCE, element(OCTETS, name.encode()), element(SET, *(element(OCTETS, v.encode()) for v in values)))
        for name, values in entry.items()
        if values and (not wanted or name.lower() in wanted)
    ]
    return element(OCTETS, dn.encode()) + element(SEQUENCE, *attributes)


def _page(rest: list[Element]) -> tuple[int, bytes] | None:
    """(size, cookie) of the paged-results control, None without it."""
    for tag, controls in rest:
        for _, control in elements(controls) if tag == CONTROLS else ():
            (_, kind), *more = elements(control)
            if kind == PAGED_RESULTS:
                (_, value), *_ = elements(more[-1][1])
                (_, size), (_, cookie) = elements(value)
                return int.from_bytes(size, "big"), cookie
    return None


def _in_scope(dn: str, base: str, scope: int) -> bool:
    if scope == 0:
        return dn == base
    if scope == 1:
        return dn.partition(",")[2] == base
    return dn == base or dn.endswith("," + base) or not base


def _fits(entry: Entry, condition: Element) -> bool:
    """Whether an entry meets a filter: and, or, not, equality and presence; anything else is false."""
    tag, content = condition
    if tag == AND:
        return all(_fits(entry, inner) for inner in elements(content))
    if tag == OR:
        return any(_fits(entry, inner) for inner in elements(content))
    if tag == NOT:
        return not _fits(entry, elements(content)[0])
    folded = {name.lower(): [value.lower() for value in values] for name, values in entry.items() if values}
    if tag == PRESENT:
        return content.decode().lower() in {*folded, "objectclass"}
    if tag == EQUAL:
        (_, name), (_, value) = elements(content)
        return value.decode().lower() in folded.get(name.decode().lower(), [])
    return False
