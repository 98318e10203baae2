"""Finds plugins by their entry points (group "ccmm_agent") and imports only the one that is named.

An entry point has the plugin's word as its name, or the stem of several words: `asterisk` and `asterisk_cdr`
both come from the entry point `asterisk` where no entry point is called `asterisk_cdr`.

Whoever calls `load_source` or `load_sources` runs plugin code in this very process: the reader does, tests do. The
agent's own process, which holds keys, asks `ccmm_agent.reading.describe_source` and `offered_sources` instead.
"""

import hashlib
import importlib
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

import pluggy

from ccmm_agent.plugin import PROJECT, PluginHooks, Reason, Source, SourceUnavailable
from ccmm_proto.v1.statement_pb2 import Software


def plugin_entry_points() -> tuple[EntryPoint, ...]:
    """All installed entry points of the group, by name; nothing is imported."""
    return tuple(sorted(entry_points(group=PROJECT), key=lambda point: point.name))


def entry_point_of(word: str) -> EntryPoint:
    """The entry point that brings this plugin word; raises SourceUnavailable where none is installed."""
    stems = [point for point in plugin_entry_points() if word == point.name or word.startswith(f"{point.name}_")]
    if not stems:
        raise SourceUnavailable(Reason.BAD_OPTION, f"no plugin {word!r} is installed")
    return max(stems, key=lambda point: len(point.name))


def module_name_of(point: EntryPoint) -> str:
    """The module that the entry point names."""
    return point.value.partition(":")[0].strip()


def load_source(word: str, module: str | None = None) -> type[Source]:
    """The Source class of one plugin word; only its module is imported. Raises SourceUnavailable."""
    found = sources_of(importlib.import_module(module or module_name_of(entry_point_of(word))))
    if word not in found:
        raise SourceUnavailable(Reason.BAD_OPTION, f"no source {word!r}; its plugin has {', '.join(sorted(found))}")
    return found[word]


def load_sources() -> dict[str, type[Source]]:
    """Every installed Source class by its word. Imports all plugins: never where keys are (see above)."""
    found: dict[str, type[Source]] = {}
    for name in dict.fromkeys(module_name_of(point) for point in plugin_entry_points()):
        for word, source in sources_of(importlib.import_module(name)).items():
            if found.setdefault(word, source) is not source:
                raise ValueError(f"plugin word {word!r} is taken twice")
    return found


def sources_of(module: ModuleType) -> dict[str, type[Source]]:
    """What the module's hook registers, by word; raises ValueError for a misspelt hook or a word taken twice."""
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(PluginHooks)
    plugins.register(module)
    plugins.check_pending()
    found: dict[str, type[Source]] = {}

    def register(source: type[Source]) -> None:
        if found.setdefault(source.plugin, source) is not source:
            raise ValueError(f"plugin word {source.plugin!r} is taken twice")

    plugins.hook.register_sources(register=register)
    return found


def plugin_software(word: str) -> Software:
    """Name, version and digest of the plugin's distribution; reads its files, imports nothing."""
    point = entry_point_of(word)
    name, version = (point.dist.name, point.dist.version) if point.dist else (module_name_of(point), "")
    return Software(name=name, version=version, digest=module_digest(module_name_of(point)))


def module_digest(module: str, path: Path | None = None) -> bytes:
    """SHA-256 over the Python files of the module's top package: each name, length and content, in order of name."""
    spec = PathFinder.find_spec(module.partition(".")[0], None if path is None else [str(path)])
    digest = hashlib.sha256()
    if spec is None:
        return digest.digest()
    roots = [Path(folder) for folder in spec.submodule_search_locations or ()]
    for name, file in sorted(_python_files(roots) if roots else [(module, Path(spec.origin or ""))]):
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.digest()


def _python_files(roots: list[Path]) -> Iterator[tuple[str, Path]]:
    for root in roots:
        for file in root.rglob("*.py"):
            yield file.relative_to(root).as_posix(), file
