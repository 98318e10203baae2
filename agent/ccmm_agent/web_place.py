"""Where a web API is, from the options of a source, and what `check` says of it; pure.

`url` names it; `ca_file`, `tls_name`, `plain` and `call_timeout` say how it is spoken to, and `proxy` through whom.
`timeout` is the agent's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ccmm_agent.options import BadOption, Options
from ccmm_agent.plugin import CheckLine, Manifest, Reason, SourceUnavailable
from ccmm_agent.secret_file import password_line
from ccmm_agent.web_proxy import Proxy, proxy_of

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A base URL without a last slash, query or name in it; paths of questions are put behind it."""

    url: str
    host: str
    port: int
    ca_file: Path | None = None  # None: the authorities that this machine trusts
    tls_name: str | None = None  # the name in its certificate, where it is not the host of the URL
    timeout_s: float = 30.0  # for one answer as a whole
    proxy: Proxy | None = None  # through which it is asked; the only host to be reached then

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https:")

    @property
    def endpoint(self) -> tuple[str, int]:
        """What this machine connects to."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)

    @property
    def where(self) -> str:
        """For sentences: host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def path_of(self, url: str) -> str:
        """Path and query of an address that an answer names (the next page); SourceUnavailable where it leads away.

        An answer may not send us, and our password, elsewhere.
        """
        path = url.removeprefix(self.url) if url.startswith(f"{self.url}/") else url
        if not path.startswith("/") or path.startswith("//"):
            told = f"{self.where}: an answer points to another place than url ({self.url}): set url to the server's own"
            raise SourceUnavailable(Reason.UNREADABLE, told)
        return path


def place_of(options: Options, *, key: str = "url", default: str | None = None) -> Place:
    """The place that these options name; raises BadOption. `default` is for services of one well-known address."""
    url = (options.text(key) if default is None else options.text(key, default)).rstrip("/")
    host, port = _parsed(key, url)
    place = Place(
        url=url,
        host=host,
        port=port,
        ca_file=options.path("ca_file", None),
        tls_name=options.text("tls_name", None),
        timeout_s=float(options.seconds("call_timeout", 30)),
        proxy=proxy_of(options),
    )
    if place.proxy is not None and not place.is_tls:
        raise BadOption(key, "https://, as through a proxy nothing is asked in clear")
    if not options.flag("plain", False) and not place.is_tls and host not in LOOPBACK:
        raise BadOption(key, "https://, or plain = true: secrets and answers then cross the network in clear")
    return place


def manifest_of(*places: Place, files: tuple[Path, ...] = ()) -> Manifest:
    """What is needed to reach these places, and these files (the secret's). Behind a proxy: it, and not the places."""
    trusted = tuple(place.ca_file for place in places if place.ca_file is not None)
    of_proxies = tuple(place.proxy.password_file for place in places if place.proxy and place.proxy.password_file)
    endpoints = tuple(dict.fromkeys(place.endpoint for place in places))
    return Manifest(files=tuple(dict.fromkeys((*files, *trusted, *of_proxies))), endpoints=endpoints)


def place_lines(*places: Place) -> Iterator[CheckLine]:
    """For `check`: is what is sent and answered protected, and who else could be reached?"""
    for place in places:
        if not place.is_tls and place.host not in LOOPBACK:
            yield CheckLine(
                "warning", "url", f"{place.where} is asked in clear: secrets and answers can be read and changed"
            )
    for proxy in dict.fromkeys(place.proxy for place in places if place.proxy is not None):
        asked = ", ".join(dict.fromkeys(place.where for place in places if place.proxy == proxy))
        yield CheckLine("ok", "proxy", f"through {proxy.where}, which should let this machine reach only {asked}")
        if proxy.password_file is not None:
            yield password_line(proxy.password_file)


def query_of(values: Mapping[str, object]) -> dict[str, str]:
    """Values of a question as text; None is left out, true and false are small words."""
    words = {True: "true", False: "false"}
    given = {name: value for name, value in values.items() if value is not None}
    return {name: words[value] if isinstance(value, bool) else str(value) for name, value in given.items()}


def _parsed(key: str, url: str) -> tuple[str, int]:
    expected = "https://HOST[:PORT][/PATH], without a name, password, query or blank in it"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise BadOption(key, expected) from None
    plain_text = url.isascii() and url.isprintable() and not set(url) & set(' "<>\\^`{|}?#@%')
    if not host or not port or not plain_text or parts.scheme not in _PORTS or not url.startswith(f"{parts.scheme}://"):
        raise BadOption(key, expected)
    return host, port
