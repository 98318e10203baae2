"""A plugin that asks a web API, as short as one can be. Imported in reader processes only."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent.facts import count
from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from ccmm_agent.secret_file import load_password, password_line
from ccmm_agent.web import Place, Web, bearer, manifest_of, place_lines, place_of


class Calls(Source):
    """How many calls a web API counts; `beside` and `direct` make it ask what its manifest does not name."""

    plugin: ClassVar[str] = "web"
    feeds: ClassVar[tuple[str, ...]] = ("calls_offered",)
    example: ClassVar[str] = (
        '[[source]]\nname = "w"\nplugin = "web"\nevery = "1h"\nurl = "https://a"\ntoken_file = "/t"\n'
    )

    def __init__(self, place: Place, beside: Place, token_file: Path) -> None:
        self._place, self._beside, self._token_file = place, beside, token_file

    @classmethod
    def from_options(cls, options: Options) -> Self:
        place = place_of(options)
        beside = place_of(options, key="beside", default=place.url)
        beside = replace(beside, proxy=None) if options.flag("direct", False) else beside
        return cls(place, beside, options.path("token_file"))

    def manifest(self) -> Manifest:
        return manifest_of(self._place, files=(self._token_file,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        with Web(self._beside, bearer(load_password(self._token_file))) as web:
            told = web.get("/calls", {"until": "now"}, what="calls").json_object()
        begin = window.now - timedelta(hours=1)
        number = told["calls"]
        assert isinstance(number, int)
        yield count("calls_offered", begin, number, queue="support")
        yield Done((begin, window.now), b"")

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from place_lines(self._place)
        yield password_line(self._token_file)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Calls)
