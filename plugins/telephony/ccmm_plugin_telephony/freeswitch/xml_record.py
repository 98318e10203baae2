"""One file of mod_xml_cdr: `<cdr>` with `<variables>`, whose values are percent-encoded, and `<app_log>`."""

from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ccmm_plugin_telephony.freeswitch.record import USED, CallRecord, Entry, parse_record
from ccmm_plugin_telephony.instant import EARLIEST_S, LATEST_S, is_number
from ccmm_proto.errors import Malformed

FILE_BYTES = 2 * 1024 * 1024
_MOST_ENTRIES = 50


def parse_file(content: bytes) -> CallRecord:
    """Raises Malformed with one word for why."""
    if len(content) > FILE_BYTES:
        raise Malformed("long")
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Malformed("xml") from error
    if root.tag != "cdr":
        raise Malformed("xml")
    variables = root.find("variables")
    if variables is None:
        raise Malformed("fields")
    found = {child.tag: unquote(child.text or "") for child in variables if child.tag in USED}
    return parse_record(found, _earlier(root))


def _earlier(root: Element) -> list[Entry]:
    """The queues that the call entered before its last one, where the record has the times of its applications."""
    entered = [
        (unquote(one.get("app_data", "")).strip().split(" ")[0], one.get("app_stamp", ""))
        for log in root.findall("app_log")
        for one in log.findall("application")
        if one.get("app_name") == "callcenter"
    ]
    return [entry for queue, stamp in entered[:-1][:_MOST_ENTRIES] if (entry := _entry(queue, stamp)) is not None]


def _entry(queue: str, stamp: str) -> Entry | None:
    """`stamp` is in microseconds; None where it is not told (older than FreeSWITCH 1.6)."""
    if not queue or len(queue) > 200 or not queue.isprintable() or not is_number(stamp[:-6]) or not stamp.isdigit():
        return None
    at_s = int(stamp[:-6])
    return Entry(queue=queue, at_s=at_s) if EARLIEST_S <= at_s < LATEST_S else None
