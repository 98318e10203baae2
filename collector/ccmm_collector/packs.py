"""Rule packs in force: an act names one by its digest, the folder DIR/packs/<digest> keeps its files for ever."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from ccmm_collector import trust as trusting
from ccmm_collector.config import PackSettings, load_pack_settings
from ccmm_collector.log import EvidenceLog
from ccmm_collector.pack_signing import SIGNATURE_FILE
from ccmm_collector.projection import Projection
from ccmm_collector.transition import Activation, activations, in_force
from ccmm_collector.trust import Trust
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import DAY_MS, HOUR_MS, from_ms, to_ms
from ccmm_proto.v1.service_pb2 import Act, PackActivated
from ccmm_rules.errors import PackErrors
from ccmm_rules.load import Resolver, files_of, folder_digest, load_pack
from ccmm_rules.model import Pack

BUILT_IN = "cc_cmm"
EARLIEST_ZONE_MS = 14 * HOUR_MS  # where a day begins first: so long before it does in UTC
LATEST_ZONE_MS = 12 * HOUR_MS  # where it ends last


def built_in(name: str = BUILT_IN) -> Path:
    """The folder of a pack that is part of the product."""
    return Path(str(files("ccmm_rules"))) / "packs" / name


def load(folder: Path, resolve: Resolver | None = None) -> Pack:
    """A pack; raises BadConfig with every error of every file."""
    try:
        return load_pack(folder, resolve)
    except PackErrors as error:
        raise BadConfig(f"{folder} does not load:\n{error}") from error


def authors_folder(words: str) -> Path:
    """The folder of a pack that its author works on, or of a built-in one; raises BadConfig where there is neither."""
    if Path(words).is_dir():
        return Path(words)
    if not _names_built_in(words):
        names = ", ".join(_built_in_names())
        raise BadConfig(f"no rule pack {words!r}: a folder with pack.yaml, or a built-in name is expected: {names}")
    return built_in(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A pack to judge by, where its files are, and why it is let in."""

    pack: Pack
    folder: Path
    trust: Trust


def activate_pack(
    folder: Path,
    log: EvidenceLog,
    source: Path,
    trust: Trust = trusting.BUILT_IN,
    starts_ms: int | None = None,
    packs: "Packs | None" = None,
) -> Pack:
    """Copy a pack's files into the collector's folder and put it in force by an act; raises BadConfig.

    The packs that it uses are kept beside it. Why it is let in is the caller's to say: see `trust`.
    """
    packs = packs or Packs(folder)
    pack = packs.load(source)
    for use in pack.uses:
        _keep(folder / "packs" / use.digest, packs.folder_of(source, use.pack, use.digest))
    _keep(folder / "packs" / pack.digest, source)
    activated = PackActivated(
        pack=pack.id,
        version=pack.version,
        digest=bytes.fromhex(pack.digest),
        trust=trust.act,
        signed_by=trust.key,
        from_ms=starts_ms,
    )
    # The files are there before the act that names them: a crash between the two leaves only an unused copy.
    log.append_act(Act(pack_activated=activated))
    return pack


def _keep(kept: Path, source: Path) -> None:
    """A pack's files and its signature, all of them or none."""
    if kept.is_dir():
        if (source / SIGNATURE_FILE).is_file() and source.resolve() != kept.resolve():
            shutil.copyfile(source / SIGNATURE_FILE, kept / SIGNATURE_FILE)
        return
    fresh = kept.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for path in (*files_of(source), source / SIGNATURE_FILE):
        if path.is_file():
            copy = fresh / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            _to_disk(copy)
    _to_disk(fresh)
    fresh.rename(kept)
    _to_disk(kept.parent)


def _to_disk(path: Path) -> None:
    """A file or folder that a durable act is about to name must not go with the power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_over(pack: Pack, at_ms: int) -> bool:
    """Whether the last day of a pack has passed everywhere on Earth."""
    if not pack.effective_until:
        return False
    last = datetime.fromisoformat(pack.effective_until).replace(tzinfo=UTC)
    return at_ms >= to_ms(last) + DAY_MS + LATEST_ZONE_MS


def start_of(pack: Pack, asked_ms: int | None, now_ms: int) -> int | None:
    """From when a pack is in force that is activated now; None: at once. Raises BadConfig.

    Its effective date begins at midnight UTC, where nobody says otherwise.
    """
    effective_ms = to_ms(datetime.fromisoformat(pack.effective_from).replace(tzinfo=UTC))
    if is_over(pack, now_ms if asked_ms is None else asked_ms):
        raise BadConfig(f"{pack.id} {pack.version} was effective until {pack.effective_until}")
    if asked_ms is None:
        return effective_ms if effective_ms > now_ms else None
    if asked_ms < now_ms:
        raise BadConfig(f"{from_ms(asked_ms).isoformat()} has passed; a pack comes into force from its act on")
    if asked_ms < effective_ms - EARLIEST_ZONE_MS:
        raise BadConfig(f"{pack.id} {pack.version} is effective from {pack.effective_from}, not before")
    return asked_ms


class Packs:
    """Loaded packs by digest: loading takes a second, so each is loaded once."""

    def __init__(self, folder: Path) -> None:
        """Packs kept in a collector's folder."""
        self._collector = folder
        self._folder = folder / "packs"
        self._loaded: dict[str, Pack] = {}

    def load(self, folder: Path) -> Pack:
        """A pack whose used packs are kept here, stand beside it, or are part of the product; raises BadConfig."""
        digest = folder_digest(folder) if (folder / "pack.yaml").is_file() else ""
        if digest not in self._loaded:
            pack = load(folder, self._resolver(folder))
            self._loaded[pack.digest] = pack
            return pack
        return self._loaded[digest]

    def _resolver(self, folder: Path) -> Resolver:
        def resolve(name: str, digest: str) -> Pack | None:
            used = self.folder_of(folder, name, digest)
            if used.parent == self._folder:
                return self.of_digest(digest)
            return self.load(used) if (used / "pack.yaml").is_file() else None

        return resolve

    def folder_of(self, user: Path, name: str, digest: str) -> Path:
        """Where a used pack's files are; nothing says yet that they are there, and of this digest."""
        if (self._folder / digest).is_dir():
            return self._folder / digest
        beside = user.parent / name
        return beside if (beside / "pack.yaml").is_file() else built_in(name)

    def settings(self) -> PackSettings:
        """Whose packs are let in today; raises BadConfig."""
        return load_pack_settings(self._collector)

    def of_digest(self, digest: str) -> Pack:
        """Raises BadConfig where the files are gone or altered."""
        if digest not in self._loaded:
            kept = self._folder / digest
            if not kept.is_dir():
                raise BadConfig(f"{kept}: the files of this rule pack are gone; restore them from a backup")
            pack = self.load(kept)
            if pack.digest != digest:
                raise BadConfig(f"{kept}: these files are not the pack of this digest: {pack.digest}")
        return self._loaded[digest]

    def in_force(self, projection: Projection, index: int, at_ms: int) -> Pack | None:
        """The pack in force at an instant as known at an index of the log; None before the first."""
        activation = in_force(activations(projection, index), at_ms)
        return None if activation is None else self.of_digest(activation.digest)

    def activated(self, activation: Activation) -> Chosen:
        """The pack that an act put in force, and how it stands today."""
        pack = self.of_digest(activation.digest)
        return Chosen(
            pack=pack, folder=self._folder / activation.digest, trust=trusting.trust_of(activation, self.settings())
        )

    def chosen(self, words: str, known: Sequence[Activation], at_ms: int, *, drafts: bool = False) -> Chosen:
        """The pack a person names: a folder, the name of one put in force or built in, or the beginning of a digest.

        Raises BadConfig where there is none, and where it is not let in: `drafts` are, for their authors to look at.
        """
        if (Path(words) / "pack.yaml").is_file():
            return self._in_folder(Path(words), self.load(Path(words)), drafts=drafts)
        named = [one for one in known if one.pack == words]
        if named:
            return self.activated(in_force(named, at_ms) or named[-1])
        if _names_built_in(words):
            return Chosen(pack=self.load(built_in(words)), folder=built_in(words), trust=trusting.BUILT_IN)
        return self._kept(words, known)

    def offered(self, words: str, known: Sequence[Activation], at_ms: int, *, drafts: bool = False) -> Chosen:
        """The same for a pack to be put in force: a name means the one that is installed now."""
        if _names_built_in(words) and not (Path(words) / "pack.yaml").is_file():
            return Chosen(pack=self.load(built_in(words)), folder=built_in(words), trust=trusting.BUILT_IN)
        return self.chosen(words, known, at_ms, drafts=drafts)

    def _kept(self, words: str, known: Sequence[Activation]) -> Chosen:
        kept = [path.name for path in self._folder.glob(f"{words}*") if path.is_dir()] if words.isalnum() else []
        if len(kept) != 1:
            names = ", ".join(sorted({*_built_in_names(), *(one.pack for one in known)}))
            raise BadConfig(
                f"no rule pack {words!r}: a folder with pack.yaml, a name ({names}) or a digest is expected"
            )
        acts = [one for one in known if one.digest == kept[0]]
        return self.activated(acts[-1]) if acts else self._in_folder(self._folder / kept[0], self.of_digest(kept[0]))

    def _in_folder(self, folder: Path, pack: Pack, *, drafts: bool = False) -> Chosen:
        if is_built_in(folder):
            return Chosen(pack=pack, folder=folder, trust=trusting.BUILT_IN)
        try:
            return Chosen(pack=pack, folder=folder, trust=trusting.admit(folder, pack, self.settings()))
        except BadConfig:
            if not drafts:
                raise
            return Chosen(pack=pack, folder=folder, trust=trusting.UNSIGNED)


def is_built_in(folder: Path) -> bool:
    """Whether the pack in a folder is part of the product."""
    return folder.resolve().parent == built_in().resolve().parent


def _names_built_in(words: str) -> bool:
    return words.isidentifier() and (built_in(words) / "pack.yaml").is_file()


def _built_in_names() -> list[str]:
    return sorted(path.parent.name for path in built_in().parent.glob("*/pack.yaml"))
