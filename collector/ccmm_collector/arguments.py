"""What the commands about verdicts and packs take alike: their arguments and options, and how they are read."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ccmm_proto.period import to_ms

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="the collector's folder")]
Center = Annotated[str, typer.Argument(help="the center's name")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
At = Annotated[str | None, typer.Option("--at", help="judge at this instant, e.g. 2026-11-22T08:00+08:00")]
KnownAt = Annotated[str | None, typer.Option("--known-at", help="use what was recorded by then; as --at by default")]
Pack = Annotated[str, typer.Argument(metavar="PACK", help="a folder with pack.yaml, a name, or a digest")]
PackFolder = Annotated[str, typer.Argument(metavar="PACK", help="a folder with pack.yaml")]
AuthorsPack = Annotated[str, typer.Argument(metavar="PACK", help="a folder with pack.yaml, or a built-in name")]
PackName = Annotated[str | None, typer.Option("--pack", help="judge by this pack: a folder, a name or a digest")]
Everything = Annotated[bool, typer.Option("--all", help="closed rules, too, and what mends each open one")]
Lang = Annotated[str, typer.Option(envvar="CCMM_LANG", help="en or zh")]


def parse_instant(text: str | None) -> int | None:
    """Milliseconds of a time with a zone; raises BadParameter (exit 2)."""
    if text is None:
        return None
    try:
        return to_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r}: a time with its zone is expected, e.g. 2026-11-22T08:00Z") from error


def language_of(lang: str) -> str:
    """Raises BadParameter (exit 2)."""
    if lang not in ("en", "zh"):
        raise typer.BadParameter("en or zh is expected")
    return lang
