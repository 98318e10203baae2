"""From the configuration of sshd, sudo and PAM to settings and to who may become root: pure.

sshd_config(5): the first value of a word holds, and what stands after `Match` holds for some only. sudoers(5): every
line that grants anything makes its users privileged. Who is named there never leaves.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ccmm_proto.errors import Malformed

SSHD: Final = (  # what is stated, as it is written; in small letters sshd takes them too
    *("PermitRootLogin", "PasswordAuthentication", "KbdInteractiveAuthentication", "PubkeyAuthentication"),
    *("PermitEmptyPasswords", "UsePAM", "HostbasedAuthentication", "GSSAPIAuthentication", "X11Forwarding"),
    *("AllowTcpForwarding", "AllowAgentForwarding", "StrictModes", "LogLevel", "MaxAuthTries", "MaxSessions"),
)
_WORD: Final = re.compile(r"[A-Za-z0-9-]{1,30}")
_KEY: Final = frozenset({"publickey", "hostbased"})
_KNOWLEDGE: Final = frozenset({"password", "keyboard-interactive"})
_FAILLOCK: Final = "pam_faillock.so"
_DEFAULT_DENY: Final = 3  # faillock.conf(5)
MAX_DEPTH: Final = 16

Include = Callable[[str], list[tuple[str, str]]]  # a pattern -> the files that it names, with their texts


@dataclass(slots=True)
class Sshd:
    """What holds for everybody, and how many `Match` blocks change it for some."""

    values: dict[str, str] = field(default_factory=dict)  # in small letters
    matches: int = 0

    @property
    def root(self) -> bool:
        """Whether root may come in at all; also where a `Match` could allow it."""
        return self.values.get("permitrootlogin", "prohibit-password") != "no" or self.matches > 0

    @property
    def second_factor(self) -> bool:
        """Every way in asks for a key and for something else. A `Match` may ask for less, so then it is not said."""
        ways = self.values.get("authenticationmethods", "any").split()
        asked = [{step.split(":")[0] for step in way.split(",")} for way in ways]
        return self.matches == 0 and bool(asked) and all(one & _KEY and one & _KNOWLEDGE for one in asked)


@dataclass(slots=True)
class Sudo:
    """Who may become root; names with % are groups."""

    names: set[str] = field(default_factory=set)
    grants: int = 0
    without_password: int = 0

    def grants_to(self, name: str, uid: int, groups: Mapping[str, int]) -> bool:
        """Whether any line grants something to this account; `groups` are its own, with their numbers.

        A name with ! takes nothing away here: what else is granted to it stands in other lines.
        """
        own = {"ALL", name, f"#{uid}"} | {f"%{group}" for group in groups} | {f"%#{n}" for n in groups.values()}
        return not own.isdisjoint(self.names)


def parse_sshd(text: str, include: Include) -> Sshd:
    """The whole configuration; raises Malformed where includes go round in circles."""
    found = Sshd()
    _sshd(text, include, found, in_match=False, depth=0)
    return found


def parse_sudoers(text: str, include: Include) -> Sudo:
    """All lines that grant something, aliases of users followed."""
    aliases: dict[str, set[str]] = {}
    grants: list[tuple[set[str], str]] = []
    for line in _sudo_lines(text, include, 0):
        word, _, rest = line.partition(" ")
        if word == "User_Alias":
            for definition in rest.split(":"):
                name, _, given = definition.partition("=")
                aliases[name.strip()] = _names(given)
        elif "=" in rest and not word.startswith("Defaults") and not word.endswith("_Alias"):
            who, what = _granted(line)
            grants.append((who, what))
    found = Sudo(grants=len(grants), without_password=sum("NOPASSWD:" in what for _, what in grants))
    for who, _ in grants:
        for name in who:
            found.names |= _resolved(name, aliases, 0)
    return found


def lock_out(text: str, include: Include, faillock: str | None) -> int:
    """After how many failures an account locks; 0: never. By pam_faillock in the stack of one service."""
    deny: int | None = None
    for words in _pam_lines(text, include, 0):
        if words[0].lstrip("-") == "auth" and any(word.endswith(_FAILLOCK) for word in words[2:]):
            given = [word.partition("=")[2] for word in words if word.startswith("deny=")]
            deny = _number(given[0]) if given else (deny if deny is not None else _of_conf(faillock))
    return deny or 0


def _sshd(text: str, include: Include, found: Sshd, *, in_match: bool, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Malformed("Include goes round in a circle")
    for line in text.splitlines():
        match = re.match(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)", line)
        if match is None:
            continue
        word, rest = match[1].lower(), re.sub(r"\s+#.*", "", match[2]).strip()
        if word == "match":
            in_match = rest.lower() != "all"
            found.matches += in_match
        elif word == "include":
            for pattern in rest.split():
                for _, inner in include(pattern.strip('"')):
                    _sshd(inner, include, found, in_match=in_match, depth=depth + 1)
        elif not in_match:
            found.values.setdefault(word, rest.strip('"').lower() if word != "authenticationmethods" else rest.lower())


def sshd_settings(found: Sshd) -> Iterator[tuple[str, str]]:
    """Listed words with values that are words themselves; `unset` where sshd's own default holds."""
    for word in SSHD:
        value = found.values.get(word.lower(), "unset")
        yield f"sshd {word}", value if _WORD.fullmatch(value) else "other"


def _sudo_lines(text: str, include: Include, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise Malformed("includes go round in a circle")
    for line in text.replace("\\\n", " ").splitlines():
        told = " ".join(line.split())
        inner = re.fullmatch(r"[@#](include|includedir) (.+)", told)
        if inner is not None:
            pattern = inner[2].strip('"') + ("/*" if inner[1] == "includedir" else "")
            for name, content in include(pattern):
                if inner[1] == "include" or not ("." in name or name.endswith("~")):
                    yield from _sudo_lines(content, include, depth + 1)
        elif told and (not told.startswith("#") or re.match(r"#\d", told)):
            yield re.sub(r"\s#(?!\d).*", "", told)


def _granted(line: str) -> tuple[set[str], str]:
    """The users of `alice, %wheel ALL = (ALL) NOPASSWD: ALL`, and the rest: a list goes on as long as commas do."""
    left, _, what = line.partition("=")
    words = re.sub(r"\s*,\s*", ",", left).split()
    return _names(words[0]) if words else set(), what


def _names(text: str) -> set[str]:
    return {name.strip().strip('"') for name in text.split(",") if name.strip()}


def _resolved(name: str, aliases: Mapping[str, set[str]], depth: int) -> set[str]:
    if depth > MAX_DEPTH or name not in aliases:
        return {name}
    return {inner for one in aliases[name] for inner in _resolved(one, aliases, depth + 1)}


def _pam_lines(text: str, include: Include, depth: int) -> Iterator[list[str]]:
    if depth > MAX_DEPTH:
        raise Malformed("includes of PAM go round in a circle")
    for line in text.replace("\\\n", " ").splitlines():
        words = re.sub(r"\[[^\]]*\]", "control", line.partition("#")[0]).split()
        if len(words) == 2 and words[0] == "@include":
            inner = words[1]
        elif len(words) >= 3 and words[0].lstrip("-") == "auth" and words[1] in ("include", "substack"):
            inner = words[2]
        else:
            if len(words) >= 3:
                yield words
            continue
        for _, content in include(inner):
            yield from _pam_lines(content, include, depth + 1)


def _of_conf(text: str | None) -> int:
    for line in (text or "").splitlines():
        match = re.fullmatch(r"\s*deny\s*=\s*(\d{1,6})\s*(#.*)?", line)
        if match is not None:
            return int(match[1])
    return _DEFAULT_DENY


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise Malformed("deny= of pam_faillock is no number")
    return int(text)
