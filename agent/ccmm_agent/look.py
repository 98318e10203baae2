"""`check` and `collect`: look at sources without sending anything. They also work before `join`."""

import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import json_format

from ccmm_agent import clock, spool_file
from ccmm_agent.config import FILE, Config, SourceConfig, load_config
from ccmm_agent.facts import word_of
from ccmm_agent.identity import KeyFolder
from ccmm_agent.isolation import protect_this_process
from ccmm_agent.mend import mend_of
from ccmm_agent.pipeline import look
from ccmm_agent.plugin import CheckLine, SourceUnavailable
from ccmm_agent.readable import lines_of
from ccmm_agent.reading import SourceSpec, check_source_process, describe_source, described_places
from ccmm_agent.screen import print_json, print_line, print_table, say
from ccmm_agent.sources import PlannedSource, limits_of, planned_sources, spec_of
from ccmm_agent.spool import Spool
from ccmm_agent.texts import text_of
from ccmm_proto.errors import BadConfig
from ccmm_proto.pseudonym import PseudonymKey, new_key
from ccmm_proto.reasons import Reason
from ccmm_proto.roll import ABSENT
from ccmm_proto.v1.statement_pb2 import OBSERVED, UNAVAILABLE, Isolation, Observation, Outcome, Roll, Run

S = TypeVar("S", SourceConfig, PlannedSource)
SAMPLE = 3  # facts shown per source by `check`


def collect(folder: Path, *, source: str | None, as_json: bool, from_start: bool, language: str = "en") -> bool:
    """Print what the next run of each source (or of one) would send. True: every source could look."""
    protect_this_process()
    config = load_config(folder)
    key = _pseudonym_key(folder)
    runs = [
        run
        for planned in _named(planned_sources(folder, config), source)
        for run in _runs(planned, b"" if from_start else _cursor(folder, planned.name), key)
    ]
    if as_json:
        print_json({"runs": [json_format.MessageToDict(run, preserving_proto_field_name=True) for run in runs]})
    else:
        print_table(text_of("collect_columns", language).split("|"), [_row(run, language) for run in runs])
        print_line(text_of("nothing_sent", language))
    return all(run.outcome in (OBSERVED, Outcome.EMPTY) or run.reason == Reason.VETOED for run in runs)


def check(folder: Path, *, source: str | None = None, as_json: bool, language: str = "en") -> bool:
    """Print for every source (or one): reachable? rights? what would leave, and what mends what failed.

    True: there was something to look at, and nothing failed.
    """
    protect_this_process()
    config = load_config(folder)
    key = _pseudonym_key(folder)
    chosen = _named(config.sources, source)
    planned = {one.name: one for one in planned_sources(folder, config)}
    told_in = "en" if as_json else language
    documents = [_checked(folder, config, one, planned[one.name], key, told_in) for one in chosen]
    if as_json:
        print_json({"clock": _clock("en"), "sources": documents})
    else:
        print_line(text_of("clock", language, detail=_clock(language)["detail"]))
        for document in documents:
            _show_checked(folder, document, language)
    if not documents:
        say(text_of("no_source", language, folder=folder, file=folder / FILE))
    failed = any(line["verdict"] == "failed" for document in documents for line in _lines(document))
    return bool(documents) and not failed


def _named(sources: Sequence[S], name: str | None) -> list[S]:
    """All of them, or the one of this name."""
    chosen = [source for source in sources if name in (None, source.name)]
    if name is not None and not chosen:
        raise BadConfig(f"no source {name!r}: expected one of {', '.join(source.name for source in sources) or '-'}")
    return chosen


def _runs(planned: PlannedSource, cursor: bytes, key: PseudonymKey) -> Iterator[Run]:
    """The parts of the next run, and of those that follow at once because more history waits."""
    history = not cursor
    while True:
        ran = look(planned, cursor, clock.now(), key, history=history)
        yield from (draft.body for draft in ran.drafts if isinstance(draft.body, Run))
        if not ran.more or ran.cursor is None or ran.cursor == cursor:
            return
        cursor = ran.cursor


def _row(run: Run, language: str) -> tuple[object, ...]:
    why = ": ".join(part for part in (run.reason, run.detail) if part)
    outcome = text_of(Outcome.Name(run.outcome), language)
    part = text_of("part_among", language, part=run.part, parts=run.parts)
    return (run.source, outcome, why, part, len(run.observations), run.ByteSize())


def _checked(
    folder: Path, config: Config, source: SourceConfig, planned: PlannedSource, key: PseudonymKey, language: str
) -> dict[str, object]:
    spec, cursor = spec_of(folder, config, source), _cursor(folder, source.name)
    lines = check_source_process(spec, now=clock.now(), zone=config.zone, cursor=cursor, limits=limits_of(source))
    ran = look(planned, b"", clock.now(), key, history=True)
    run = ran.drafts[0].body
    assert isinstance(run, Run)
    failure = f"{run.reason}: {run.detail}"
    vetoed = planned.veto.words(planned.feeds)
    if vetoed:
        lines = [*lines, CheckLine("warning", "veto", text_of("vetoed", language, words=vetoed))]
    if run.outcome == UNAVAILABLE and failure not in (line.detail for line in lines):
        lines = [*lines, CheckLine("failed", "reading", failure)]
    return {
        "source": source.name,
        "plugin": source.plugin,
        "isolation": Isolation.Name(ran.drafts[0].isolation).removeprefix("ISOLATION_").lower(),
        "lines": [_told(one, config.reader_account, spec) for one in lines],
        "outcome": Outcome.Name(run.outcome),
        "facts": sum(len(draft.body.observations) for draft in ran.drafts if isinstance(draft.body, Run)),
        "sample": [json_format.MessageToDict(one, preserving_proto_field_name=True) for one in _sample(run)],
    }


def _told(line: CheckLine, account: str, spec: SourceSpec) -> dict[str, object]:
    """A line; beside one that failed what mends it, by language."""
    told: dict[str, object] = {"verdict": line.verdict, "subject": line.subject, "detail": line.detail}
    if line.verdict == "failed" and (mend := mend_of(line.detail)) is not None:
        told["mend"] = mend.told(account=account or _own_account(), places=_places(spec))
    return told


def _own_account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _places(spec: SourceSpec) -> str:
    """What its manifest names; nothing where the source cannot even be described."""
    try:
        return ", ".join(described_places(describe_source(spec).manifest))
    except SourceUnavailable:
        return ""


def _clock(language: str) -> dict[str, str]:
    """Evidence says by what clock it was made: whoever looks at sources should know it before."""
    if clock.clock_quality().source == "local":
        return {"verdict": "warning", "detail": text_of("clock_alone", language)}
    return {"verdict": "ok", "detail": text_of("clock_kept", language)}


def _sample(run: Run) -> list[Observation]:
    """A few facts of different sorts; long lists and rolls cut to their first entries."""
    sorts: dict[str, Observation] = {}
    words: dict[str, Observation] = {}
    for observation in run.observations:
        sorts.setdefault(observation.WhichOneof("fact") or "", observation)
        words.setdefault(word_of(observation), observation)
    others = [observation for observation in words.values() if observation not in sorts.values()]
    sample = []
    for observation in [*sorts.values(), *others][:SAMPLE]:
        cut = Observation()
        cut.CopyFrom(observation)
        if cut.WhichOneof("fact") == "inventory":
            del cut.inventory.entries[SAMPLE:]
        elif cut.WhichOneof("fact") == "roll":
            _cut_roll(cut.roll)
        sample.append(cut)
    return sample


def _cut_roll(roll: Roll) -> None:
    """Its first rows, with the words that they use."""
    del roll.key[SAMPLE:], roll.start_s[SAMPLE:]
    for column in roll.columns:
        del column.number[SAMPLE:], column.pseudonym[SAMPLE:]
        if column.dictionary:
            used = sorted({number for number in column.number if number != ABSENT})
            words = [column.dictionary[number] for number in used]
            numbers = [ABSENT if number == ABSENT else used.index(number) for number in column.number]
            del column.dictionary[:], column.number[:]
            column.dictionary.extend(words)
            column.number.extend(numbers)


def _lines(document: dict[str, object]) -> list[dict[str, Any]]:
    lines = document["lines"]
    assert isinstance(lines, list)
    return lines


def _show_checked(folder: Path, document: dict[str, Any], language: str) -> None:
    isolation = document["isolation"] if document["isolation"] != "unspecified" else text_of("unspecified", language)
    print_line(text_of("checked", language, source=document["source"], plugin=document["plugin"], isolation=isolation))
    rows = [
        (text_of(line["verdict"], language), _subject(line, language), _detail(line, language))
        for line in _lines(document)
    ]
    print_table(text_of("columns", language).split("|"), rows)
    sample = document["sample"]
    outcome = text_of(document["outcome"], language)
    such_as = text_of("for_example", language) if sample else ""
    print_line(f"{text_of('would_leave', language, outcome=outcome, facts=document['facts'])}{such_as}")
    for fact in sample:
        for line in lines_of(json_format.ParseDict(fact, Observation())):
            print_line(f"  {line}")
    if sample:
        print_line(text_of("all_of_it", language, folder=folder, source=document["source"]))
    print_line("")


def _subject(line: dict[str, Any], language: str) -> str:
    """The agent's own subjects are translated; those of plugins are names."""
    subject = str(line["subject"])
    return text_of(subject, language) if subject in ("isolation", "reading", "veto") else subject


def _detail(line: dict[str, Any], language: str) -> str:
    """What was looked at, and what mends it where it failed."""
    detail = str(line["detail"])
    if line["subject"] == "isolation":
        for word in ("may_open", "may_run"):
            detail = detail.replace(text_of(word, "en"), text_of(word, language))
    return f"{detail}\n→ {line['mend'][language]}" if "mend" in line else detail


def _pseudonym_key(folder: Path) -> PseudonymKey:
    keys = KeyFolder(folder)
    if keys.has_pseudonym():
        return PseudonymKey(keys.pseudonym_secret())
    say("not joined yet: the pseudonyms shown are made with a key that is thrown away")
    return PseudonymKey(new_key())


def _cursor(folder: Path, name: str) -> bytes:
    """Where the source stands in the spool, or the beginning."""
    path = folder / spool_file.FILE
    if not path.exists():
        return b""
    with closing(Spool(spool_file.connect(path), limit_bytes=0)) as spool:
        state = spool.source(name)
    return state.cursor if state else b""
