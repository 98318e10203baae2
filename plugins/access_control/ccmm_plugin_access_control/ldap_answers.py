"""What a directory's result codes, controls and messages mean, as SourceUnavailable with the mend; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ldap3.core.exceptions import LDAPException

from ccmm_agent.plugin import Reason, SourceUnavailable

PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"  # RFC 2696
PASSWORD_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - a control's OID
_POLICY_ERRORS = {
    0: "Password expired",
    1: "Account locked",
    2: "Password must be changed",
}  # draft-behera, section 6.2
_LIMITS = {3: "time limit", 4: "size limit", 9: "referral", 10: "referral", 11: "administrative limit", 12: "no paging"}
_BUSY = {51: "busy", 52: "unavailable", 80: "internal error"}
_MISSING = 32
_SIGNING = (8, 13)  # strongerAuthRequired, confidentialityRequired
# Active Directory's own word, "AcceptSecurityContext error, data 52e": system error codes 1317 and on, in hex.
_DATA = {
    "525": "no account has this name: bind_dn is NAME@DOMAIN or a DN",
    "52e": "name and password do not fit: write password_file again, bind_dn is NAME@DOMAIN or a DN",
    "530": "it may not log in at this hour: allow all hours (logonHours)",
    "531": "it may not log in from this machine: clear its list of machines (userWorkstations)",
    "532": "its password has expired: set a new one, and write it into password_file",
    "533": "it is disabled: Enable-ADAccount",
    "701": "it has expired: Clear-ADAccountExpiration",
    "773": "it must change its password first: Set-ADUser -ChangePasswordAtLogon $false",
    "775": "it is locked out: Unlock-ADAccount, and see which machine tries an old password",
}


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What the password policy says beside the answer to a log-in."""

    error: int | None = None
    expires_in_s: int | None = None


def next_cookie(result: Mapping[str, object]) -> bytes | None:
    """Where the next page begins; None after the last one."""
    controls = result.get("controls")
    control = controls.get(PAGED_RESULTS) if isinstance(controls, Mapping) else None
    if control is None:
        raise SourceUnavailable(Reason.LIMITED, "the server ignored the paged-results control")
    cookie = control["value"]["cookie"]
    return bytes(cookie) if cookie else None


def refused_bind(result: Mapping[str, object]) -> SourceUnavailable:
    """Code 49 says no more than "invalid credentials"; why, the password-policy control or the message tells."""
    code = int(str(result["result"]))
    if code in _BUSY:
        return SourceUnavailable(Reason.UNREACHABLE, f"the directory is {_BUSY[code]} (result code {code})")
    if code in _SIGNING:
        told = "the directory takes passwords over TLS only: an ldaps:// url, or start_tls = true"
        return SourceUnavailable(Reason.REFUSED, f"{told} (result code {code})")
    if word := parse_data(str(result.get("message", ""))):
        why = _DATA.get(word, "for a reason of Active Directory's own")
        return SourceUnavailable(
            Reason.REFUSED, f"the directory refuses the log-in: {why} (result code {code}, data {word})"
        )
    error = policy_answer(result).error
    why = str(result["description"]) if error is None else _POLICY_ERRORS.get(error, f"policy error {error}")
    return SourceUnavailable(Reason.REFUSED, f"the directory refuses the log-in: {why} (result code {code})")


def parse_data(message: str) -> str | None:
    """`52e` of Active Directory's "... AcceptSecurityContext error, data 52e, v4563"; None for anything else."""
    found = re.search(r"AcceptSecurityContext error, data ([0-9a-f]{1,8})\b", message)
    return found[1] if found else None


def policy_answer(result: Mapping[str, object]) -> PolicyAnswer:
    """Of the answer to a log-in."""
    controls = result.get("controls")
    control = controls.get(PASSWORD_POLICY) if isinstance(controls, Mapping) else None
    return parse_policy_answer(control["value"]) if control else PolicyAnswer()


def parse_policy_answer(value: bytes) -> PolicyAnswer:
    """The control's value: SEQUENCE { [0] CHOICE { [0] seconds, [1] log-ins } OPTIONAL, [1] ENUMERATED OPTIONAL }.

    Of a value of another shape nothing is told.
    """
    fields = dict(_elements(value[2:])) if value[:1] == b"\x30" else {}
    warning = dict(_elements(fields.get(0xA0, b"")))
    error, expires = fields.get(0x81), warning.get(0x80)
    return PolicyAnswer(
        int.from_bytes(error, "big") if error else None, int.from_bytes(expires, "big") if expires else None
    )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of BER elements of short length."""
    while len(data) >= 2 and data[1] < 128:
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def refused_search(code: int, base: str, got: int) -> SourceUnavailable:
    """`base`: how to call in words where the search began."""
    if code in _LIMITS:
        return SourceUnavailable(
            Reason.LIMITED, f"only a part was given: {_LIMITS[code]} (result code {code}) after {got} entries"
        )
    if code == _MISSING:
        return SourceUnavailable(Reason.NOT_FOUND, f"{base} is not there, or this account may not see it")
    if code in _BUSY:
        return SourceUnavailable(Reason.UNREACHABLE, f"the directory is {_BUSY[code]} (result code {code})")
    return SourceUnavailable(Reason.REFUSED, f"the search below {base} is refused (result code {code})")


def cause(error: LDAPException) -> str:
    """What the socket or the TLS library said."""
    text = str(error).strip("()\"', ") or type(error).__name__
    return text.splitlines()[0][:200]
