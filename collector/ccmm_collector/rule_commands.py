"""`rules check|test|explain`, thin over ccmm_rules; the others of `rules` stand in `pack_commands`."""

import json
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from ccmm_collector import pack_commands
from ccmm_collector.arguments import AuthorsPack, Json, Lang, language_of
from ccmm_collector.pack_cases import failures_of
from ccmm_collector.packs import BUILT_IN, authors_folder, load
from ccmm_proto.errors import BadConfig
from ccmm_rules.errors import PackError, PackErrors
from ccmm_rules.explaining import explain as words_of
from ccmm_rules.load import load_pack
from ccmm_rules.model import Pack, Rule
from ccmm_rules.wanted import wants_of


def register(app: typer.Typer) -> None:
    """Add `rules` and its commands."""
    rules = typer.Typer(
        help="Rule packs: check, test, explain, sign, verify, put in force, compare.", no_args_is_help=True
    )
    rules.command()(check)
    rules.command("test")(run_tests)
    rules.command()(explain)
    pack_commands.register(rules)
    app.add_typer(rules, name="rules")


def _load(words: str) -> Pack:
    """The pack; raises BadConfig with every error of every file."""
    return load(authors_folder(words))


def check(pack: AuthorsPack = BUILT_IN, as_json: Json = False) -> None:
    """Load a pack and say every error of every file with line, column and what mends it."""
    folder = authors_folder(pack)
    try:
        loaded = load_pack(folder)
    except PackErrors as error:
        if as_json:
            errors = [{name: getattr(one, name) for name in PackError.__slots__} for one in error.errors]
            print(json.dumps({"errors": errors}, ensure_ascii=False))
        raise BadConfig(f"{folder} does not load, {_several(len(error.errors), 'error')}:\n{error}") from error
    if as_json:
        named = {"id": loaded.id, "version": loaded.version, "digest": loaded.digest, "rules": len(loaded.rules)}
        print(json.dumps({**named, "errors": []}))
    else:
        print(f"{loaded.id} {loaded.version}: {_several(len(loaded.rules), 'rule')}, digest {loaded.digest}")


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def run_tests(pack: AuthorsPack = BUILT_IN, as_json: Json = False) -> None:
    """Run the cases and scenarios of a pack."""
    loaded = _load(pack)
    cases = sum(len(rule.cases) for rule in loaded.rules.values())
    failures = failures_of(loaded)
    if as_json:
        print(
            json.dumps({"cases": cases, "scenarios": len(loaded.scenarios), "failures": failures}, ensure_ascii=False)
        )
    else:
        for failure in failures:
            print(failure)
        found = [(len(loaded.rules), "rule"), (cases, "case"), (len(loaded.scenarios), "scenario")]
        counted = ", ".join(_several(number, what) for number, what in found)
        print(f"{counted}: {_several(len(failures), 'failure')}")
    if failures:
        raise BadConfig(f"{len(failures)} cases or scenarios fail")


def explain(
    rule_id: Annotated[str, typer.Argument(metavar="RULE", help="its id, e.g. D-SEC-09")],
    pack: AuthorsPack = BUILT_IN,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:
    """What a rule asks, what it reads, its limits, and what mends it."""
    lang = language_of(lang)
    loaded = _load(pack)
    rule = loaded.rules.get(rule_id)
    if rule is None:
        near = get_close_matches(rule_id.upper(), loaded.rules, n=5, cutoff=0.7)
        raise BadConfig(f"no rule {rule_id!r} in {loaded.id}" + (f"; near: {', '.join(near)}" if near else ""))
    document = _explained(loaded, rule)
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
        return
    head, *lines = words_of(rule)[lang].splitlines()
    print(head, document["heading"][lang], *lines, sep="\n")


def _explained(pack: Pack, rule: Rule) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "text": words_of(rule),
        "title": dict(rule.titles),
        "heading": dict(pack.headings[rule.heading].titles),
        "level": rule.level,
        "gate": rule.gate,
        "fresh_for_ms": rule.fresh_for_ms,
        "applies": rule.applies.source if rule.applies else None,
        "reads": [
            {
                "name": read.name,
                "operator": read.operator,
                "feeds": [
                    {"feed": want.feed, "ways": [{"by": way.by, "name": way.name} for way in want.ways]}
                    for want in wants_of(read)
                ],
                "names": [read.full(short) for short in sorted(read.names)],
                "fresh_for_ms": read.fresh_for_ms,
            }
            for read in rule.reads
        ],
        "require": rule.require.source,
        "limits": [{"name": table.name, "unit": table.unit, "values": dict(table.values)} for table in rule.limits],
        "remedy": dict(rule.remedy),
        "crosswalk": list(rule.crosswalk),
        "digest": rule.digest,
    }
