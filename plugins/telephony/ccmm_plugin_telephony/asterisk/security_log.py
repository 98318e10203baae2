"""Asterisk's security log: who was refused, when and why."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ccmm_proto.errors import Malformed

MOST_TEXT = 200
# event of res_security_log → the word of the vocabulary
REASONS = {
    "InvalidAccountID": "account",
    "InvalidPassword": "password",
    "ChallengeResponseFailed": "password",
    "FailedACL": "rights",
    "RequestNotAllowed": "rights",
}
_PAIR = re.compile(r'([A-Za-z]+)="((?:[^"\\]|\\.)*)"')
_TIME = "%Y-%m-%dT%H:%M:%S.%f%z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """`id` is the same whenever the same line is read; `account` is what was tried, empty where nothing was."""

    id: str
    at: datetime
    account: str
    reason: str


def parse_security_line(line: bytes) -> tuple[datetime, Refusal | None] | None:
    """Time and refusal of a security event; None for another line of the log. Raises Malformed for a broken one."""
    text = line.decode("utf-8", "replace")
    if 'SecurityEvent="' not in text:
        return None
    fields = dict(_PAIR.findall(text))
    event, at = fields.get("SecurityEvent", ""), _instant(fields.get("EventTV", ""))
    reason = REASONS.get(event)
    if reason is None:
        return at, None
    account = fields.get("AccountID", "")
    if len(account) > MOST_TEXT or not account.isprintable():
        account = ""  # what was tried was no name; that it was refused still counts
    return at, Refusal(id=hashlib.sha256(line).hexdigest()[:24], at=at, account=account.strip(), reason=reason)


def time_of_security_line(line: bytes) -> int | None:
    """Seconds since the epoch of a security event, None for another line."""
    try:
        found = parse_security_line(line)
    except Malformed:
        return None
    return int(found[0].timestamp()) if found else None


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed("time") from error
