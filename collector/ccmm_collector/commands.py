"""The commands `init`, `serve`, `invite`, `revoke`, `log` and `renew-ca`. What fails raises a CcmmError; see `main`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ccmm_collector import enrollment, listing
from ccmm_collector.authority import Authority, renew_issuing, utc_now
from ccmm_collector.config import check_name, load_config, new_config, parse_duration
from ccmm_collector.init import init as init_folder
from ccmm_collector.log import EvidenceLog
from ccmm_collector.serve import StartJudge, load_ports
from ccmm_collector.serve import serve as run_serve
from ccmm_proto.errors import BadConfig
from ccmm_proto.join_code import format_join_code
from ccmm_proto.v1.service_pb2 import JoinCode

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="the collector's folder")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]


def register(app: typer.Typer, start_judge: StartJudge | None) -> None:
    """Add the commands; `serve` starts this judge."""
    app.command()(init)
    app.command("serve")(_serving(start_judge))
    app.command()(invite)
    app.command()(revoke)
    app.command("log")(show_log)
    app.command("renew-ca")(renew_ca)


def init(
    folder: Folder,
    name: Annotated[str, typer.Option(help="the collector's name")] = "collector",
    address: Annotated[str, typer.Option(help="HOST:PORT under which agents reach it")] = "localhost",
    as_json: Json = False,
) -> None:
    """Make a new collector: folder, certificate authority, keys, configuration, empty log."""
    try:
        config = new_config(name, address)
    except BadConfig as error:
        raise typer.BadParameter(str(error)) from error
    log_id = init_folder(folder, config)
    if as_json:
        _print_json({"folder": str(folder), "name": name, "log_id": log_id, "host": config.host})
    else:
        print(f"collector {name} made in {folder}; log {log_id}")
        print(f"move {folder}/root-key to a place off-line, then run: ccmm-collector serve {folder}", file=sys.stderr)


def _serving(start_judge: StartJudge | None):  # type: ignore[no-untyped-def]  # typer reads the inner function's types
    def serve(folder: Folder) -> None:
        """Run the collector until SIGTERM; prints its ports when ready."""
        run_serve(folder, start_judge)

    return serve


def invite(
    folder: Folder,
    center: Annotated[str, typer.Argument(help="the center that the agent belongs to")],
    agent: Annotated[str | None, typer.Option(help="the agent's name; without it, the next free agent-N")] = None,
    ttl: Annotated[str, typer.Option(help="how long the code is good for")] = "30m",
    as_json: Json = False,
) -> None:
    """Print one join code for one agent of a center."""
    try:
        life = parse_duration(ttl)
        check_name("center", center)
        check_name("agent", agent or "agent")
    except BadConfig as error:
        raise typer.BadParameter(str(error)) from error
    config = load_config(folder)
    ports = load_ports(folder)
    port = ports.enrollment if ports else config.enrollment_port
    if not port:
        raise BadConfig(f"the enrollment port is known only while serve runs: start ccmm-collector serve {folder}")
    fingerprint = Authority.load(folder, config).server_sha256()
    with EvidenceLog.open(folder) as log:
        token, name = enrollment.invite(log, center, agent, life)
    code = format_join_code(JoinCode(host=config.host, port=port, certificate_sha256=fingerprint, token=token))
    expires = (datetime.now(UTC) + life).isoformat(timespec="seconds")
    if as_json:
        _print_json({"code": code, "center": center, "agent": name, "expires": expires})
    else:
        print(code)
        print(f"for {name} of {center}, until {expires}: ccmm-agent join CODE DIR", file=sys.stderr)


def revoke(
    folder: Folder,
    agent: Annotated[str, typer.Argument(help="AGENT, or CENTER/AGENT where the name is not unique")],
    reason: Annotated[str, typer.Option(help="why; stands in the log for ever")],
    as_json: Json = False,
) -> None:
    """Revoke an agent: its streams end, it cannot renew, what it sent before stays."""
    if not 0 < len(reason.strip()) <= 500:
        raise typer.BadParameter("--reason: 1 to 500 characters are expected")
    with EvidenceLog.open(folder) as log:
        revoked = enrollment.revoke(log, agent, reason.strip())
    if as_json:
        _print_json({"center": revoked.center, "agent": revoked.agent, "log_index": revoked.revoked_index})
    else:
        print(f"{revoked.agent} of {revoked.center} is revoked: log index {revoked.revoked_index}")


def show_log(
    folder: Folder,
    as_json: Json = False,
    after: Annotated[int, typer.Option(help="only entries with a higher index")] = -1,
    limit: Annotated[int, typer.Option(min=0, help="at most so many entries")] = 1 << 40,
) -> None:
    """List the entries of the evidence log, its chains, and what was refused."""
    with EvidenceLog.open(folder, readonly=True) as log:
        if as_json:
            for piece in listing.log_json(log, after, limit):
                sys.stdout.write(piece)
            return
        for entry in listing.log_entries(log, after, limit):
            print(listing.entry_line(entry))
        for line in listing.refusal_lines(log):
            print(line, file=sys.stderr)


def renew_ca(
    folder: Folder,
    root_key: Annotated[Path, typer.Option(help="the file root.key, fetched from where it is kept")],
) -> None:
    """Make a new issuing key, signed by the root key; it works from the next start of `serve`."""
    renew_issuing(folder, load_config(folder), root_key, utc_now())
    print(f"new issuing key in {folder}/keys: restart serve, and take the root key away again")


def _print_json(table: dict[str, object]) -> None:
    print(json.dumps(table, ensure_ascii=False, indent=1))
