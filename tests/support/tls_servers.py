"""Real TLS servers on loopback ports, by Python's `ssl`, with certificates of a test authority."""

import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import trustme

from tests.support.answering import answering

AUTHORITY = trustme.CA()
UNTIL = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


@contextmanager
def tls_server(
    lowest: ssl.TLSVersion, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, ciphers: str = "ALL:!3DES:@SECLEVEL=0"
) -> Iterator[int]:
    """The port of a server that accepts these versions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is to be found
        context.minimum_version, context.maximum_version = lowest, highest
    AUTHORITY.issue_cert("localhost", "127.0.0.1", not_after=UNTIL).configure_cert(context)

    def serve(stream: socket.socket) -> None:
        stream.settimeout(5)
        with suppress(OSError), context.wrap_socket(stream, server_side=True) as encrypted:
            encrypted.recv(1)

    with answering(serve) as port:
        yield port
