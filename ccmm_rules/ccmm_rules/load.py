"""Load a pack: `pack.yaml`, one file per rule, scenarios beside them. Every error of every file at once.

>>> from pathlib import Path
>>> load_pack(Path("/nonexistent"))
Traceback (most recent call last):
ccmm_rules.errors.PackErrors: pack.yaml:1:1: no pack here: /nonexistent; a pack is a folder with pack.yaml
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ccmm_rules.errors import PackError, PackErrors
from ccmm_rules.model import Heading, Pack, Rule, Scoring
from ccmm_rules.parsing import Collected
from ccmm_rules.rule_load import load_rule
from ccmm_rules.strict_yaml import Node, parse_document
from ccmm_rules.vocabulary.tables import Titles, load_vocabulary, titles_of

_PACK_KEYS = frozenset(["id", "version", "title", "effective_from", "scoring", "dimensions", "headings"])
_SHARES = ("min_pass_share", "min_dimension_share", "min_fresh_share", "max_backfill_share")
SCENARIOS = ".scenarios.yaml"


def load_pack(folder: Path) -> Pack:
    """Raises PackErrors."""
    if not (folder / "pack.yaml").is_file():
        missing = PackError(
            file="pack.yaml",
            line=1,
            column=1,
            message=f"no pack here: {folder}",
            mend="a pack is a folder with pack.yaml",
        )
        raise PackErrors([missing])
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}
    return pack_of(files)


def pack_of(files: Mapping[str, bytes]) -> Pack:
    """The pack made of these files, by relative path. Raises PackErrors."""
    collected = Collected()
    root = collected.attempt(parse_document, files.get("pack.yaml", b""), "pack.yaml")
    head = collected.attempt(_head, root) if root is not None else None
    headings = frozenset(head[3]) if head is not None else frozenset()
    rules: dict[str, Rule] = {}
    scenarios: list[tuple[str, Node]] = []
    for name in sorted(files):
        if name == "pack.yaml":
            continue
        with collected.trying():
            document = parse_document(files[name], name)
            if name.endswith(SCENARIOS):
                scenarios.append((name, document))
            elif head is not None:
                _add(rules, load_rule(document, _digest(files[name]), headings, load_vocabulary()), document)
    collected.errors += _stray(scenarios, rules) if head is not None and not collected.errors else []
    collected.raise_any()
    assert head is not None
    assert root is not None
    return Pack(
        id=root.child("id").text(),
        version=root.child("version").text(),
        titles=titles_of(root.child("title")),
        effective_from=root.child("effective_from").text(),
        scoring=head[0],
        dimensions=head[1],
        headings=head[2],
        rules=dict(sorted(rules.items())),
        scenarios=tuple(scenarios),
        vocabulary=load_vocabulary(),
        digest=_digest(*(part for name in sorted(files) for part in (name.encode(), files[name]))),
    )


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _add(rules: dict[str, Rule], rule: Rule, document: Node) -> None:
    if Path(document.file).stem != rule.id:
        document.child("id").fail(f"file and id differ: {rule.id}", f"name the file {rule.id}.yaml")
    if rule.id in rules:
        document.child("id").fail(f"{rule.id} is in {rules[rule.id].file} too", "ids are unique")
    rules[rule.id] = rule


def _stray(scenarios: list[tuple[str, Node]], rules: Mapping[str, Rule]) -> list[PackError]:
    return [
        document.error(f"scenarios of no rule: {name}", "name the file ID.scenarios.yaml")
        for name, document in scenarios
        if Path(name).name.removesuffix(SCENARIOS) not in rules
    ]


_Head = tuple[Scoring, Mapping[str, Titles], Mapping[str, Heading], frozenset[str]]


def _head(root: Node) -> _Head:
    errors = root.only(_PACK_KEYS)
    if errors:
        raise PackErrors(errors)
    for key in ("id", "version", "effective_from"):
        root.child(key).text()
    titles_of(root.child("title"))
    dimensions = {name: titles_of(child) for name, child in root.child("dimensions").mapping().items()}
    headings = {
        name: _heading(name, child, frozenset(dimensions)) for name, child in root.child("headings").mapping().items()
    }
    return _scoring(root.child("scoring")), dimensions, headings, frozenset(headings)


def _heading(name: str, node: Node, dimensions: frozenset[str]) -> Heading:
    dimension = node.child("dimension")
    if dimension.text() not in dimensions:
        dimension.fail(f"'{dimension.text()}' is no dimension", f"known: {', '.join(sorted(dimensions))}")
    return Heading(id=name, dimension=dimension.text(), titles=titles_of(node.child("title")))


def _scoring(node: Node) -> Scoring:
    errors = node.only(frozenset(("model", *_SHARES)))
    if errors:
        raise PackErrors(errors)
    model = node.child("model")
    if model.text() != "cumulative_levels":
        model.fail(f"scoring model '{model.text()}' is not available in this version", "write cumulative_levels")
    shares = [_share(node.child(key)) for key in _SHARES]
    return Scoring(
        model=model.text(),
        min_pass_share=shares[0],
        min_dimension_share=shares[1],
        min_fresh_share=shares[2],
        max_backfill_share=shares[3],
    )


def _share(node: Node) -> float:
    value = node.number()
    if not 0.0 <= value <= 1.0:
        node.fail("a share is 0 to 1", "write 0.9")
    return value
