"""YAML without surprises: one document of mappings, lists, text, numbers and true/false, each with its place.

>>> parse_document("a: [1, 2.5, true]", "x.yaml").child("a").plain()
[1, 2.5, True]

Refused: duplicate keys, keys that are no text, anchors, aliases, tags, implicit dates, sexagesimals, yes/no/on/off,
special numbers, more than one document, more than 512 KiB, more than 24 levels.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from ccmm_rules.errors import REFERENCE, PackError, PackErrors, one_of
from ccmm_rules.full_width import told, wide_in

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24
MAX_NODES = 50_000

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_QUOTING = ("'", '"', "|", ">")

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and where it stands. `value` is a scalar, a tuple of nodes, or a mapping of key to node."""

    file: str
    line: int
    column: int
    value: "bool | int | float | str | tuple[Node, ...] | Mapping[str, Node] | None"
    keys: "Mapping[str, Node]"  # of a mapping: the node of each key
    block: int = 0  # of a `|` text: the column of its first character; 0 for all else
    quoted: bool = False

    def error(self, message: str, mend: str = "") -> PackError:
        return PackError(file=self.file, line=self.line, column=self.column, message=message, mend=mend)

    def fail(self, message: str, mend: str = "") -> NoReturn:
        raise PackErrors([self.error(message, mend)])

    def plain(self) -> Plain:
        """The value without places."""
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        return self.value

    def child(self, key: str) -> "Node":
        """The node under `key`; PackErrors at this mapping where it is not there."""
        children = self.mapping()
        if key not in children:
            self.fail(f"'{key}' is not there", f"add '{key}:'")
        return children[key]

    def get(self, key: str) -> "Node | None":
        return self.mapping().get(key)

    def mapping(self) -> "Mapping[str, Node]":
        if not isinstance(self.value, Mapping):
            self.fail("a mapping is expected here", "write {key: value}")
        return self.value

    def sequence(self) -> "tuple[Node, ...]":
        if not isinstance(self.value, tuple):
            self.fail("a list is expected here", "write [ ... ]")
        return self.value

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.fail("text is expected here", "put it in quotes")
        return self.value

    def whole(self) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail("a whole number is expected here", "write it like 5, without quotes and without a point")
        return self.value

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            self.fail("a number is expected here", "write it like 90 or 99.5, without quotes")
        return float(self.value)

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.fail("true or false is expected here", "write true or false, without quotes")
        return self.value

    def only(self, allowed: Mapping[str, object] | frozenset[str], page: str = REFERENCE) -> list[PackError]:
        """One error for each key of this mapping that is not allowed; where those are many it names the page."""
        return [
            self.keys[key].error(f"unknown key '{key}'", one_of(key, allowed, page))
            for key in self.mapping()
            if key not in allowed
        ]

    def at(self, line: int, column: int) -> tuple[int, int]:
        """Where in the file the character at (line, column) of this text stands; both count from 1."""
        if self.block:
            return self.line + line, self.block + column - 1
        if line == 1:
            return self.line, self.column + column - 1 + (1 if self.quoted else 0)
        return self.line, self.column


def parse_document(data: str | bytes, file: str) -> Node:
    """The one document in `data`. Raises PackErrors and nothing else."""
    text = _decoded(data, file)
    try:
        _check_events(text, file)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise PackErrors([_syntax(error, file, text)]) from error
    if root is None:
        empty = PackError(file=file, line=1, column=1, message="the file is empty", mend="write it, or delete it")
        raise PackErrors([empty])
    errors: list[PackError] = []
    node = _built(root, file, text.split("\n"), errors)
    if errors:
        raise PackErrors(errors)
    return node


def _decoded(data: str | bytes, file: str) -> str:
    size = len(data)
    if size > MAX_BYTES:
        raise PackErrors([PackError(file=file, line=1, column=1, message=f"larger than {MAX_BYTES} bytes")])
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PackErrors(
            [PackError(file=file, line=1, column=error.start + 1, message="not UTF-8", mend="save the file as UTF-8")]
        ) from error


def _syntax(error: yaml.YAMLError, file: str, text: str) -> PackError:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    wide = _wide_near(error, text.split("\n"), line)
    if wide is not None:
        line, column, (message, mend) = wide
        return PackError(file=file, line=line, column=column, message=f"not YAML: {message}", mend=mend)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    mend = "check the brackets, quotes and indentation from here upwards"
    if "tab character" in problem or "'\\t'" in problem:
        problem, mend = "a tab stands here", "indent with spaces"
    return PackError(file=file, line=line, column=column, message=f"not YAML: {problem}", mend=mend)


def _wide_near(error: yaml.YAMLError, lines: list[str], line: int) -> tuple[int, int, tuple[str, str]] | None:
    """Line, column and words of a full-width character near the error: at it, where it began, or just before."""
    began = getattr(error, "context_mark", None)
    for near in (line, began.line + 1 if began is not None else line, line - 1):
        for at, wide, plain in wide_in(lines[near - 1].partition(" #")[0] if 0 < near <= len(lines) else ""):
            return near, at + 1, told(wide, plain)
    return None


def _check_events(text: str, file: str) -> None:
    """Refuses what the composer would hide (anchors, tags) or choke on (depth), before it runs."""
    errors = [
        PackError(file=file, line=mark.line + 1, column=mark.column + 1, message=message, mend=mend)
        for mark, message, mend in _refused(text)
    ]
    if errors:
        raise PackErrors(errors)


def _refused(text: str) -> Iterator[tuple[Any, str, str]]:
    depth = documents = nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            yield mark, "an alias (*) is not allowed", "write the value out"
            continue
        if getattr(event, "anchor", None) is not None:
            yield mark, "an anchor (&) is not allowed", "write the value out"
        if getattr(event, "tag", None) is not None:
            yield mark, "a tag (!) is not allowed", "leave it out"
        nodes += isinstance(event, yaml.NodeEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            yield mark, f"more than {MAX_DEPTH} levels or {MAX_NODES} values", "split it"
            return
        if documents > 1:
            yield mark, "a second document", "one document a file"
            return


def _built(node: yaml.Node, file: str, lines: list[str], errors: list[PackError]) -> Node:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    if isinstance(node, yaml.MappingNode):
        return _built_mapping(node, file, lines, errors)
    if isinstance(node, yaml.SequenceNode):
        values = tuple(_built(child, file, lines, errors) for child in node.value)
        return Node(file=file, line=line, column=column, value=values, keys={})
    assert isinstance(node, yaml.ScalarNode)
    block = _block_column(lines, node.start_mark.line) if node.style in ("|", ">") else 0
    place = Node(
        file=file, line=line, column=column, value=node.value, keys={}, block=block, quoted=node.style in ("'", '"')
    )
    if node.style in _QUOTING:
        return place
    value, problem, mend = _scalar(node.value, node.tag)
    if problem:
        errors.append(place.error(problem, mend))
    return Node(file=file, line=line, column=column, value=value, keys={})


def _block_column(lines: list[str], line: int) -> int:
    first = next((text for text in lines[line + 1 :] if text.strip()), "")
    return len(first) - len(first.lstrip()) + 1


def _built_mapping(node: yaml.MappingNode, file: str, lines: list[str], errors: list[PackError]) -> Node:
    values: dict[str, Node] = {}
    keys: dict[str, Node] = {}
    for key_node, value_node in node.value:
        key = _built(key_node, file, lines, errors)
        value = _built(value_node, file, lines, errors)
        if not isinstance(key.value, str):
            errors.append(key.error("a key must be text", "put it in quotes"))
        elif key.value in values:
            errors.append(key.error(f"'{key.value}' stands here twice", "keep one"))
        else:
            values[key.value], keys[key.value] = value, key
    return Node(file=file, line=node.start_mark.line + 1, column=node.start_mark.column + 1, value=values, keys=keys)


def _scalar(text: str, tag: str) -> tuple[bool | int | float | str | None, str, str]:
    """(value, problem, mend) of an unquoted scalar; `tag` is what YAML 1.1 would make of it."""
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind == "str":
        return text, "", ""
    if kind == "bool":
        if text in ("true", "false"):
            return text == "true", "", ""
        return text, f"'{text}' is read as true or false by some", "write true or false, or put it in quotes"
    if kind == "null":
        return None, "an empty value", "write the value or leave the key out"
    if kind == "int" and _WHOLE.fullmatch(text):
        return int(text), "", ""
    if kind == "float" and _NUMBER.fullmatch(text) and len(text) < 30:
        return float(text), "", ""
    if kind == "timestamp":
        return text, "an unquoted date", "put it in quotes"
    return text, f"'{text}' has a surprising meaning in YAML ({kind})", "put it in quotes or write a plain number"
