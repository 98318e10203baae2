"""Load a pack: `pack.yaml`, `controls.yaml`, a file per rule, scenarios beside them. Every error of all files at once.

>>> from pathlib import Path
>>> load_pack(Path("/nonexistent"))
Traceback (most recent call last):
ccmm_rules.errors.PackErrors: pack.yaml:1:1: no pack here: /nonexistent; a pack is a folder with pack.yaml
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path

from ccmm_rules.composite import Borrowed, borrowed, headings_of, needed
from ccmm_rules.control_load import CONTROLS, check_controls, load_controls
from ccmm_rules.errors import PackError, PackErrors
from ccmm_rules.model import Pack, Rule
from ccmm_rules.pack_head import PackHead, load_head
from ccmm_rules.parsing import Collected
from ccmm_rules.rule_load import load_rule
from ccmm_rules.rule_order import check_reads
from ccmm_rules.scenario_facts import check_scenarios
from ccmm_rules.standard import Use
from ccmm_rules.strict_yaml import Node, parse_document
from ccmm_rules.vocabulary.tables import load_vocabulary

SCENARIOS = ".scenarios.yaml"
SIGNATURE = "pack.sig"
_BESIDE = ("README", "LICENSE")  # what may stand in a pack's folder and is no part of it
BUILT_IN = Path(str(resources.files("ccmm_rules"))) / "packs"

# Gives a used pack by name and digest, None where there is none. Who keeps packs by digest answers by digest.
Resolver = Callable[[str, str], Pack | None]


def load_pack(folder: Path, resolve: Resolver | None = None) -> Pack:
    """Without `resolve` a used pack is the folder of its name beside this one, or a built-in one. Raises PackErrors."""
    collected = Collected()
    pack = collected.attempt(pack_of, _files(folder), resolve if resolve is not None else _beside(folder.parent))
    collected.errors += _strays(folder)
    collected.raise_any()
    assert pack is not None
    return pack


def pack_of(files: Mapping[str, bytes], resolve: Resolver | None = None) -> Pack:
    """The pack made of these files, by relative path. Raises PackErrors."""
    collected = Collected()
    root = collected.attempt(parse_document, files.get("pack.yaml", b""), "pack.yaml")
    head = collected.attempt(load_head, root) if root is not None else None
    used = None
    if root is not None and head is not None:
        used = collected.attempt(_used, root, head, resolve if resolve is not None else _beside(BUILT_IN))
    headings = frozenset((*(head.headings if head is not None else ()), *(used.headings if used is not None else ())))
    rules: dict[str, Rule] = {}
    documents: dict[str, Node] = {}
    scenarios: list[tuple[str, Node]] = []
    controls: Node | None = None
    for name in sorted(files):
        if name == "pack.yaml":
            continue
        with collected.trying():
            document = parse_document(files[name], name)
            if name == CONTROLS:
                controls = document
            elif name.endswith(SCENARIOS):
                scenarios.append((name, document))
                collected.errors += check_scenarios(document, load_vocabulary())
            elif head is not None:
                rule = load_rule(document, _digest(files[name]), headings, load_vocabulary())
                _add(rules, rule, document)
                documents[rule.id] = document
    collected.errors += _stray(scenarios, files)
    if used is not None:
        broken = frozenset(_stems(files)) - rules.keys()
        everything = {**used.rules, **rules}
        collected.errors += check_reads(everything, documents, broken)
        if controls is not None and collected.errors:  # else it is loaded with all the rest
            collected.attempt(load_controls, controls, everything, broken)
    collected.raise_any()
    assert root is not None
    assert head is not None
    assert used is not None
    return _assembled(root, head, used, rules, controls, tuple(scenarios), digest_of(files))


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and bytes of a pack's files, hex."""
    return _digest(*(part for name in sorted(files) for part in (name.encode(), files[name])))


def folder_digest(folder: Path) -> str:
    """The digest of the pack in a folder, whether it loads or not. Raises PackErrors where there is none."""
    return digest_of(_files(folder))


def _files(folder: Path) -> dict[str, bytes]:
    if not (folder / "pack.yaml").is_file():
        missing = PackError(
            file="pack.yaml",
            line=1,
            column=1,
            message=f"no pack here: {folder}",
            mend="a pack is a folder with pack.yaml",
        )
        raise PackErrors([missing])
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files_of(folder)}


def files_of(folder: Path) -> list[Path]:
    """The files that make the pack in a folder: what its digest and its signature cover."""
    return sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def _strays(folder: Path) -> list[PackError]:
    """Files from which nothing is read, though they look as if something were. Hidden ones are the editor's matter."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or path.suffix == ".yaml" or path.name == SIGNATURE or path.name.startswith(_BESIDE):
            continue
        if path.suffix.lower() in (".yml", ".yaml"):
            message, mend = "nothing is read from a file of this name", f"name it {path.stem}.yaml"
        elif any(part.startswith(".") for part in Path(name).parts):
            continue
        else:
            message, mend = "this is no file of a pack", "move it out of the folder; README and LICENSE may stay"
        found.append(PackError(file=name, line=1, column=1, message=message, mend=mend))
    return found


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _beside(parent: Path) -> Resolver:
    def resolve(name: str, digest: str) -> Pack | None:
        folder = next((at / name for at in (parent, BUILT_IN) if (at / name / "pack.yaml").is_file()), None)
        return _loaded(folder, folder_digest(folder)) if folder is not None else None

    return resolve


@lru_cache(maxsize=8)
def _loaded(folder: Path, digest: str) -> Pack:
    """A used pack, loaded once for all packs of the process that use it. `digest` is that of its files."""
    return load_pack(folder, _none)


def _none(name: str, digest: str) -> None:
    """A used pack uses no packs: so there is no circle."""


def _used(root: Node, head: PackHead, resolve: Resolver) -> Borrowed:
    if not head.uses:
        return Borrowed()
    collected = Collected()
    found: list[tuple[Node, Pack]] = []
    for node, use in zip(root.child("uses").sequence(), head.uses, strict=True):
        pack = collected.attempt(_resolved, node, use, resolve)
        found += [(node, pack)] if pack is not None else []
    collected.raise_any()
    return borrowed(found)


def _resolved(node: Node, use: Use, resolve: Resolver) -> Pack:
    name, digest = node.child("pack"), node.child("digest")
    try:
        pack = resolve(use.pack, use.digest)
    except PackErrors as error:
        wrong = name.error(f"the used pack '{use.pack}' does not load: {error.errors[0]}", "mend that pack first")
        raise PackErrors([wrong]) from error
    if pack is None:
        name.fail(
            f"no pack '{use.pack}' is at hand", "put its folder beside this one; a used pack uses no packs itself"
        )
    if pack.digest != use.digest:
        digest.fail(
            f"the used pack '{use.pack}' has changed: its digest is {pack.digest}",
            "see what changed in it, then write this digest",
        )
    return pack


def _add(rules: dict[str, Rule], rule: Rule, document: Node) -> None:
    if Path(document.file).stem != rule.id:
        document.child("id").fail(f"file and id differ: {rule.id}", f"name the file {rule.id}.yaml")
    if rule.id in rules:
        document.child("id").fail(f"{rule.id} is in {rules[rule.id].file} too", "ids are unique")
    rules[rule.id] = rule


def _stems(files: Iterable[str]) -> set[str]:
    """The ids that the names of the files promise."""
    return {Path(name).stem for name in files if name not in ("pack.yaml", CONTROLS) and not name.endswith(SCENARIOS)}


def _stray(scenarios: list[tuple[str, Node]], files: Iterable[str]) -> list[PackError]:
    return [
        document.error(f"scenarios of no rule: {name}", "name the file ID.scenarios.yaml")
        for name, document in scenarios
        if Path(name).name.removesuffix(SCENARIOS) not in _stems(files)
    ]


def _assembled(
    root: Node,
    head: PackHead,
    used: Borrowed,
    own: Mapping[str, Rule],
    document: Node | None,
    scenarios: tuple[tuple[str, Node], ...],
    digest: str,
) -> Pack:
    """The whole pack once each of its files is right by itself."""
    for name in sorted(own.keys() & used.rules.keys()):
        root.child("uses").fail(f"{name} is a rule of a used pack too", f"rename {own[name].file}")
    everything = {**used.rules, **own}
    groups, controls = load_controls(document, everything) if document is not None else ({}, ())
    wrong = check_controls(root, document, own, controls, head.scoring, claims=head.claims_certificate)
    if wrong:
        raise PackErrors(wrong)
    rules = needed([*own, *(asked.rule for control in controls for asked in control.asks)], everything)
    headings, dimensions = headings_of(rules.values(), head.headings, head.dimensions, used)
    return Pack(
        id=head.id,
        version=head.version,
        titles=head.titles,
        effective_from=head.effective_from,
        effective_until=head.effective_until,
        replaces=head.replaces,
        claims_certificate=head.claims_certificate,
        uses=head.uses,
        scoring=head.scoring,
        origin=head.origin,
        hold_backfill_share=head.hold_backfill_share,
        rules=rules,
        headings=headings,
        dimensions=dimensions,
        groups=groups,
        controls=controls,
        scenarios=scenarios,
        vocabulary=load_vocabulary(),
        digest=digest,
    )
