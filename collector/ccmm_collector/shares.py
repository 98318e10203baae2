"""Several judges of one folder: which centers each of them judges, and what the one that projects tells the others."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Share:
    """The centers of one judge of `of`. The first one, number 0, projects as well."""

    number: int = 0
    of: int = 1

    def has(self, center: str) -> bool:
        """Whether this judge judges the center: exactly one of them does, the same one after every start.

        >>> [[share.has(name) for name in ("north", "lake", "mill")] for share in (Share(0, 2), Share(1, 2))]
        [[True, False, False], [False, True, True]]
        """
        return zlib.crc32(center.encode()) % self.of == self.number


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class News:
    """What was projected since the news before."""

    position: int  # the index up to which now everything is
    feeds: Mapping[str, set[str]]  # of each center what came, or ALL
    acts: bool  # whether acts about no center are among it, such as another rule pack

    def of_share(self, share: Share) -> Self:
        """What one judge needs of it."""
        feeds = {name: found for name, found in self.feeds.items() if share.has(name)}
        return type(self)(self.position, feeds, self.acts)

    def after(self, before: Self) -> Self:
        """Both in one, where `before` was not heard yet."""
        feeds = {name: set(found) for name, found in before.feeds.items()}
        for name, found in self.feeds.items():
            feeds.setdefault(name, set()).update(found)
        return type(self)(self.position, feeds, self.acts or before.acts)

    def line(self) -> bytes:
        """As it goes through a pipe, with the line's end."""
        feeds = {name: sorted(found) for name, found in self.feeds.items()}
        return json.dumps([self.position, feeds, self.acts], ensure_ascii=False).encode() + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> Self:
        """What `line` told.

        >>> told = News(7, {"north": {"call"}}, acts=False)
        >>> News.of_line(told.line()) == told
        True
        """
        position, feeds, acts = json.loads(line)
        return cls(position, {name: set(found) for name, found in feeds.items()}, acts)
