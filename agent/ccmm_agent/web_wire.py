"""A session of `requests` that keeps our limits: time, trust, size, no redirects, nothing from the environment.

`requests` limits each piece of an answer; here the sockets hold the whole of it to a deadline, however slowly it drips.
"""

import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3.connection import HTTPConnection, HTTPSConnection

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web_place import Place
from ccmm_agent.web_proxy import NoWay

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

PIECE_BYTES: Final = 1 << 16
_SMALL_BYTES: Final = 1 << 16  # of an answer that only asks for a log-in
_GZIP: Final = 31  # zlib: a gzip head is expected
_WHOLE_BY_FORM: Final = ("json", "xml")  # formats that show by themselves where they end
_deadline: ContextVar[float] = ContextVar("deadline")  # of the present question, monotonic seconds


class TooLarge(Exception):
    """More than may be taken."""


class Broken(Exception):
    """What was sent cannot be what the server meant; the text says why."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All that the sockets do meanwhile ends within these seconds: TimeoutError. Name servers keep their own time."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left_s() -> float:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this answer is over")
    return left


class _TimedSocket(socket.socket):
    """Each step may last as long as is left of the whole."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(_left_s())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        self.settimeout(_left_s())
        super().sendall(data, flags)


class _TimedTlsSocket(ssl.SSLSocket):
    """The same, over TLS; OpenSSL takes the time for a whole step, a record that drips included."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(_left_s())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        self.settimeout(_left_s())
        return super().send(data, flags)

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(_left_s())
        super().do_handshake(block)


class _TimedConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        if self.sock is not None:
            self.sock = _TimedSocket(fileno=self.sock.detach())


class _TimedPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _ProxiedConnection(HTTPSConnection):
    """TLS through a proxy: the way to it and its answer to CONNECT keep to the deadline, too."""

    def _new_conn(self) -> socket.socket:
        try:
            return _TimedSocket(fileno=super()._new_conn().detach())
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise NoWay from error

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except (OSError, http.client.HTTPException) as error:
            raise NoWay from error


class _ProxiedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _ProxiedConnection


class _Adapter(HTTPAdapter):
    """Connections of one place: its certificate's authority, its name, our sockets, its proxy."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._proxy_headers = {} if place.proxy is None else place.proxy.headers()
        self._context = tls_context(place) if place.is_tls else None
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        classes = {"http": _TimedPool, "https": urllib3.HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = classes

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        manager.pool_classes_by_scheme = {"https": _ProxiedPool}
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        return self._proxy_headers

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> tuple[Any, Any]:
        scheme = self._place.url.split(":")[0]
        host = {"scheme": scheme, "host": self._place.host, "port": self._place.port}
        if self._context is None:
            return host, {}
        named = {} if self._place.tls_name is None else {"server_hostname": self._place.tls_name}
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED", **named}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing beside the context: `requests` would trust its own list of authorities too."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where redirects are not followed, `requests` reads the whole answer of one."""


class BoundedDigest(HTTPDigestAuth):
    """Digest log-in that reads no more than a little of the answer which asks for it."""

    def handle_401(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        if r.status_code == 401:
            drained(r)
        answered: requests.Response = super().handle_401(r, **kwargs)  # type: ignore[no-untyped-call]
        return answered


def open_session(place: Place) -> requests.Session:
    """A session that reaches this place only: nothing is mounted for another one."""
    session = _Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount(place.url.split(":")[0] + "://", _Adapter(place))
    if place.proxy is not None:
        session.proxies = {"https": place.proxy.url(with_log_in=False)}
    session.headers.update({"User-Agent": "ccmm-agent", "Accept": "application/json", "Accept-Encoding": "gzip"})
    return session


def tls_context(place: Place) -> ssl.SSLContext:
    """Trusts `ca_file`, be it an authority's certificate or the server's own, or what this machine trusts."""
    try:
        context = ssl.create_default_context(cafile=place.ca_file)
    except FileNotFoundError as error:
        raise SourceUnavailable(Reason.NOT_FOUND, f"ca_file {place.ca_file} is not there") from error
    except ssl.SSLError as error:
        told = f"ca_file {place.ca_file} holds no certificate (PEM)"
        raise SourceUnavailable(Reason.UNREADABLE, told) from error
    except OSError as error:
        told = f"ca_file {place.ca_file} cannot be read: {error.strerror or error}"
        raise SourceUnavailable(Reason.REFUSED, told) from error
    context.sslsocket_class = _TimedTlsSocket
    if place.ca_file is not None:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT  # devices sign for themselves as they can
    return context


def drained(response: requests.Response) -> None:
    """An answer that nobody reads, so that its connection can be used again; closed where it is long."""
    kept = 0
    for piece in response.raw.stream(PIECE_BYTES, decode_content=False):
        kept += len(piece)
        if kept > _SMALL_BYTES:
            response.raw.close()
            return


def body_of(response: requests.Response, most_bytes: int) -> bytes:
    """The whole body, decoded. Raises TooLarge, Broken, or what the connection raises; never a part.

    A server that names no length and closes cannot say whether it was cut off: believed only of JSON and XML.
    """
    headers = response.headers
    coding = headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise Broken(f"in an encoding that was not asked for ({coding[:20]!r})")
    body = b"".join(_bounded(_pieces(response, coding.endswith("gzip"), most_bytes), most_bytes))
    if body and not _says_its_end(headers) and not coding.endswith("gzip"):
        raise Broken("without a length: whether it is whole cannot be known")
    return body


def _says_its_end(headers: Mapping[str, str]) -> bool:
    of_form = any(form in headers.get("Content-Type", "").lower() for form in _WHOLE_BY_FORM)
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return "Content-Length" in headers or chunked or of_form


def _pieces(response: requests.Response, zipped: bool, most_bytes: int) -> Iterator[bytes]:
    wire = _bounded(response.raw.stream(PIECE_BYTES, decode_content=False), most_bytes)
    if not zipped:
        yield from wire
        return
    unzip, given = zlib.decompressobj(_GZIP), False
    try:
        for piece in wire:
            given = True
            yield unzip.decompress(piece, PIECE_BYTES)
            while unzip.unconsumed_tail:
                yield unzip.decompress(unzip.unconsumed_tail, PIECE_BYTES)
    except zlib.error as error:
        raise Broken("not gzip, as it says") from error
    if given and (not unzip.eof or unzip.unused_data):
        raise Broken("gzip that is cut off")


def _bounded(pieces: Iterator[bytes], most_bytes: int) -> Iterator[bytes]:
    taken = 0
    for piece in pieces:
        taken += len(piece)
        if taken > most_bytes:
            raise TooLarge
        yield piece
