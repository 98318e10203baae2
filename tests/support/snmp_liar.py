"""An SNMP agent over a real socket that answers whatever the test says: torn, repeated and endless walks.

Version 2c, messages and error words by RFC 3416 (https://www.rfc-editor.org/rfc/rfc3416).
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

Answer = tuple[int, list[tuple[str, int | None]]]  # error status, rows; None: the end of what it may show
_V2 = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]


@contextmanager
def lying_agent(answer: Callable[[bool, str], Answer | bytes | None]) -> Iterator[int]:
    """Gives its port. `answer` gets whether the question is a GETBULK and its first object; None: silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    asked, peer = agent.recvfrom(65535)
                except TimeoutError:
                    continue
                if (told := _told(asked, answer)) is not None:
                    agent.sendto(told, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(agent.getsockname()[1])
        finally:
            done.set()
            thread.join()


def _told(asked: bytes, answer: Callable[[bool, str], Answer | bytes | None]) -> bytes | None:
    message, _ = decoder.decode(asked, asn1Spec=_V2.Message())
    question: Any = _V2.apiMessage.get_pdu(message)
    is_bulk = question.isSameTypeWith(_V2.GetBulkRequestPDU())
    bindings = _V2.apiPDU.get_varbinds(question) if not is_bulk else _V2.apiBulkPDU.get_varbinds(question)
    found = answer(is_bulk, str(bindings[0][0]))
    if found is None or isinstance(found, bytes):
        return found
    status, rows = found
    reply: Any = _V2.GetResponsePDU()
    _V2.apiPDU.set_defaults(reply)
    _V2.apiPDU.set_request_id(reply, _V2.apiPDU.get_request_id(question))
    _V2.apiPDU.set_error_status(reply, status)
    _V2.apiPDU.set_varbinds(
        reply, [(_V2.ObjectIdentifier(oid), _V2.EndOfMibView() if n is None else _V2.Integer(n)) for oid, n in rows]
    )
    _V2.apiMessage.set_pdu(message, reply)
    encoded: bytes = encoder.encode(message)
    return encoded
