"""The source of the hostile plugin."""

from collections.abc import Callable, Iterator
from typing import Self

from ccmm_agent import facts, isolation
from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from tests.support.hostile import answers, reach
from tests.support.hostile.answers import QUARTER
from tests.support.hostile.wishes import Wishes

ACTS = {**answers.ACTS, **reach.ACTS}


class Hostile(Source):
    """Does what the option says before or instead of yielding."""

    plugin = "hostile"
    example = '[[source]]\nname = "hostile"\nplugin = "hostile"\nevery = "15m"\ndo = "fine"\n'

    def __init__(self, options: Options) -> None:
        self._wishes = Wishes(options)

    @property
    def feeds(self) -> tuple[str, ...]:
        return ("nonsense",) if self._wishes.do == "undeclared_feed" else ("calls_offered", "account")

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(options)

    def manifest(self) -> Manifest:
        return Manifest(
            files=self._wishes.files,
            folders=self._wishes.folders,
            endpoints=self._wishes.endpoints,
            programs=self._wishes.programs,
        )

    def read(self, window: Window) -> Iterator[Observation | Done]:
        if self._wishes.torn:
            setattr(isolation, "refusal", lambda *_: None)  # noqa: B010 - native code is not held by the fence either
        yield from ACTS[self._wishes.do](self._wishes, window) or ()
        yield facts.count("calls_offered", QUARTER, 3, queue="support")
        yield Done((QUARTER, window.now), b"next")

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from (
            CheckLine("ok", "reachable", str(number)) for number in range(3 if self._wishes.do == "fine" else 5000)
        )


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Hostile)
