"""The options of the hostile plugin: what it is to do, and to what."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from ccmm_agent.plugin import Done, Observation, Options, Window


class Wishes:
    """One table of agent.toml."""

    def __init__(self, options: Options) -> None:
        self.do = options.text("do")
        self.path = options.path("path", None)
        self.port = options.whole("port", 0)
        self.host = options.text("host", "127.0.0.1")
        self.torn = options.flag("torn", False)
        self.files = tuple(map(Path, options.texts("files", ())))
        self.folders = tuple(map(Path, options.texts("folders", ())))
        self.programs = tuple(map(Path, options.texts("programs", ())))
        self.arguments = options.texts("arguments", ())
        self.seconds = options.whole("seconds", 10)
        self.endpoints = tuple(("127.0.0.1", int(port)) for port in options.texts("ports", ()))


Told: TypeAlias = Iterator[Observation | Done] | Iterator[Observation] | Iterator[Done]
Act: TypeAlias = Callable[[Wishes, Window], Told | None]
