"""The `config_snapshot` source: which texts of a configuration changed, and the settings that rules read.

One run states the whole list, or says why it could not. The collector finds what changed between two lists.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar, Final, Self

from ccmm_agent.facts import inventory
from ccmm_agent.plugin import (
    BadOption,
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_agent.secret_file import load_password, password_line
from ccmm_plugin_facilities.config_entry import (
    ABSENT,
    MOST,
    Attributes,
    Setting,
    Text,
    counted,
    digest_of,
    parse_setting,
    parse_text,
    value_of,
)
from ccmm_plugin_facilities.config_read import contents_of
from ccmm_proto.errors import Malformed

FIRST_LOOK: Final = timedelta(hours=1)
_KEY_LETTERS: Final = 32
_KINDS: Final = ("files", "folders", "commands")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSnapshot(Source):
    """Texts by digest, settings by value."""

    plugin: ClassVar[str] = "config_snapshot"
    value: ClassVar[int] = 55
    feeds: ClassVar[tuple[str, ...]] = ("setting",)
    example: ClassVar[str] = """
# Which configuration changed, by keyed digests, and listed settings: docs/plugins/config_snapshot.md.
[[source]]
name = "configuration"
plugin = "config_snapshot"
every = "1h"                         # a change that is undone between two looks is not seen
key_file = "/etc/ccmm/config.key"    # at least 32 letters, 0600: openssl rand -hex 32

[[source.files]]
file = "/etc/asterisk/extensions.conf"
system = "acd"                       # as in the changes that approve it
# class = "routing"                  # where rules tell changes apart by it
# kpi = true                         # figures depend on it
# name = "dial plan"                 # stated in place of the path
# ignore = ["^;"]                    # lines that do not count, as regular expressions

[[source.folders]]                   # the files of one folder, none below it
folder = "/etc/asterisk/queues.d"
pattern = "*.conf"
system = "acd"

# [[source.commands]]                # what a program prints; only where the kernel can hold it (Landlock)
# name = "packages"
# program = "/usr/bin/dpkg-query"
# arguments = ["-W"]
# system = "acd_host"

[[source.settings]]                  # a value out of one of the texts above, stated in clear
name = "acd/lock_out"
of = "/etc/asterisk/extensions.conf"
system = "acd"
class = "lock_out"
match = '^most_failures *= *([0-9]+)'   # the group in brackets is the value
# take = "last"                      # or first: which of several lines holds
# absent = "0"                       # what holds where no line fits; without it that is an error
# words = { "yes" = "masked", "no" = "clear" }   # for what is no number: value in the file = word that is stated

# [source.reads]                     # what the programs of source.commands have to read
# files = []
# folders = ["/var/lib/dpkg"]
"""

    key_file: Path
    texts: tuple[Text, ...]
    settings: tuple[Setting, ...]
    reads_files: tuple[Path, ...] = ()
    reads_folders: tuple[Path, ...] = ()

    @classmethod
    def from_options(cls, options: Options) -> Self:
        texts = tuple(parse_text(inner, what) for what in _KINDS for inner in options.tables(what))
        settings = tuple(parse_setting(inner) for inner in options.tables("settings"))
        if not 0 < len(texts) <= MOST:
            raise BadOption("files", f"1 to {MOST} files, folders and commands")
        names = [*(text.name for text in texts), *(setting.key for setting in settings)]
        if len(set(names)) < len(names):
            raise BadOption("name", "another name for each file, folder, command and setting")
        if twice := [text.name for text in texts if any(_holds(other, text) for other in texts)]:
            raise BadOption("files.file", f"no file of a listed folder: {twice[0]}")
        known = {text.name for text in texts if text.pattern is None}
        for setting in settings:
            if setting.of not in known:
                raise BadOption("settings.of", "the name of one of the files or commands")
        reads = options.table("reads", None)
        return cls(
            key_file=options.path("key_file"),
            texts=texts,
            settings=settings,
            reads_files=_paths(reads, "files"),
            reads_folders=_paths(reads, "folders"),
        )

    def manifest(self) -> Manifest:
        files = [text.path for text in self.texts if text.pattern is None and text.arguments is None]
        programs = {text.path for text in self.texts if text.arguments is not None}
        folders = [text.path for text in self.texts if text.pattern is not None]
        return Manifest(
            files=(self.key_file, *files, *self.reads_files),
            folders=(*folders, *self.reads_folders),
            programs=tuple(sorted(programs)),
        )

    def read(self, window: Window) -> Iterator[Observation | Done]:
        key = self._key()
        contents = {text: contents_of(text) for text in self.texts}
        entries = [
            (name, digest_of(text, content, key)) for text, found in contents.items() for name, content in found.items()
        ]
        by_name = {name: content for found in contents.values() for name, content in found.items()}
        entries += [(setting.key, self._value(setting, by_name[setting.of])) for setting in self.settings]
        yield inventory("setting", window.now, entries)
        since = _parse_cursor(window.cursor, window.now) or window.now - FIRST_LOOK
        yield Done((since, window.now), f"{window.now.timestamp():.3f}".encode(), detail=_ignored(contents))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield password_line(self.key_file)
        self._key()
        contents: dict[str, bytes | None] = {}
        for text in self.texts:
            try:
                found = contents_of(text)
            except SourceUnavailable as error:
                yield CheckLine("failed", text.name, str(error))
                continue
            contents |= found
            yield _line(text, found)
        for setting in self.settings:
            if setting.of not in contents:
                continue
            try:
                value = value_of(setting, contents[setting.of])
            except Malformed as error:
                yield CheckLine("failed", setting.key, f"{Reason.UNREADABLE}: {setting.of} has {error}")
            else:
                yield CheckLine("ok", setting.key, f"would be stated as {value.get('value', value.get('number'))}")

    def _value(self, setting: Setting, content: bytes | None) -> Attributes:
        try:
            return value_of(setting, content)
        except Malformed as error:
            told = f"{setting.key}: {setting.of} has {error}"
            raise SourceUnavailable(Reason.UNREADABLE, told) from error

    def _key(self) -> bytes:
        key = load_password(self.key_file)
        if len(key) < _KEY_LETTERS:
            told = f"{self.key_file} holds fewer than {_KEY_LETTERS} letters: openssl rand -hex 32 makes a key"
            raise SourceUnavailable(Reason.UNREADABLE, told)
        return key.encode()


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(ConfigSnapshot)


def _ignored(contents: Mapping[Text, Mapping[str, bytes | None]]) -> str:
    """How much of which texts `ignore` leaves out: what the digests do not see."""
    told = []
    for text, found in contents.items():
        held = [content for content in found.values() if content is not None] if text.ignored else []
        left_out = sum(len(content.splitlines()) - len(counted(text, content).splitlines()) for content in held)
        if left_out:
            told.append(f"{text.name} {left_out} of {sum(len(content.splitlines()) for content in held)}")
    return f"lines left out by `ignore`: {', '.join(told)}"[:500] if told else ""


def _line(text: Text, found: dict[str, bytes | None]) -> CheckLine:
    if not found:
        return CheckLine("warning", text.name, f"no file fits {text.pattern}")
    if None in found.values():
        return CheckLine("warning", text.name, f'is not there: "{ABSENT}" would be stated')
    sizes = [(len(content), len(counted(text, content))) for content in found.values() if content is not None]
    whole, counts = (sum(column) for column in zip(*sizes, strict=True))
    told = f"{len(found)} texts, {whole} bytes" + (
        f", of which {whole - counts} do not count" if whole > counts else ""
    )
    return CheckLine("warning" if whole and not counts else "ok", text.name, told)


def _holds(folder: Text, text: Text) -> bool:
    is_file = text.pattern is None and text.arguments is None
    if not is_file or folder.pattern is None:
        return False
    return text.path.parent == folder.path and fnmatch(text.path.name, folder.pattern)


def _paths(options: Options | None, key: str) -> tuple[Path, ...]:
    texts = () if options is None else options.texts(key, ())
    if any(not text.startswith("/") for text in texts):
        raise BadOption(f"reads.{key}", "absolute paths")
    return tuple(Path(text) for text in texts)


def _parse_cursor(cursor: bytes, now: datetime) -> datetime | None:
    """When the last list was made; None where there was none, or it says a time after now."""
    try:
        before = datetime.fromtimestamp(float(cursor), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return before if before < now else None
