"""The only module that speaks SNMP: it sends GET and GETBULK, and can send nothing else. Failures: SourceUnavailable.

An answer is whole or it is none: a column is walked until the agent names something beyond it, and whatever ends the
walk earlier ends the run. Names of objects are their numbers; no MIB is loaded.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pyasn1.type import univ
from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import rfc1902, rfc1905

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_plugin_facilities.snmp_value import Oid, Value, format_oid, parse_oid

AUTH: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "md5": hlapi.USM_AUTH_HMAC96_MD5,
        "sha": hlapi.USM_AUTH_HMAC96_SHA,
        "sha224": hlapi.USM_AUTH_HMAC128_SHA224,
        "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
        "sha384": hlapi.USM_AUTH_HMAC256_SHA384,
        "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
    }
)
PRIVACY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "des": hlapi.USM_PRIV_CBC56_DES,
        "aes": hlapi.USM_PRIV_CFB128_AES,
        "aes192": hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
        "aes256": hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
        "aes192_cisco": hlapi.USM_PRIV_CFB192_AES,
        "aes256_cisco": hlapi.USM_PRIV_CFB256_AES,
    }
)
MOST_ROWS: Final = 5000  # of one column
_AT_ONCE: Final = 16  # objects of one GET: an answer of that many fits the smallest message that an agent has to take
_REPETITIONS: Final = 16
_TRY_S: Final = 1.5  # until a question is sent again
_MEANINGS: Final = MappingProxyType(  # what pysnmp says → what it means for us
    {
        "UnknownUserName": (Reason.REFUSED, "the agent does not know this user"),
        "WrongDigest": (Reason.REFUSED, "the password of the user, or its `auth`, is another one"),
        "DecryptionError": (Reason.REFUSED, "the privacy password of the user, or its `privacy`, is another one"),
        "UnsupportedSecurityLevel": (Reason.REFUSED, "the agent does not let this user read with privacy (authPriv)"),
        "NotInTimeWindow": (Reason.UNREADABLE, "the agent's own count of its starts and seconds does not hold"),
        "EmptyResponse": (Reason.UNREADABLE, "the agent answers with nothing, in the middle of a table"),
        "UnknownEngineID": (Reason.UNREADABLE, "the agent does not tell its engine id"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the agent listens and who asks. `user` None: version 2c, in clear."""

    host: str
    port: int
    user: str | None = None
    auth: str = "sha256"
    privacy: str = "aes"
    secrets: tuple[Path, ...] = ()  # the community; or the authentication and the privacy password
    timeout_s: float = 8.0  # for all of one look


def ask(endpoint: Endpoint, secrets: Sequence[str], objects: Sequence[Oid], columns: Iterable[Oid]) -> dict[Oid, Value]:
    """Each of the objects, absent ones too, and all rows of the columns. Raises SourceUnavailable."""
    try:
        return asyncio.run(_in_time(endpoint, secrets, objects, columns))
    except TimeoutError as error:
        raise _silent(endpoint) from error
    except PySnmpError as error:
        told = f"{_where(endpoint)}: it could not be asked: is the name known (as an IPv4 host), and a route there?"
        raise SourceUnavailable(Reason.UNREACHABLE, told) from error
    except OSError as error:
        raise SourceUnavailable(Reason.UNREACHABLE, f"{_where(endpoint)}: {error.strerror or error}") from error


async def _in_time(
    endpoint: Endpoint, secrets: Sequence[str], objects: Sequence[Oid], columns: Iterable[Oid]
) -> dict[Oid, Value]:
    engine = hlapi.SnmpEngine()
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            agent = _Agent(endpoint, engine, _who(endpoint, secrets), await _target(endpoint))
            found: dict[Oid, Value] = {}
            for at in range(0, len(objects), _AT_ONCE):
                found.update(await agent.get(objects[at : at + _AT_ONCE]))
            for column in columns:
                found.update(await agent.walk(column))
            return found
    finally:
        engine.close_dispatcher()


@dataclass(frozen=True, slots=True)
class _Agent:
    """One agent that is being asked."""

    endpoint: Endpoint
    engine: Any
    who: Any
    target: Any

    async def get(self, objects: Sequence[Oid]) -> dict[Oid, Value]:
        asked = [hlapi.ObjectType(hlapi.ObjectIdentity(format_oid(oid))) for oid in objects]
        found = self._rows(
            await hlapi.get_cmd(self.engine, self.who, self.target, hlapi.ContextData(), *asked, lookupMib=False)
        )
        if [oid for oid, _ in found] != list(objects):
            raise self._unreadable("answers with other objects than were asked for")
        return dict(found)

    async def walk(self, column: Oid) -> dict[Oid, Value]:
        found: dict[Oid, Value] = {}
        last = column
        while True:
            for oid, value in self._rows(await self._bulk(last)):
                if value.kind == "end" or oid[: len(column)] != column:
                    return found
                if oid <= last:
                    raise self._unreadable("repeats rows of a column")
                found[oid], last = value, oid
            if len(found) > MOST_ROWS:
                raise SourceUnavailable(Reason.FLOOD, f"{_where(self.endpoint)}: more than {MOST_ROWS} rows")

    async def _bulk(self, after: Oid) -> tuple[Any, ...]:
        first = hlapi.ObjectType(hlapi.ObjectIdentity(format_oid(after)))
        answer: tuple[Any, ...] = await hlapi.bulk_cmd(
            self.engine, self.who, self.target, hlapi.ContextData(), 0, _REPETITIONS, first, lookupMib=False
        )
        return answer

    def _rows(self, answer: tuple[Any, ...]) -> list[tuple[Oid, Value]]:
        problem, status, _, bindings = answer
        if problem:
            raise self._meant(type(problem).__name__)
        if int(status):
            told = f"{_where(self.endpoint)}: the agent answers with {status.prettyPrint()[:40]}"
            too_big = int(status) == 1
            raise SourceUnavailable(Reason.LIMITED if too_big else Reason.UNREADABLE, told)
        return [(parse_oid(str(name)), _value(value)) for name, value in bindings]

    def _meant(self, problem: str) -> SourceUnavailable:
        if problem == "RequestTimedOut":
            return _silent(self.endpoint)
        reason, meaning = _MEANINGS.get(problem, (Reason.UNREADABLE, "the answer is not understood"))
        return SourceUnavailable(reason, f"{_where(self.endpoint)}: {meaning} ({problem})")

    def _unreadable(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(Reason.UNREADABLE, f"{_where(self.endpoint)}: the agent {what}")


def _who(endpoint: Endpoint, secrets: Sequence[str]) -> Any:
    if endpoint.user is None:
        return hlapi.CommunityData(secrets[0], mpModel=1)  # noqa: S508 - asked for by the admin; `check` warns
    auth, privacy = AUTH[endpoint.auth], PRIVACY[endpoint.privacy]
    return hlapi.UsmUserData(endpoint.user, secrets[0], secrets[1], authProtocol=auth, privProtocol=privacy)


async def _target(endpoint: Endpoint) -> Any:
    kind = hlapi.Udp6TransportTarget if ":" in endpoint.host else hlapi.UdpTransportTarget
    retries = max(0, int(endpoint.timeout_s / _TRY_S) - 1)
    return await kind.create((endpoint.host, endpoint.port), timeout=_TRY_S, retries=retries)


def _value(found: Any) -> Value:
    if isinstance(found, rfc1905.EndOfMibView):
        return Value("end")
    if isinstance(found, rfc1905.NoSuchObject | rfc1905.NoSuchInstance):
        return Value("absent")
    if isinstance(found, rfc1902.Counter32 | rfc1902.Counter64):
        return Value("counter")
    if isinstance(found, univ.Integer):
        return Value("number", float(int(found)))
    if isinstance(found, rfc1902.Opaque):
        return Value("opaque", bytes(found))
    if isinstance(found, univ.OctetString) and not isinstance(found, rfc1902.IpAddress):
        return Value("text", bytes(found))
    return Value("other")


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host}:{endpoint.port}"


def _silent(endpoint: Endpoint) -> SourceUnavailable:
    wrong = "the community is another one" if endpoint.user is None else "the privacy password is another one"
    told = f"{_where(endpoint)} did not answer: a firewall, no agent there, or {wrong} (agents keep silent then)"
    return SourceUnavailable(Reason.TIMEOUT, told)
