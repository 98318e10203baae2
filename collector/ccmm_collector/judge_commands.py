"""The commands `centers`, `verdicts`, `level`, `scope`, `rebuild`; `rules` and `waive` join. Failures: CcmmErrors."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ccmm_collector import judge_tables as tables
from ccmm_collector import rule_commands, verdict_tables, waiver_commands
from ccmm_collector.answers import centers_answer, level_answer, verdicts_answer
from ccmm_collector.arguments import (
    At,
    Center,
    Everything,
    Folder,
    Json,
    KnownAt,
    Lang,
    PackName,
    language_of,
    parse_instant,
)
from ccmm_collector.config import check_name
from ccmm_collector.inquiry import Inquiry
from ccmm_collector.log import EvidenceLog
from ccmm_collector.rebuild import rebuild as run_rebuild
from ccmm_collector.scope import LIMIT, parse_answer
from ccmm_proto.errors import BadConfig
from ccmm_proto.period import from_ms
from ccmm_proto.v1.service_pb2 import Act, ScopeAnswer
from ccmm_rules.model import Rule


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(centers)
    app.command()(verdicts)
    app.command()(level)
    app.command()(scope)
    app.command("rebuild")(rebuild)
    rule_commands.register(app)
    waiver_commands.register(app)


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False))


def centers(
    folder: Folder,
    at: At = None,
    known_at: KnownAt = None,
    pack: PackName = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:
    """Every center: level, coverage, open nonconformities, how fresh its evidence is, when it was last heard."""
    language, instant, known = language_of(lang), parse_instant(at), parse_instant(known_at)
    with tables.patience(sys.stderr, language), Inquiry.open(folder) as inquiry:
        answer = centers_answer(inquiry, inquiry.moment(instant, known), pack)
    if as_json:
        _print_json(answer)
    else:
        tables.show_centers(answer, language)


def verdicts(
    folder: Folder,
    center: Center,
    at: At = None,
    known_at: KnownAt = None,
    pack: PackName = None,
    lang: Lang = "en",
    everything: Everything = False,
    as_json: Json = False,
) -> None:
    """The open rules, or --all: outcome, since when, how long it holds, why. Then the open nonconformities."""
    language, instant, known = language_of(lang), parse_instant(at), parse_instant(known_at)
    with tables.patience(sys.stderr, language), Inquiry.open(folder) as inquiry:
        inquiry.check_center(center)
        answer = verdicts_answer(inquiry, center, inquiry.moment(instant, known), pack)
    if as_json:
        _print_json(answer)
    else:
        verdict_tables.show_verdicts(answer, language, everything=everything)


def level(
    folder: Folder,
    center: Center,
    at: At = None,
    known_at: KnownAt = None,
    pack: PackName = None,
    lang: Lang = "en",
    everything: Everything = False,
    as_json: Json = False,
) -> None:
    """The center's level, what keeps it from the next one, and the open nonconformities."""
    language, instant, known = language_of(lang), parse_instant(at), parse_instant(known_at)
    with tables.patience(sys.stderr, language), Inquiry.open(folder) as inquiry:
        inquiry.check_center(center)
        answer = level_answer(inquiry, center, inquiry.moment(instant, known), pack)
    if as_json:
        _print_json(answer)
    else:
        verdict_tables.show_level(answer, language, everything=everything)


def scope(
    folder: Folder,
    center: Center,
    answers: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="KEY= withdraws")] = None,
    until: Annotated[str | None, typer.Option(help="the answers hold until then, e.g. 2027-12-31T00:00+08:00")] = None,
    lang: Lang = "en",
    as_json: Json = False,
) -> None:
    """Answer scope questions of a center; without answers, list those in force."""
    language, until_ms = language_of(lang), parse_instant(until)
    pairs = [_pair(word) for word in answers or []]
    rules = _rules(folder) if any(key.startswith(LIMIT) for key, _ in pairs) else {}
    found = [(key, parse_answer(key, text, rules)) for key, text in pairs]
    acts = [
        Act(scope_answer=ScopeAnswer(center=center, key=key, value_json=value, until_ms=until_ms))
        for key, value in found
    ]
    if acts:
        check_name("center", center)
        with EvidenceLog.open(folder) as log:
            writing = log.write(lambda transaction: [transaction.append_act(act) for act in acts])  # all or none
            first, *_ = writing.result()
        _tell_of_new(folder, center, first.index, language)
    listed = _answers(folder, center, just_recorded=bool(acts))
    if as_json:
        _print_json({"center": center, "answers": listed})
    else:
        tables.show_answers(listed, language)


def _pair(word: str) -> tuple[str, str]:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{word!r}: KEY=VALUE is expected")
    return key, text


def _rules(folder: Path) -> Mapping[str, Rule]:
    """Of the pack in force; none before the first."""
    with Inquiry.open(folder) as inquiry:
        pack = inquiry.packs.in_force(inquiry.projection, inquiry.projection.position, inquiry.now_ms)
        return pack.rules if pack is not None else {}


_IS_NEW = {
    "en": "{0} is a new center: nothing was known of it before. Known: {1}. If the name is misspelt,"
    " take back what it was answered (KEY=); its name stays in the log",
    "zh": "{0} 是新中心：此前没有任何记录。已知中心：{1}。如名称有误，请撤回其答复（KEY=）；名称仍保留在日志中",
}


def _tell_of_new(folder: Path, center: str, index: int, language: str) -> None:
    """A misspelt name makes a center: say so where nothing before an index of the log speaks of it."""
    with Inquiry.open(folder) as inquiry:
        known = inquiry.projection.centers(index - 1)
    if known and center not in known:
        names = (", " if language == "en" else "、").join(known)
        print(_IS_NEW[language].format(center, names), file=sys.stderr)


def _answers(folder: Path, center: str, *, just_recorded: bool) -> list[dict[str, Any]]:
    with Inquiry.open(folder) as inquiry:
        if not just_recorded:  # what is in the log already is no error while a busy judge is still behind
            inquiry.check_center(center)
        profile = inquiry.known(center, inquiry.moment(None, None)).profile()
        return [
            {
                "key": key,
                "value": answer.value,
                "until": None if answer.until_ms is None else from_ms(answer.until_ms).isoformat(),
                "in_force": answer.until_ms is None or inquiry.now_ms <= answer.until_ms,
                "log_index": answer.log_index,
            }
            for key, answer in sorted(profile.items())
        ]


def rebuild(folder: Folder, as_json: Json = False) -> None:
    """Make all projections anew from the log, derive the verdicts in force again, and say whether all is equal."""
    report = run_rebuild(folder, tables.progress(sys.stderr))
    if as_json:
        _print_json(report.document())
    else:
        tables.show_rebuild(report.document())
    if report.differences:
        raise BadConfig(
            f"{len(report.differences)} differences. In log, chain, hole or agent: restore log.sqlite from a backup. "
            f"Else stop serve, delete {folder}/projections.sqlite* and {folder}/verdicts.sqlite*, and start it again"
        )
