"""What parent and reader tell each other in JSON, beside the protobuf messages: Terms to it, descriptions from it.

Descriptions come from a process that ran plugin code: every field is checked, and only Malformed is raised.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from ccmm_agent.plugin import BadOption, Manifest
from ccmm_proto.errors import Malformed
from ccmm_proto.kinds import KINDS
from ccmm_proto.measures import MEASURES

Task: TypeAlias = Literal["read", "describe", "offer"]  # "read" also checks: ReadRequest.task says which
MAX_TEXTS = 10_000
MAX_EXAMPLE = 20_000
NOTHING = Manifest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms the reader runs: what it may reach, and what it must not even by mistake."""

    task: Task
    manifest: Manifest
    protected: tuple[Path, ...]  # folders with keys: a fence that opens them is refused
    parent_account: int  # effective user id of the agent
    module: str = ""  # of the plugin, where no entry point names it: tests, and plugins under development
    path: str = ""  # the folder of that module


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a source says of itself before it is read."""

    feeds: tuple[str, ...]
    value: int
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An installed source type. Where `feeds_vary` with the options, `feeds` are those of its example."""

    plugin: str
    example: str
    value: int
    feeds: tuple[str, ...]
    feeds_vary: bool = False
    broken: str = ""  # why it cannot be used; all but its word is empty then
    manifest: Manifest = NOTHING  # of its example: what a source of this type asks for


def terms_json(terms: Terms) -> bytes:
    """Terms as the reader parses them."""
    table = {
        "task": terms.task,
        "manifest": manifest_table(terms.manifest),
        "protected": [str(path) for path in terms.protected],
        "parent_account": terms.parent_account,
        "module": terms.module,
        "path": terms.path,
    }
    return json.dumps(table).encode()


def parse_terms(content: bytes) -> Terms:
    """The parent's Terms; raises Malformed."""
    table = _table(_json(content))
    task, parent_account = table.get("task"), table.get("parent_account")
    if task not in get_args(Task) or type(parent_account) is not int:
        raise Malformed("terms: a task and the parent's account are expected")
    return Terms(
        task=cast("Task", task),
        manifest=_manifest(table.get("manifest")),
        protected=tuple(Path(path) for path in _texts(table.get("protected"))),
        parent_account=parent_account,
        module=_text(table.get("module"), empty=True),
        path=_text(table.get("path"), empty=True),
    )


def manifest_table(manifest: Manifest) -> dict[str, object]:
    """The manifest as JSON types."""
    return {
        "files": [str(path) for path in manifest.files],
        "folders": [str(path) for path in manifest.folders],
        "endpoints": [list(endpoint) for endpoint in manifest.endpoints],
        "programs": [str(path) for path in manifest.programs],
    }


def parse_description(content: bytes) -> Description:
    """What a reader says of one source; raises Malformed."""
    table = _table(_json(content))
    feeds = _feeds(table.get("feeds"))
    if not feeds:
        raise Malformed("description: feeds name at least one measure or kind")
    return Description(feeds=feeds, value=_value(table.get("value")), manifest=_manifest(table.get("manifest")))


def parse_offers(content: bytes) -> tuple[Offered, ...]:
    """What a reader says is installed; raises Malformed."""
    return tuple(
        Offered(
            plugin=_text(table.get("plugin")),
            example=_text(table.get("example"), empty=True, limit=MAX_EXAMPLE),
            value=_value(table.get("value")),
            feeds=_feeds(table.get("feeds")),
            feeds_vary=table.get("feeds_vary") is True,
            broken=_text(table.get("broken", ""), empty=True),
            manifest=_manifest(table["manifest"]) if "manifest" in table else NOTHING,
        )
        for table in map(_table, _list(_json(content)))
    )


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Malformed("a table is expected")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > MAX_TEXTS:
        raise Malformed(f"a list of at most {MAX_TEXTS} is expected")
    return value


def _text(value: object, *, empty: bool = False, limit: int = 4096) -> str:
    if not isinstance(value, str) or not (value or empty) or len(value) > limit or "\0" in value:
        raise Malformed(f"a text of at most {limit} characters is expected")
    return value


def _texts(value: object) -> list[str]:
    return [_text(one) for one in _list(value)]


def _feeds(value: object) -> tuple[str, ...]:
    feeds = tuple(_texts(value))
    if unknown := [word for word in feeds if word not in KINDS and word not in MEASURES]:
        raise Malformed(f"feeds: no measure or kind {unknown[0][:40]!r}")
    return feeds


def _value(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 100:
        raise Malformed("value: 0 to 100 is expected")
    return value


def _manifest(value: object) -> Manifest:
    table = _table(value)
    endpoints = []
    for endpoint in _list(table.get("endpoints")):
        match endpoint:
            case [str() as host, int() as port] if len(host) <= 255 and not isinstance(port, bool):
                endpoints.append((host, port))
            case _:
                raise Malformed("manifest: an endpoint is [host, port]")
    try:
        return Manifest(
            files=tuple(Path(path) for path in _texts(table.get("files"))),
            folders=tuple(Path(path) for path in _texts(table.get("folders"))),
            endpoints=tuple(endpoints),
            programs=tuple(Path(path) for path in _texts(table.get("programs"))),
        )
    except BadOption as error:
        raise Malformed(str(error)) from error
