"""The commands of `ccmm-agent`. What they do stands in the modules they call, imported only when needed."""

from pathlib import Path
from typing import Annotated

import typer

from ccmm_agent.texts import LANGUAGES, text_of

app = typer.Typer(
    name="ccmm-agent",
    help="Reads, signs, spools and submits compliance evidence at a contact center.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The agent's folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def _language(given: str) -> str:
    if given not in LANGUAGES:
        raise typer.BadParameter("en or zh is expected")
    return given


Language = Annotated[str, typer.Option(callback=_language, envvar="CCMM_LANG", help="Of what is told: en or zh 中文.")]


@app.command()
def join(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The join code of `ccmm-collector invite`.")],
    folder: Folder,
    pseudonym_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The center's key, exported by its first agent."),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="The center's IANA time zone; else this machine's.")] = None,
    lang: Language = "en",
) -> None:
    """Enroll by a join code: keys, and a short agent.toml."""
    from ccmm_agent import join as joining

    admission = joining.join(code, folder, pseudonym_key=pseudonym_key, zone=zone or joining.local_zone())
    for line in joining.told(admission, folder, lang, by_machine=zone is None):
        typer.echo(line, err=True)


@app.command()
def add_source(
    folder: Folder,
    word: Annotated[str, typer.Argument(metavar="TYPE", help="A source type of `ccmm-agent plugins`.")],
    name: Annotated[str | None, typer.Option(help="What you call it; else as its example does.")] = None,
    lang: Language = "en",
) -> None:
    """Append a source to agent.toml, to be filled in.

    It is the example of its type, with every option explained.
    """
    from ccmm_agent import add_source as adding

    for line in adding.told(folder, adding.add_source(folder, word, name=name), lang):
        typer.echo(line, err=True)


@app.command()
def check(
    folder: Folder,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    lang: Language = "en",
    as_json: AsJson = False,
) -> None:
    """Every source: reachable? rights? what would leave?

    Beside what failed stands what mends it.
    """
    from ccmm_agent.look import check as looking

    raise typer.Exit(0 if looking(folder, source=source, as_json=as_json, language=lang) else 1)


@app.command()
def collect(
    folder: Folder,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    from_start: Annotated[bool, typer.Option(help="From the beginning, not from where the last run ended.")] = False,
    lang: Language = "en",
    as_json: AsJson = False,
) -> None:
    """One run now, as it would be signed; not sent."""
    from ccmm_agent.look import collect as looking

    everything = looking(folder, source=source, as_json=as_json, from_start=from_start, language=lang)
    raise typer.Exit(0 if everything else 1)


@app.command()
def run(folder: Folder) -> None:
    """Read on schedule, sign, spool and submit.

    Until SIGTERM or Ctrl-C: then the run at hand is finished.
    """
    from ccmm_agent.run import run_agent

    run_agent(folder)


@app.command()
def status(folder: Folder, lang: Language = "en", as_json: AsJson = False) -> None:
    """What waits, the last receipt, every source."""
    from ccmm_agent import status as state

    state.status(folder, as_json=as_json, language=lang)


@app.command()
def attest(
    folder: Folder,
    kind: Annotated[str, typer.Option(help="What is attested, a word of the vocabulary: workplace ...")],
    title: Annotated[str, typer.Option(help="What it is about; the same kind and title replaces the former.")],
    file: Annotated[Path, typer.Option(metavar="FILE", help="The paper that says so; only its digest leaves.")],
    valid_until: Annotated[str | None, typer.Option(metavar="DATE", help="Last day, YYYY-MM-DD.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="What it says: m2_per_seat=4.5; may repeat.")
    ] = None,
) -> None:
    """State what a paper says, bound to its digest.

    All attestations in force are restated.
    """
    from ccmm_agent.attesting import attest as attesting

    attesting(folder, kind=kind, title=title, file=file, valid_until=valid_until, settings=settings or ())


@app.command()
def plugins(
    lang: Language = "en",
    as_json: AsJson = False,
    example: Annotated[
        str | None, typer.Option(help="Print the [[source]] of this type, every option explained.")
    ] = None,
) -> None:
    """Every installed source type, and what it reads."""
    from ccmm_agent.add_source import example_of
    from ccmm_agent.plugins_view import show_plugins

    if example is not None:
        typer.echo(example_of(example))
    else:
        show_plugins(as_json=as_json, language=lang)


@app.command()
def show_outbox(
    folder: Folder,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many statements.")] = 50,
    lang: Language = "en",
    as_json: AsJson = False,
) -> None:
    """What waits and what was sent, readable."""
    from ccmm_agent.outbox_view import show_outbox as showing

    showing(folder, as_json=as_json, limit=limit, language=lang)


@app.command()
def export_pseudonym_key(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, 0600.")],
    lang: Language = "en",
) -> None:
    """Write the center's pseudonym key for its next agent."""
    from ccmm_agent.identity import KeyFolder, export_pseudonym_key

    export_pseudonym_key(KeyFolder(folder), file)
    typer.echo(text_of("key_exported", lang, file=file), err=True)


@app.command()
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its word in agent.toml: small letters, digits, _.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A new or empty one; else ./ccmm-plugin-NAME.")
    ] = None,
) -> None:
    """Write a whole plugin package with its tests.

    docs/plugins/writing-a-plugin.md goes on from there.
    """
    from ccmm_agent.new_plugin import write_plugin

    target = folder or Path(f"ccmm-plugin-{name.replace('_', '-')}")
    for path in write_plugin(name, target):
        typer.echo(str(path))
    typer.echo(f"next: cd {target} && python -m pytest", err=True)
