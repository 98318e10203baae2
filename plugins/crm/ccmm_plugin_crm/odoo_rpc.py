"""Questions to Odoo by its external API: the only module of it that asks. It can call these methods, and nothing else.

XML-RPC, https://www.odoo.com/documentation/18.0/developer/reference/external_api.html. What Odoo says in a fault is
never passed on (it may quote a record): its number becomes a sentence.
"""

import xmlrpc.client
from collections.abc import Mapping, Sequence
from typing import Final, cast
from xml.parsers.expat import ExpatError

from defusedxml import DefusedXmlException
from defusedxml.xmlrpc import DefusedExpatParser

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Body, Web
from ccmm_proto.errors import Malformed

METHODS: Final = frozenset(("fields_get", "search_read", "search_count", "check_access_rights"))
_DENIED, _NO_RIGHT = 3, 4  # faults of Odoo (addons/base/controllers/rpc.py)
_REFUSED: Final = "the name or the API key is not accepted: is it of this user and database, and not expired?"
Row = Mapping[str, object]


class Odoo:
    """One database, asked as one user."""

    def __init__(self, web: Web, database: str, username: str, key: str) -> None:
        self._web = web
        self._database = database
        self._username = username
        self._key = key
        self._user = 0

    @property
    def where(self) -> str:
        """For sentences."""
        return f"{self._web.place.where}, database {self._database}"

    @property
    def left_s(self) -> float:
        """Seconds that are left for questions."""
        return self._web.left_s

    def version(self) -> str:
        """Such as 17.0."""
        found = self._call("common", "version", (), "its version")
        return str(found.get("server_version", ""))[:40] if isinstance(found, dict) else ""

    def log_in(self) -> None:
        """Raises SourceUnavailable where name and key do not fit."""
        told: tuple[object, ...] = (self._database, self._username, self._key, {})
        found = self._call("common", "authenticate", told, "the log-in")
        if type(found) is not int or found <= 0:
            told_here = (
                f"{self.where}: the name or the API key is not accepted: made for this user and database, not expired?"
            )
            raise SourceUnavailable(Reason.REFUSED, told_here)
        self._user = found

    def fields(self, model: str, names: Sequence[str]) -> dict[str, Row]:
        """Type and relation of those of these fields that are there and seen."""
        found = self._ask(model, "fields_get", [list(names)], {"attributes": ["type", "relation"]})
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            raise Malformed("no list of fields")
        return cast(dict[str, Row], found)

    def rows(self, model: str, domain: Sequence[object], names: Sequence[str], limit: int) -> list[Row]:
        """The first rows by their id, archived ones too."""
        asked = {"fields": list(names), "limit": limit, "order": "id asc", "context": {"active_test": False}}
        found = self._ask(model, "search_read", [list(domain)], asked)
        if not isinstance(found, list) or len(found) > limit or not all(isinstance(row, dict) for row in found):
            raise Malformed("no list of records")
        return found

    def count(self, model: str, domain: Sequence[object]) -> int:
        """How many rows there are, archived ones too."""
        found = self._ask(model, "search_count", [list(domain)], {"context": {"active_test": False}})
        if type(found) is not int:
            raise Malformed("no count")
        return found

    def may(self, model: str, what: str) -> bool:
        """Whether the account may read, write, create or unlink records of a model at all."""
        return self._ask(model, "check_access_rights", [what], {"raise_exception": False}) is True

    def _ask(self, model: str, method: str, args: Sequence[object], named: Row) -> object:
        if method not in METHODS:
            raise ValueError(f"{method} is no method that only reads")
        told = (self._database, self._user, self._key, model, method, list(args), dict(named))
        return self._call("object", "execute_kw", told, f"{method} of {model}")

    def _call(self, service: str, method: str, told: tuple[object, ...], what: str) -> object:
        body = xmlrpc.client.dumps(told, method, allow_none=True)  # type: ignore[arg-type]
        sent = Body(body.encode(), "text/xml")
        answer = self._web.post(f"/xmlrpc/2/{service}", sent, what=what, headers={"Accept": "*/*"}, repeatable=True)
        try:
            return parse_answer(answer.body)
        except xmlrpc.client.Fault as fault:
            raise self._refusal(fault.faultCode, what) from None
        except Malformed as error:
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.where}: {what}: the answer is {error}") from error

    def _refusal(self, code: object, what: str) -> SourceUnavailable:
        if code == _DENIED:
            return SourceUnavailable(Reason.REFUSED, f"{self.where}: {_REFUSED}")
        if code == _NO_RIGHT:
            told = f"{self.where}: {what}: the account may not read it: give it the User right, all documents"
            return SourceUnavailable(Reason.REFUSED, told)
        told = f"{self.where}: {what}: Odoo fails at it (fault {str(code)[:20]}): is there such a database and model?"
        return SourceUnavailable(Reason.UNREADABLE, told)


def parse_answer(body: bytes) -> object:
    """The one value of an answer. Raises Malformed, or the Fault that it is."""
    unmarshaller = xmlrpc.client.Unmarshaller(use_builtin_types=True)
    parser = DefusedExpatParser(unmarshaller, forbid_dtd=True)
    try:
        parser.feed(body)
        parser.close()
        found = unmarshaller.close()
    except xmlrpc.client.Fault:
        raise
    except (DefusedXmlException, ExpatError, xmlrpc.client.Error, ArithmeticError, LookupError) as error:
        raise Malformed("no sound XML-RPC") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise Malformed("XML-RPC of another shape") from error
    if len(found) != 1:
        raise Malformed("XML-RPC without a value")
    value: object = found[0]
    return value
