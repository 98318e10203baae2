"""Questions to a Hikvision device by ISAPI: the only module of it that asks. It can ask these, and nothing else.

A search is a POST; so are, elsewhere in ISAPI, orders to open doors and to erase people. No path is made of an option.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from ccmm_agent.plugin import Reason, SourceUnavailable
from ccmm_agent.web import Web, json_body
from ccmm_plugin_access_control.hik_events import Page, parse_levels, parse_page, parse_xml
from ccmm_proto.errors import Malformed

PAGE: Final = 30  # what devices give at most, whatever is asked for
MOST_PAGES: Final = 2000
_EVENTS: Final = "/ISAPI/AccessControl/AcsEvent?format=json"
_USERS: Final = "/ISAPI/AccessControl/UserInfo/Search?format=json"
_CARDS: Final = "/ISAPI/AccessControl/CardInfo/Search?format=json"
_RIGHT: Final = "the remote permission to query (Remote: Log Search / Interrogate Working Status)"
_ANY: Final = {"Accept": "*/*"}  # these answer in XML


class Device:
    """One device, asked over one connection."""

    def __init__(self, web: Web) -> None:
        self._web = web

    @property
    def left_s(self) -> float:
        """Seconds that are left for questions."""
        return self._web.left_s

    def info(self) -> dict[str, str]:
        """Model, firmware, serial number."""
        return self._xml("/ISAPI/System/deviceInfo", "its name plate")

    def local_time(self) -> str:
        """Its clock as it writes it, mostly with an offset."""
        return self._xml("/ISAPI/System/time", "its clock").get("localTime", "")

    def levels(self) -> dict[str, str]:
        """The level of each account that ours may see."""
        return parse_levels(self._web.get("/ISAPI/Security/users", what="its accounts", headers=_ANY).body)

    def events(self, begin: datetime, end: datetime) -> Iterator[Mapping[str, object]]:
        """All events from `begin` up to and with `end`, whatever they are, in the device's order."""
        asked = {
            "major": 0,
            "minor": 0,
            "startTime": begin.isoformat(timespec="seconds"),
            "endTime": end.isoformat(timespec="seconds"),
        }
        return self._search(_EVENTS, "AcsEventCond", asked, "AcsEvent", "InfoList", "its events")

    def users(self) -> Iterator[Mapping[str, object]]:
        """All enrolled persons."""
        return self._search(_USERS, "UserInfoSearchCond", {}, "UserInfoSearch", "UserInfo", "its users")

    def cards(self) -> Iterator[Mapping[str, object]]:
        """All cards."""
        return self._search(_CARDS, "CardInfoSearchCond", {}, "CardInfoSearch", "CardInfo", "its cards")

    def _search(
        self, path: str, condition: str, asked: Mapping[str, object], name: str, rows: str, what: str
    ) -> Iterator[Mapping[str, object]]:
        """Page by page, by what came and not by what was asked for. A list that ends before its total is none."""
        search, position = str(uuid.uuid4()), 0  # devices answer a number that they know from a search of before
        for _ in range(MOST_PAGES):
            told = {condition: {"searchID": search, "searchResultPosition": position, "maxResults": PAGE, **asked}}
            page = self._page(path, told, name, rows, what)
            yield from page.rows
            position += len(page.rows)
            if not page.has_more:
                if position < page.total:
                    raise self._unreadable(what, f"{position} of {page.total}, and no more")
                return
        raise SourceUnavailable(Reason.FLOOD, f"{self._web.place.where}: more than {MOST_PAGES} pages of {what}")

    def _page(self, path: str, told: Mapping[str, object], name: str, rows: str, what: str) -> Page:
        answer = self._web.post(path, json_body(told), what=what, right=_RIGHT, repeatable=True)
        try:
            return parse_page(answer.json_object(), name, rows)
        except Malformed as error:
            raise self._unreadable(what, str(error)) from error

    def _xml(self, path: str, what: str) -> dict[str, str]:
        try:
            return parse_xml(self._web.get(path, what=what, right=_RIGHT, headers=_ANY).body)
        except Malformed as error:
            raise self._unreadable(what, str(error)) from error

    def _unreadable(self, what: str, told: str) -> SourceUnavailable:
        return SourceUnavailable(Reason.UNREADABLE, f"{self._web.place.where}: {what}: {told}")
