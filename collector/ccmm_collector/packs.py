"""Rule packs in force: an act names one by its digest, the folder DIR/packs/<digest> keeps its files for ever."""

import os
import shutil
from importlib.resources import files
from pathlib import Path

from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.errors import BadConfig
from ccmm_proto.v1.service_pb2 import Act, PackActivated
from ccmm_rules.errors import PackErrors
from ccmm_rules.load import load_pack
from ccmm_rules.model import Pack

BUILT_IN = "cc_cmm"


def built_in(name: str = BUILT_IN) -> Path:
    """The folder of a pack that is part of the product."""
    return Path(str(files("ccmm_rules"))) / "packs" / name


def load(folder: Path) -> Pack:
    """A pack; raises BadConfig with every error of every file."""
    try:
        return load_pack(folder)
    except PackErrors as error:
        raise BadConfig(f"{folder} does not load:\n{error}") from error


def activate_pack(folder: Path, log: EvidenceLog, source: Path) -> Pack:
    """Copy a pack's files into the collector's folder and put it in force by an act; raises BadConfig."""
    pack = load(source)
    kept = folder / "packs" / pack.digest
    if not kept.is_dir():
        fresh = kept.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        for path in sorted(source.rglob("*.yaml")):
            copy = fresh / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            _to_disk(copy)
        _to_disk(fresh)
        fresh.rename(kept)
        _to_disk(kept.parent)
    # The files are there before the act that names them: a crash between the two leaves only an unused copy.
    log.append_act(
        Act(pack_activated=PackActivated(pack=pack.id, version=pack.version, digest=bytes.fromhex(pack.digest)))
    )
    return pack


def _to_disk(path: Path) -> None:
    """A file or folder that a durable act is about to name must not go with the power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Packs:
    """Loaded packs by digest: loading takes a third of a second, so each is loaded once."""

    def __init__(self, folder: Path) -> None:
        """Packs kept in a collector's folder."""
        self._folder = folder / "packs"
        self._loaded: dict[str, Pack] = {}

    def of_digest(self, digest: str) -> Pack:
        """Raises BadConfig where the files are gone or altered."""
        if digest not in self._loaded:
            kept = self._folder / digest
            if not kept.is_dir():
                raise BadConfig(f"{kept}: the files of this rule pack are gone; restore them from a backup")
            pack = load(kept)
            if pack.digest != digest:
                raise BadConfig(f"{kept}: these files are not the pack of this digest: {pack.digest}")
            self._loaded[digest] = pack
        return self._loaded[digest]

    def in_force(self, projection: Projection, index: int) -> Pack | None:
        """The pack that was in force at an index of the log; None before the first activation."""
        activation = projection.activation(index)
        return None if activation is None else self.of_digest(activation[2].hex())

    def chosen(self, words: str) -> Pack:
        """The pack a person names: a folder, a built-in name, or the beginning of a kept digest; raises BadConfig."""
        if (Path(words) / "pack.yaml").is_file():
            return load(Path(words))
        if (built_in(words) / "pack.yaml").is_file():
            return load(built_in(words))
        kept = [path.name for path in self._folder.glob(f"{words}*") if path.is_dir()] if words.isalnum() else []
        if len(kept) != 1:
            raise BadConfig(f"no rule pack {words!r}: a folder with pack.yaml, {BUILT_IN!r}, or a digest is expected")
        return self.of_digest(kept[0])
