"""What of a configuration is stated: texts by a keyed digest, listed settings by number or word. From options, pure.

A plain digest of a text with a password in it could be guessed from outside, so each is keyed: HMAC-SHA-256 under a key
that never leaves the agent's machine. It tells whether a text changed, and nothing else.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from ccmm_agent.plugin import BadOption, Options
from ccmm_proto.errors import Malformed

MOST: Final = 500
ABSENT: Final = "absent"  # the value of a file that is not there: that, too, is a state
_DIGEST_LETTERS: Final = 32
_LONGEST_LINE: Final = 20_000
_READ_BY_RULES: Final = frozenset({"lock_out", "mask", "zone_rule", "complaint_limit"})  # by number or word, not digest
Attributes: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One file, all files of a folder, or what one program prints."""

    name: str
    system: str
    class_: str | None
    kpi: bool | None
    path: Path  # of the file, the folder or the program
    pattern: str | None = None  # of a folder
    arguments: tuple[str, ...] | None = None  # of a program
    ignored: tuple[re.Pattern[bytes], ...] = ()  # lines that do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value out of one text."""

    key: str
    of: str  # name of the text
    system: str
    class_: str | None
    kpi: bool | None
    match: re.Pattern[bytes]  # its first group is the value
    takes_last: bool
    words: Mapping[str, str]  # value → word that is stated; none: the value is a number
    absent: str | None  # what is stated where no line fits


def parse_text(options: Options, what: str) -> Text:
    """Of one table of `files`, `folders` or `commands`. Raises BadOption."""
    key = {"files": "file", "folders": "folder", "commands": "program"}[what]
    path = options.path(key)
    class_ = options.text("class", None)
    if class_ in _READ_BY_RULES:
        raise BadOption(f"{what}.class", f"none of {', '.join(sorted(_READ_BY_RULES))}: rules read their values")
    return Text(
        name=options.text("name") if what == "commands" else options.text("name", str(path)),
        system=options.text("system"),
        class_=class_,
        kpi=options.flag("kpi", None),
        path=path,
        pattern=options.text("pattern", "*") if what == "folders" else None,
        arguments=options.texts("arguments", ()) if what == "commands" else None,
        ignored=tuple(_pattern(text, f"{what}.ignore") for text in options.texts("ignore", ())),
    )


def parse_setting(options: Options) -> Setting:
    """Of one table of `settings`. Raises BadOption."""
    match = _pattern(options.text("match"), "settings.match")
    if match.groups < 1:
        raise BadOption("settings.match", "a group in brackets that is the value")
    take = options.text("take", "last")
    if take not in ("first", "last"):
        raise BadOption("settings.take", "first or last: which of several lines holds")
    table = options.table("words", None)
    words = {} if table is None else {raw: table.text(raw) for raw in table.keys()}  # noqa: SIM118 - no mapping
    absent = options.text("absent", None)
    if table is None and absent is not None and _number(absent) is None:
        raise BadOption("settings.absent", 'a number, such as "0", or words for what is none')
    return Setting(
        key=options.text("name"),
        of=options.text("of"),
        system=options.text("system"),
        class_=options.text("class", None),
        kpi=options.flag("kpi", None),
        match=match,
        takes_last=take == "last",
        words=MappingProxyType(words),
        absent=absent,
    )


def digest_of(text: Text, content: bytes | None, key: bytes) -> Attributes:
    """The entry of one text; `content` None: it is not there."""
    value = ABSENT if content is None else hmac.digest(key, counted(text, content), "sha256").hex()[:_DIGEST_LETTERS]
    return {"system": text.system, "class": text.class_, "value": value, "kpi": text.kpi}


def counted(text: Text, content: bytes) -> bytes:
    """The lines that count."""
    lines = content.splitlines(keepends=True)
    return b"".join(line for line in lines if not any(pattern.search(line[:_LONGEST_LINE]) for pattern in text.ignored))


def value_of(setting: Setting, content: bytes | None) -> Attributes:
    """The entry of one setting. Raises Malformed, naming what is wrong and never the value."""
    found = [] if content is None else _matches(setting, content)
    entry: Attributes = {"system": setting.system, "class": setting.class_, "kpi": setting.kpi}
    if not found:
        if setting.absent is None:
            raise Malformed("no line that fits: give `absent`, what holds without one")
        told = setting.absent
        return entry | ({"value": told} if setting.words else {"number": _number(told)})
    raw = found[-1 if setting.takes_last else 0].decode("utf-8", "replace").strip()
    if setting.words:
        if raw not in setting.words:
            raise Malformed("a value that `words` does not name")
        return entry | {"value": setting.words[raw]}
    number = _number(raw)
    if number is None:
        raise Malformed("a value that is no number: give `words`")
    return entry | {"number": number}


def _matches(setting: Setting, content: bytes) -> list[bytes]:
    lines = (line[:_LONGEST_LINE] for line in content.splitlines())
    return [match[1] for line in lines if (match := setting.match.search(line)) is not None and match[1] is not None]


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?[0-9]{1,12}(\.[0-9]{1,6})?", text, re.ASCII) else None


def _pattern(text: str, key: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as error:
        raise BadOption(key, f"a regular expression: {error}") from error
