"""`plugins`: every installed source type, readable: what it is, whose, what it states, what it may reach."""

from dataclasses import asdict

from ccmm_agent.plugin import Manifest
from ccmm_agent.plugins import plugin_software
from ccmm_agent.reading import described_places, offered_sources
from ccmm_agent.screen import print_entry, print_json, print_line
from ccmm_agent.terms import Offered, manifest_table
from ccmm_agent.texts import text_of


def show_plugins(*, as_json: bool, language: str = "en") -> None:
    """Print every installed source type, and what a source like its example may reach."""
    offers = offered_sources()
    if as_json:
        print_json({"plugins": [_document(one) for one in offers]})
        return
    facts, may, software = text_of("plugin_rows", language).split("|")
    for one in offers:
        rows = (
            (facts, _feeds(one, language)),
            (may, _permissions(one.manifest, language)),
            (software, _software(one)),
        )
        print_entry(": ".join(filter(None, (one.plugin, title_of(one.example)))), rows)
    print_line(text_of("plugins_next", language))


def title_of(example: str) -> str:
    """The comment in its first line, which says what is read and names its page; nothing where there is none."""
    first = example.strip().partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _document(offer: Offered) -> dict[str, object]:
    software = plugin_software(offer.plugin)
    told = {"name": software.name, "version": software.version, "digest": software.digest.hex()}
    return {**asdict(offer), "software": told, "manifest": manifest_table(offer.manifest)}


def _software(offer: Offered) -> str:
    """As it stands in every statement, the digest cut short."""
    software = plugin_software(offer.plugin)
    return f"{software.name} {software.version} {software.digest.hex()[:12]}"


def _permissions(manifest: Manifest, language: str) -> str:
    """Read-only, all of it: nothing may be written, and no other host is asked."""
    opened, run = ", ".join(described_places(manifest)), ", ".join(map(str, manifest.programs))
    reads, runs = text_of("may_read", language, places=opened), text_of("may_run_them", language, programs=run)
    told = "; ".join(words for words, named in ((reads, opened), (runs, run)) if named)
    return text_of("of_example", language, told=told) if told else "-"


def _feeds(offer: Offered, language: str) -> str:
    if offer.broken:
        return text_of("unusable", language, why=offer.broken)
    found = ", ".join(offer.feeds)
    return text_of("feeds_vary", language, told=found) if offer.feeds_vary else found
