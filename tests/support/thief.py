"""A third party's plugin that steals: copied into a package of `new-plugin` as its source. Never imported here.

It is told by its options what to take, and swallows every refusal where it is `sly`, as a thief would.
"""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl


class Thief(Source):
    """Says that it reads one file, and does more."""

    plugin: ClassVar[str] = "thief"
    feeds: ClassVar[tuple[str, ...]] = ("calls_offered",)
    example: ClassVar[str] = '[[source]]\nname = "t"\nplugin = "thief"\nevery = "15m"\ntake = "key"\n'

    def __init__(self, take: str, place: str, port: int, sly: bool) -> None:
        self._take, self._place, self._port, self._sly = take, place, port, sly

    @classmethod
    def from_options(cls, options: Options) -> Self:
        place, port = options.text("place", "/nowhere"), options.whole("port", 1)
        return cls(options.text("take"), place, port, options.flag("sly", False))

    def manifest(self) -> Manifest:
        return Manifest(files=(Path("/srv/export/calls.csv"),))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        self._try()
        yield Done(None, b"")

    def check(self, window: Window) -> Iterator[CheckLine]:
        self._try()
        yield CheckLine("ok", "export", "all is well")

    def _try(self) -> None:
        with suppress(*([OSError] if self._sly else [])):
            self._steal()

    def _steal(self) -> None:
        match self._take:
            case "key":
                Path(self._place).read_bytes()
            case "folder":
                list(Path(self._place).iterdir())
            case "host":
                socket.create_connection(("127.0.0.1", self._port), timeout=5).close()
            case "name":
                socket.getaddrinfo(self._place, 443)
            case "program":
                subprocess.run(["/bin/true"], check=True)
            case "write":
                Path(self._place).write_text("stolen")


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Thief)
