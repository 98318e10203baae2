"""`waive` and `sign`: a rule is set aside for a time by two people, at one desk or at two.

ccmm-collector waive DIR north D-SEC-09 --until ... --reason ... --request FILE   # asks
ccmm-collector sign FILE --key li.key                                             # each approver, anywhere
ccmm-collector waive DIR --approval FILE.<key>.sig --approval FILE.<key>.sig      # grants
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ccmm_collector import judge_tables as tables
from ccmm_collector import keys
from ccmm_collector import projection_sql as sql
from ccmm_collector.answers import iso
from ccmm_collector.arguments import Folder, Json, Lang, PackName, language_of, parse_instant
from ccmm_collector.config import load_config
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.log import EvidenceLog
from ccmm_collector.pack_commands import KeyFile, public_hex, signing_key
from ccmm_collector.waivers import LONGEST_REASON, approve, digest_of, granted, new_request, words_of
from ccmm_proto.errors import BadConfig, Malformed
from ccmm_proto.v1.service_pb2 import Act, WaiverRequest, WaiverWithdrawn
from ccmm_rules.evidence import Waiver

Files = Annotated[list[Path] | None, typer.Option("--approval", help="a signed request, made by `sign`; two at least")]
Keys = Annotated[
    list[Path] | None, typer.Option("--approver-key", help="sign with this approver's private key; two at least")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(waive)
    app.command()(sign)


def waive(
    folder: Folder,
    center: Annotated[str | None, typer.Argument(help="the center's name")] = None,
    rule: Annotated[str | None, typer.Argument(help="the rule's id; without it the waivers are listed")] = None,
    until: Annotated[str | None, typer.Option(help="the end, e.g. 2026-12-31T00:00+08:00")] = None,
    starts: Annotated[str | None, typer.Option("--from", help="the beginning; now by default, never before")] = None,
    reason: Annotated[str | None, typer.Option(help="why; stands in the log for ever")] = None,
    request: Annotated[Path | None, typer.Option(help="write what the approvers sign into this file")] = None,
    approval: Files = None,
    approver_key: Keys = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="end the rule's waivers now")] = False,
    pack: PackName = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:
    """Set a rule aside at a center until a day: two approvers sign. What it covers is `waived`, never satisfied."""
    language, from_ms, until_ms = language_of(lang), parse_instant(starts), parse_instant(until)
    if approval:
        _grant(folder, [_read(path) for path in approval], as_json=as_json)
    elif center is None:
        raise typer.BadParameter("a center is expected, or --approval FILE of each approver")
    elif rule is None:
        _list(folder, center, language, as_json=as_json)
    elif reason is None or not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise typer.BadParameter(f"--reason: 1 to {LONGEST_REASON} characters are expected")
    elif withdraw:
        _withdraw(folder, center, rule, reason.strip(), as_json=as_json)
    elif until_ms is None:
        raise typer.BadParameter("--until is expected: every waiver ends")
    else:
        signing = [keys.load_ed25519_key(path) for path in approver_key or []]
        if (request is None) == (not signing):
            raise typer.BadParameter("--request FILE is expected, or --approver-key FILE of each approver")
        asked = _request(folder, center, rule, (from_ms, until_ms), reason, pack)
        if request is not None:
            _write(request, asked)
            print(f"{words_of(asked)}\n{request}: for each approver: ccmm-collector sign {request} --key KEY")
        else:
            _grant(folder, [approve(asked, key) for key in signing], as_json=as_json)


def _request(
    folder: Path, center: str, rule: str, time_ms: tuple[int | None, int], reason: str, pack: str | None
) -> bytes:
    with Inquiry.open(folder) as inquiry:
        inquiry.check_center(center)
        moment = inquiry.moment(None, None)
        chosen = inquiry.chosen(pack, moment).pack
        if rule not in chosen.rules:
            raise BadConfig(f"no rule {rule!r} in {chosen.id} {chosen.version}")
        return new_request(
            log_id=inquiry.log.log_id,
            center=center,
            rule=rule,
            from_ms=moment.at_ms if time_ms[0] is None else time_ms[0],
            until_ms=time_ms[1],
            reason=reason,
            asked_ms=moment.at_ms,
        )


def _grant(folder: Path, envelopes: list[bytes], *, as_json: bool) -> None:
    """Put the waiver into the log; one request is granted once only, also after it was withdrawn."""
    approvers = load_config(folder).approvers
    with Inquiry.open(folder) as inquiry:
        act = granted(envelopes, approvers, log_id=inquiry.log.log_id, now_ms=inquiry.now_ms)
        if inquiry.projection.rows(sql.REQUEST, digest_of(act.waiver_granted.request)):
            raise BadConfig("this request was granted before; ask anew")
    with EvidenceLog.open(folder) as log:
        entry = log.append_act(act)
    asked = WaiverRequest.FromString(act.waiver_granted.request)
    names = [one.approver for one in act.waiver_granted.approvals]
    if as_json:
        document = {"center": asked.center, "rule": asked.rule, "until": iso(asked.until_ms), "approvers": names}
        _print_json({**document, "reason": asked.reason, "log_index": entry.index})
    else:
        print(f"{words_of(act.waiver_granted.request)}; {', '.join(names)}: log index {entry.index}")


def _withdraw(folder: Path, center: str, rule: str, reason: str, *, as_json: bool) -> None:
    with Inquiry.open(folder) as inquiry:
        inquiry.check_center(center)
        waivers = [one for one in inquiry.known(center, inquiry.moment(None, None)).waivers() if one.rule == rule]
        if not any(one.until_ms > inquiry.now_ms for one in waivers):
            raise BadConfig(f"no waiver of {rule} is in force or coming at {center}")
    with EvidenceLog.open(folder) as log:
        entry = log.append_act(Act(waiver_withdrawn=WaiverWithdrawn(center=center, rule=rule, reason=reason)))
    if as_json:
        _print_json({"center": center, "rule": rule, "reason": reason, "log_index": entry.index})
    else:
        print(f"the waivers of {rule} at {center} end now: log index {entry.index}")


def _list(folder: Path, center: str, language: str, *, as_json: bool) -> None:
    with Inquiry.open(folder) as inquiry:
        inquiry.check_center(center)
        now_ms = inquiry.now_ms
        waivers = [_shown(one, now_ms) for one in inquiry.known(center, inquiry.moment(None, None)).waivers()]
    if as_json:
        _print_json({"center": center, "waivers": waivers})
    else:
        tables.show_waivers(waivers, language)


def _shown(waiver: Waiver, now_ms: int) -> dict[str, Any]:
    return {
        "rule": waiver.rule,
        "from": iso(waiver.from_ms),
        "until": iso(waiver.until_ms),
        "ended": waiver.until_ms <= now_ms,
        "in_force": waiver.from_ms <= now_ms < waiver.until_ms,
        "approvers": list(waiver.approvers),
        "reason": waiver.reason,
        "log_index": waiver.log_index,
    }


def sign(
    request: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="a request made by `waive`")] = None,
    key: KeyFile = None,
    new_key: Annotated[Path | None, typer.Option("--new-key", help="make an approver's key in this file")] = None,
    out: Annotated[Path | None, typer.Option(help="the signed request; beside FILE by default")] = None,
) -> None:
    """Sign a request as an approver, after reading what it says; with --new-key make an approver's key first."""
    if request is None and new_key is None:
        raise typer.BadParameter("a request is expected, or --new-key FILE")
    signer = signing_key(key, new_key)
    if new_key is not None:
        print(f'{new_key}; for [approvers] of collector.toml: "YOUR NAME" = "{public_hex(signer)}"')
    if request is None:
        return
    asked = _read(request)
    try:
        said = words_of(asked)
    except Malformed as error:
        raise BadConfig(f"{request}: no request of a waiver: {error}") from error
    signed = out or request.with_name(f"{request.name}.{public_hex(signer)[:8]}.sig")
    _write(signed, approve(asked, signer))
    print(f"signed: {said}", file=sys.stderr)
    print(signed)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfig(f"{path}: not readable: {error}") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise BadConfig(f"{path}: cannot be written: {error}") from error


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False))
