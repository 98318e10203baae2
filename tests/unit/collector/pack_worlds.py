"""Newer packs, signed or not, and a collector whose trust list may name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector.config import CONFIG_FILE, format_config, new_config
from ccmm_collector.pack_signing import sign_pack
from ccmm_collector.packs import load
from tests.unit.collector.chapters import hour
from tests.unit.collector.worlds import PACK, RULE, World, pack_folder

OUR_KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = OUR_KEY.public_key().public_bytes_raw().hex()
LOOSER = RULE.replace("number > 1.0", "number > 8.0")


@contextmanager
def told_world(tmp_path: Path) -> Iterator[World]:
    """A center that was judged once, by the pack `tiny`."""
    made = World(tmp_path)
    made.tell(hour(1), 5.0)
    made.settle(hour(1) + 5000)
    yield made
    made.log.close()


def configure(world: World, *, trusted: str = "", allow_unsigned: bool = False) -> None:
    text = format_config(new_config("collector", "localhost"))
    text = text.replace("allow_unsigned = false", f"allow_unsigned = {str(allow_unsigned).lower()}")
    text = text.replace('# "standards group" = "..."', trusted)
    (world.folder / CONFIG_FILE).write_text(text, encoding="utf-8")


def newer(tmp_path: Path, rule: str = LOOSER, *, effective: str = "2026-01-01") -> Path:
    folder = pack_folder(tmp_path / "newer", rule)
    text = PACK.replace('version: "1"', 'version: "2"').replace('"2026-01-01"', f'"{effective}"')
    (folder / "pack.yaml").write_text(text, encoding="utf-8")
    return folder


def signed(tmp_path: Path, **words: Any) -> Path:
    folder = newer(tmp_path, **words)
    sign_pack(folder, load(folder), OUR_KEY)
    return folder
