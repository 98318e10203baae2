"""`rules sign|verify|activate|diff|feeds`: who answers for a pack, when it counts, what it changes, what feeds it."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import judge_tables as tables
from ccmm_collector import keys
from ccmm_collector.answers import iso, pack_head
from ccmm_collector.arguments import AuthorsPack, Folder, Json, Lang, Pack, PackFolder, language_of, parse_instant
from ccmm_collector.config import load_trusted_keys
from ccmm_collector.diff import diff as run_diff
from ccmm_collector.feeds import feeds_of
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.log import EvidenceLog
from ccmm_collector.pack_cases import check_cases
from ccmm_collector.pack_signing import hinted_key, load_signature, sign_pack, signer_of, verify_manifest
from ccmm_collector.pack_tables import show_diff, show_feeds
from ccmm_collector.packs import BUILT_IN, Packs, activate_pack, authors_folder, is_built_in, load, start_of
from ccmm_collector.transition import activations, in_force
from ccmm_proto.envelope import verify_opened
from ccmm_proto.errors import BadConfig
from ccmm_rules.model import Pack as Loaded

KeyFile = Annotated[Path | None, typer.Option("--key", help="an Ed25519 private key (PEM)")]
NewKey = Annotated[Path | None, typer.Option("--new-key", help="make a key, keep it in this file, and sign with it")]

Despite = Annotated[bool, typer.Option("--despite-failures", help="although its own cases or scenarios fail")]


def register(rules: typer.Typer) -> None:
    """Add the commands to `rules`."""
    rules.command()(sign)
    rules.command()(verify)
    rules.command()(activate)
    rules.command()(diff)
    rules.command()(feeds)


def signing_key(key: Path | None, new_key: Path | None) -> Ed25519PrivateKey:
    """The key in a file, or a new one put there, readable by its owner only; raises BadConfig, BadParameter."""
    if (key is None) == (new_key is None):
        raise typer.BadParameter("one of --key FILE and --new-key FILE is expected")
    if key is not None:
        return keys.load_ed25519_key(key)
    assert new_key is not None
    made = Ed25519PrivateKey.generate()
    try:
        keys.save_private_key(new_key, made)
    except OSError as error:
        raise BadConfig(f"{new_key}: no new key can be written there: {error}") from error
    return made


def public_hex(key: Ed25519PrivateKey) -> str:
    """As it stands in collector.toml."""
    return key.public_key().public_bytes_raw().hex()


def sign(
    pack: PackFolder,
    key: KeyFile = None,
    new_key: NewKey = None,
    despite_failures: Despite = False,
    as_json: Json = False,
) -> None:
    """Sign a pack whose cases and scenarios pass: `pack.sig` beside its `pack.yaml`."""
    folder = Path(pack)
    loaded = load(folder)
    failing = check_cases(loaded, "signed", despite=despite_failures)
    signer = signing_key(key, new_key)
    path = sign_pack(folder, loaded, signer)
    if as_json:
        told = {"signature": str(path), "digest": loaded.digest, "key": public_hex(signer), "failing": failing}
        print(json.dumps(told))
    else:
        print(f"{path}: {loaded.id} {loaded.version}, digest {loaded.digest}")
        print(f'for [packs.trusted_keys] of collector.toml: "YOUR NAME" = "{public_hex(signer)}"')


def verify(
    pack: AuthorsPack,
    trust: Annotated[
        Path | None, typer.Option(help="a TOML file with a table packs.trusted_keys, e.g. collector.toml")
    ] = None,
    as_json: Json = False,
) -> None:
    """Is a pack what was signed, and by whom? Without --trust nobody says whose key it is."""
    folder = authors_folder(pack)
    # A pack that a collector keeps, DIR/packs/<digest>, stands beside those that it uses.
    loaded, opened = Packs(folder.resolve().parent.parent).load(folder), load_signature(folder)
    if opened is None and is_built_in(folder):
        _say_built_in(loaded, as_json=as_json)
        return
    if opened is None:
        raise BadConfig(f"{folder}: nobody signed this pack; ccmm-collector rules sign does")
    if trust is not None:
        name, key = signer_of(opened, load_trusted_keys(trust))
    else:
        name, key = None, hinted_key(opened).public_bytes_raw()
        verify_opened(opened, hinted_key(opened))
    verify_manifest(opened, folder, loaded)
    if as_json:
        named = {"id": loaded.id, "version": loaded.version, "digest": loaded.digest}
        print(json.dumps({**named, "key": key.hex(), "signer": name, "built_in": False}, ensure_ascii=False))
        return
    print(f"{loaded.id} {loaded.version} is what was signed, digest {loaded.digest}")
    print(f"by {name}" if name else f"by the key {key.hex()}; whose it is, --trust FILE tells")


def _say_built_in(pack: Loaded, *, as_json: bool) -> None:
    """A pack of the product needs no signature: whoever trusts the program trusts it."""
    if as_json:
        named = {"id": pack.id, "version": pack.version, "digest": pack.digest}
        print(json.dumps({**named, "key": None, "signer": None, "built_in": True}))
    else:
        print(f"{pack.id} {pack.version} is part of the product and needs no signature, digest {pack.digest}")


def activate(
    folder: Folder,
    pack: Pack,
    starts: Annotated[str | None, typer.Option("--from", help="in force from this instant on; now by default")] = None,
    despite_failures: Despite = False,
    as_json: Json = False,
) -> None:
    """Put a pack whose cases pass in force by an entry of the log. Centers are judged by it one after the other."""
    asked_ms = parse_instant(starts)
    with Inquiry.open(folder) as inquiry:
        moment = inquiry.moment(None, None)
        chosen = inquiry.packs.offered(pack, inquiry.activations(moment), moment.at_ms)
        starts_ms = start_of(chosen.pack, asked_ms, moment.at_ms)
        current = in_force(activations(inquiry.projection, moment.index), starts_ms or moment.at_ms)
        # Signed anew, by another key or for the first time, the same pack is put in force again.
        if current is not None and (current.digest, current.signed_by) == (chosen.pack.digest, chosen.trust.key):
            raise BadConfig(f"{chosen.pack.id} {chosen.pack.version} is in force then already")
        packs = inquiry.packs
    # A pack of the product was tested with it.
    is_ours = chosen.trust.word == "built_in"
    failing = 0 if is_ours else check_cases(chosen.pack, "put in force", despite=despite_failures)
    with EvidenceLog.open(folder) as log:
        activate_pack(folder, log, chosen.folder, chosen.trust, starts_ms, packs)
    document = {**pack_head(chosen, starts_ms or moment.at_ms), "from": iso(starts_ms), "failing": failing}
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
        return
    when = f"from {document['from']} on" if starts_ms else "from now on"
    print(f"{chosen.pack.id} {chosen.pack.version} ({chosen.trust.word}) is in force {when}")
    print(f"centers are judged by it while serve runs: ccmm-collector centers {folder}", file=sys.stderr)


def diff(old: Pack, new: Pack, folder: Folder, lang: Lang = "en", as_json: Json = False) -> None:
    """Which verdicts and levels would change by another pack, on the stored evidence, now."""
    language = language_of(lang)
    with tables.patience(sys.stderr, language), Inquiry.open(folder) as inquiry:
        moment = inquiry.moment(None, None)
        known = inquiry.activations(moment)
        before = inquiry.packs.chosen(old, known, moment.at_ms, drafts=True)
        after = inquiry.packs.offered(new, known, moment.at_ms, drafts=True)
        found = run_diff(inquiry, moment, before, after, tables.progress(sys.stderr))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show_diff(found, language)


def feeds(pack: AuthorsPack = BUILT_IN, lang: Lang = "en", as_json: Json = False) -> None:
    """What feeds each rule today: a plugin, a table, a document, an attestation, or none yet."""
    language = language_of(lang)
    found = feeds_of(load(authors_folder(pack)))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        show_feeds(found, language)
