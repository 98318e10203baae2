"""`ccmm-collector init`: a new collector's folder, made whole or not at all."""

import shutil
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ccmm_collector import keys
from ccmm_collector.authority import Authority, create_authority, utc_now
from ccmm_collector.config import CONFIG_FILE, Config, format_config
from ccmm_collector.log import EvidenceLog
from ccmm_collector.serve import RECEIPT_KEY
from ccmm_proto.errors import BadConfig


def init(folder: Path, config: Config) -> str:
    """Keys, certificates, configuration and an empty log in `folder`, which must be new or empty; the log's id."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadConfig(f"{folder} is not empty: choose a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)  # of an init that was interrupted
    fresh.mkdir(mode=0o700)
    log_id = _fill(fresh, config)
    fresh.rename(folder)
    return log_id


def _fill(folder: Path, config: Config) -> str:
    now = utc_now()
    create_authority(folder, config, now)
    Authority.load(folder, config).server_files(now)
    keys.save_private_key(folder / RECEIPT_KEY, Ed25519PrivateKey.generate())
    with EvidenceLog.create(folder) as log:
        log_id = log.log_id
    (folder / CONFIG_FILE).write_text(format_config(config), encoding="utf-8")
    return log_id
