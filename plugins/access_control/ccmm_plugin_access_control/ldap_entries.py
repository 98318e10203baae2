"""Entries of a directory as values, and the spellings of names, times, parts of lists and referrals; pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One entry: attribute names in lower case, values as the server gave them."""

    dn: str
    values: Mapping[str, Sequence[bytes]]

    def octets(self, attribute: str) -> bytes:
        """The first value; empty where it is absent."""
        return next(iter(self.values.get(attribute.lower(), ())), b"")

    def texts(self, attribute: str) -> list[str]:
        """The values of an attribute that are text, in order of the alphabet; none where it is absent."""
        found = self.values.get(attribute.lower(), ())
        return sorted(text for value in found if (text := value.decode("utf-8", "replace").strip()))

    def text(self, attribute: str) -> str | None:
        """The first of `texts`."""
        return next(iter(self.texts(attribute)), None)


@dataclass(frozen=True, slots=True)
class Part:
    """Which values of an attribute came: from `first` to `last`, counted from 0; `last` None: the end is reached."""

    attribute: str
    first: int
    last: int | None


def parse_range(name: str) -> Part | None:
    """Of the name `member;range=0-1499` or `member;range=1500-*` that a server gives; None for a plain name."""
    found = re.fullmatch(r"([a-z0-9-]+);range=([0-9]{1,9})-([0-9]{1,9}|\*)", name, re.ASCII)
    if found is None:
        return None
    first, last = int(found[2]), None if found[3] == "*" else int(found[3])
    return Part(found[1], first, last) if last is None or first <= last else None


def referred(uri: str) -> str:
    """The DN of ldap://HOST/DN?... in one spelling; empty where there is none."""
    try:
        return spelled(unquote(urlsplit(uri).path.lstrip("/")))
    except ValueError:
        return ""


def spelled(name: str) -> str:
    """One spelling of a DN or a name: case and blanks round separators do not matter."""
    return ",".join("=".join(part.strip() for part in rdn.split("=", 1)) for rdn in name.strip().casefold().split(","))


def is_below(dn: str, base: str) -> bool:
    """Is it this entry or one under it?"""
    return f",{spelled(dn)}".endswith(f",{spelled(base)}")


def domain_of(dn: str) -> str:
    """`center.example` of `ou=people,dc=center,dc=example`; empty where it has no such parts."""
    rdns = (rdn.partition("=") for rdn in spelled(dn).split(","))
    return ".".join(value for name, _, value in rdns if name == "dc")


def domain_dn(domain: str) -> str:
    """`dc=center,dc=example` of `center.example`."""
    return spelled(",".join(f"dc={part}" for part in domain.split(".")))


def common_name(dn: str) -> str:
    """`cn=admins,ou=groups,...` -> `admins`, for a group whose own entry is not seen."""
    return dn.split(",", 1)[0].partition("=")[2] or dn


def parse_time(text: str | None) -> datetime | None:
    """UTC of a GeneralizedTime (RFC 4517 section 3.3.13) such as 20261122060116.137866Z; None for anything else."""
    if text is None:
        return None
    digits, _, fraction = text.removesuffix("Z").replace(",", ".").partition(".")
    wanted = len(digits) == 14 and digits.isascii() and digits.isdecimal()
    if not text.endswith("Z") or not wanted or not f"0{fraction}".isdecimal():
        return None
    try:
        whole = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return whole if whole.year >= 1970 else None
