"""`join`: from a join code to a folder with keys, certificate and a short agent.toml.

The order matters for a crash: keys, then the RPC, then the center's pseudonym key, agent.toml, the certificate, and
last enrollment.json. Until that exists `join` may be repeated with the same code: the same evidence key asks again.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from ccmm_agent.config import FILE, parse_config
from ccmm_agent.durable import write_atomically
from ccmm_agent.enroll import Admission, enroll
from ccmm_agent.epoch_file import EpochFile
from ccmm_agent.identity import KeyFolder, load_pseudonym_key, save_enrollment
from ccmm_agent.isolation import protect_this_process
from ccmm_agent.texts import text_of
from ccmm_proto.errors import BadConfig, Permanent
from ccmm_proto.join_code import parse_join_code
from ccmm_proto.pseudonym import new_key

_TEXT = """\
# Configuration of ccmm-agent. A key that is not known, or a value that is not understood, stops the start.
# After a change: restart the agent. To see what would leave: ccmm-agent check {folder}

{zone:<27} # IANA time zone of the center: its days and weeks
keep = "30d"                # how long acknowledged evidence stays here, to fill up a restored collector
spool_limit = "1GB"         # bound of the spool; unsent evidence goes first into it
jitter = "10s"              # runs start up to so much late
# reader_account = "ccmm-reader"   # a second account without rights, under which sources are read
# veto = ["person.team"]           # what never leaves, whatever a source finds: docs/guides/it-admin.md

# Sources. `ccmm-agent plugins` lists the types; one is appended here, with every option explained, by
#     ccmm-agent add-source {folder} TYPE
# Every source has: name (yours, unique), plugin, and either every = "15m" or cron = "0 2 * * *".
# Optional: quiet = "23:00-05:00" (not read then), timeout = "120s", memory = "512MB" (of its reader),
# budget = "24/1h" (readings at most), pause_after = 8 and longest_pause = "1h" (after so many failures in a row it is
# asked less often), backfill = "90d" (how far back the first reading states). All other keys belong to the plugin.
"""


def join(code_text: str, folder: Path, *, pseudonym_key: Path | None, zone: str) -> Admission:
    """Enroll and write the folder. Raises CcmmError; then `join` may be repeated, with the same code while it lives."""
    protect_this_process()
    code = parse_join_code(code_text)
    secret = None if pseudonym_key is None else load_pseudonym_key(pseudonym_key)
    parse_config(config_text(folder, zone).encode(), Path("--zone"))
    _refuse_joined(folder)
    keys = KeyFolder(folder)
    keys.make()
    # Durable: the keys. A crash from here on: a second `join` asks with the same evidence key and is admitted again.
    transport = keys.transport_key()
    admission = enroll(code, keys.evidence(), transport)
    _keep_pseudonym_key(keys, secret, admission)
    if not (folder / FILE).exists():
        write_atomically(folder / FILE, config_text(folder, zone).encode(), mode=0o640)
    keys.save_transport(transport, admission.chain)
    save_enrollment(folder, admission.enrollment)
    return admission


def told(admission: Admission, folder: Path, language: str, *, by_machine: bool) -> Iterator[str]:
    """What came of it and what to do next. `by_machine`: the zone was not named."""
    enrollment, file = admission.enrollment, folder / FILE
    yield text_of("joined", language, agent=enrollment.agent, center=enrollment.center)
    if by_machine:
        yield text_of("machine_zone", language, zone=local_zone(), file=file)
    yield text_of("add_next", language, folder=folder, file=file)


def _refuse_joined(folder: Path) -> None:
    mark = EpochFile(folder).read()
    if mark is not None and mark.last_receipt:
        raise Permanent(f"{folder}: this agent has joined and its evidence was received: join again in a new folder")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfig(f"{folder}: cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise BadConfig(f"{folder}: this account cannot write there")


def _keep_pseudonym_key(keys: KeyFolder, secret: bytes | None, admission: Admission) -> None:
    """The center's key: the one given, the one that is here, or a new one for the center's first agent."""
    if keys.has_pseudonym():
        if secret is not None and keys.pseudonym_secret() != secret:
            raise BadConfig("another pseudonym key is in this folder already: join in a new folder")
    elif secret is not None:
        keys.save_pseudonym(secret)
    elif admission.first_agent:
        keys.save_pseudonym(new_key())
    else:
        center = admission.enrollment.center
        raise Permanent(
            f"center {center} has an agent already, and all its agents share one pseudonym key: there run"
            " `ccmm-agent export-pseudonym-key DIR FILE`, then join again with --pseudonym-key FILE"
        )


def config_text(folder: Path, zone: str) -> str:
    """agent.toml without a source: the agent's own settings, and how to add sources."""
    return _TEXT.format(folder=folder, zone=f'zone = "{zone}"')


def local_zone() -> str:
    """This machine's IANA zone; UTC where it has none."""
    from tzlocal import get_localzone_name

    try:
        return str(get_localzone_name())
    except (LookupError, ValueError, OSError):
        return "UTC"
