"""The collector's configuration: `collector.toml`, read once, every mistake named."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from ccmm_proto.errors import BadConfig

CONFIG_FILE = "collector.toml"
DEFAULT_PORT = 8443
MOST_JUDGES = 64
# What may stand in a certificate's URI as the name of a center or an agent.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TRUST_DOMAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}|[0-9a-fA-F:]{2,39}")
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackSettings:
    """Whose rule packs are used besides those that are part of the product."""

    trusted_keys: Mapping[str, bytes] = field(default_factory=dict)  # Ed25519 public keys by the names of their owners
    allow_unsigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `collector.toml` says."""

    name: str
    trust_domain: str
    host: str  # what agents connect to: in join codes and in the server's certificate
    listen: str  # the address that `serve` binds
    evidence_port: int  # 0: any free port
    enrollment_port: int  # 0: any free port
    certificate_life: timedelta
    judges: int = 1  # processes that judge
    packs: PackSettings = PackSettings()
    approvers: Mapping[str, bytes] = field(default_factory=dict)  # of waivers: Ed25519 public keys by name


def parse_duration(text: str) -> timedelta:
    """`30s`, `30m`, `12h` or `7d`; raises BadConfig."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise BadConfig(f"{text!r} is not a length of time: write it like 30s, 30m, 12h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_address(text: str) -> tuple[str, int]:
    """`HOST`, `HOST:PORT` or `[IPV6]:PORT`; the default port where none is named. Raises BadConfig."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", text)
    host = (match[1] or match[2]) if match else ""
    port = int(match[3]) if match and match[3] else DEFAULT_PORT
    if not _HOST.fullmatch(host) or port > 65534:
        raise BadConfig(f"{text!r} is not an address: write HOST:PORT, like collector.example.org:{DEFAULT_PORT}")
    return host, port


def check_name(what: str, text: str) -> str:
    """A center's or agent's name as it may stand in a certificate; raises BadConfig."""
    if not NAME.fullmatch(text):
        raise BadConfig(
            f"{what} {text!r}: 1 to 63 letters, digits, '.', '_' or '-' are expected, a letter or digit first"
        )
    return text


def new_config(name: str, address: str) -> Config:
    """What `init` writes for this name and public address; the enrollment port is the next one."""
    host, port = parse_address(address)
    check_name("collector name", name)
    local = host in ("localhost", "127.0.0.1", "::1")
    return Config(
        name=name,
        trust_domain=f"{name.lower()}.ccmm",
        host=host,
        listen=("[::1]" if host == "::1" else "127.0.0.1") if local else "0.0.0.0",  # noqa: S104 - agents come from outside
        evidence_port=port,
        enrollment_port=port + 1 if port else 0,
        certificate_life=timedelta(days=7),
    )


def format_config(config: Config) -> str:
    """The text of `collector.toml`, with comments."""
    return f"""# The collector's configuration. A key that is not known here stops the start.

# Its name, for people.
name = "{config.name}"
# Part of every agent's identity: spiffe://<trust_domain>/center/<center>/agent/<agent>. Never change it.
trust_domain = "{config.trust_domain}"

# The host name or address under which agents reach this collector. It stands in join codes and in its certificate
# (made again at the next start of `serve` where it does not fit).
host = "{config.host}"
# The address of this machine that `serve` listens on.
listen = "{config.listen}"
# Agents send evidence here, with their certificate. 0: any free port, printed by `serve`.
evidence_port = {config.evidence_port}
# Agents join and renew here.
enrollment_port = {config.enrollment_port}

# How long an agent's certificate is good for. Agents renew at half of it.
certificate_life = "{config.certificate_life.days}d"

# How many processes judge, each of them its share of the centers. One is enough for some hundred centers; more help
# where the machine has cores for them.
judges = {config.judges}

# Rule packs. Those of the product are trusted as it is. Another one is used only where one of these keys signed it
# (ccmm-collector rules sign): whose key it is, and the public key as 64 hexadecimal digits.
[packs]
# true: packs that nobody signed may be used too; every table and document then says "unsigned pack".
allow_unsigned = false

[packs.trusted_keys]
# "standards group" = "..."

# Who may approve waivers: two of them sign each (ccmm-collector sign --new-key FILE makes a key).
[approvers]
# "Li Wei" = "..."
"""


def load_config(folder: Path) -> Config:
    """The configuration in this folder; raises BadConfig naming file, key and what was expected."""
    path = folder / CONFIG_FILE
    return _parse(path, _table(path, folder))


def load_pack_settings(folder: Path) -> PackSettings:
    """Whose packs are used; a copy of a collector's folder without its configuration trusts the product's alone."""
    return load_config(folder).packs if (folder / CONFIG_FILE).is_file() else PackSettings()


def load_trusted_keys(path: Path) -> Mapping[str, bytes]:
    """The keys under [packs.trusted_keys] of a TOML file, such as a collector's; raises BadConfig."""
    return _packs(path, _table(path, path.parent).get("packs", {})).trusted_keys


def _table(path: Path, folder: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadConfig(f"{path} is not there: run ccmm-collector init {folder}") from error
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise BadConfig(f"{path}: not readable as TOML: {error}") from error


def _parse(path: Path, table: dict[str, Any]) -> Config:
    rest = dict(table)

    def take(key: str, read: Callable[[Any], T | None], expected: str) -> T:
        value = read(rest.pop(key)) if key in rest else None
        if value is None:
            raise BadConfig(f"{path}: {key}: expected {expected}")
        return value

    config = Config(
        name=take("name", _matching(NAME), 'a name, like "collector"'),
        trust_domain=take("trust_domain", _matching(_TRUST_DOMAIN), "lower-case letters, digits, '.', '_', '-'"),
        host=take("host", _matching(_HOST), "a host name or an address"),
        listen=take("listen", _matching(re.compile(r"[0-9A-Za-z.:\[\]-]{1,255}")), "an address of this machine"),
        evidence_port=take("evidence_port", _port, "a port number, or 0"),
        enrollment_port=take("enrollment_port", _port, "a port number, or 0"),
        certificate_life=take("certificate_life", _life, 'a length of time from "1h" to "90d"'),
        judges=_judges(path, rest.pop("judges", 1)),
        packs=_packs(path, rest.pop("packs", {})),
        approvers=_public_keys(path, "approvers", rest.pop("approvers", {})),
    )
    if rest:
        raise BadConfig(f"{path}: {min(rest)}: no such key")
    if config.evidence_port and config.evidence_port == config.enrollment_port:
        raise BadConfig(f"{path}: enrollment_port: expected another port than evidence_port")
    return config


def _judges(path: Path, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_JUDGES:
        raise BadConfig(f"{path}: judges: expected a number from 1 to {MOST_JUDGES}")
    return value


def _packs(path: Path, table: Any) -> PackSettings:
    """[packs]; what is not said there is the safe way."""
    if not isinstance(table, dict):
        raise BadConfig(f"{path}: packs: expected a table, [packs]")
    rest = dict(table)
    allow = rest.pop("allow_unsigned", False)
    if not isinstance(allow, bool):
        raise BadConfig(f"{path}: packs.allow_unsigned: expected true or false")
    trusted = _public_keys(path, "packs.trusted_keys", rest.pop("trusted_keys", {}))
    if rest:
        raise BadConfig(f"{path}: packs.{min(rest)}: no such key")
    return PackSettings(trusted_keys=trusted, allow_unsigned=allow)


def _public_keys(path: Path, key: str, table: Any) -> dict[str, bytes]:
    """Ed25519 public keys by the names of people; each key stands for one name."""
    if not isinstance(table, dict):
        raise BadConfig(f"{path}: {key}: expected a table, [{key}]")
    for name, text in table.items():
        if not (0 < len(name) <= 63 and name.isprintable()):
            raise BadConfig(f"{path}: {key}: {name!r}: expected a name of 1 to 63 printable characters")
        if not isinstance(text, str) or not _PUBLIC_KEY.fullmatch(text):
            raise BadConfig(f"{path}: {key}.{name}: expected a public key, 64 hexadecimal digits")
    if len(set(table.values())) != len(table):
        raise BadConfig(f"{path}: {key}: expected another key for each name")
    return {name: bytes.fromhex(text) for name, text in table.items()}


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _port(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= 65535 else None


def _life(value: Any) -> timedelta | None:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        return None
    life = parse_duration(value)
    return life if timedelta(hours=1) <= life <= timedelta(days=90) else None
