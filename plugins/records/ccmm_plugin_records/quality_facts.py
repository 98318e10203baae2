"""From scores, recorded contacts and calibration to figures of days and samples. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ccmm_agent.facts import occurrence
from ccmm_agent.plugin import Observation
from ccmm_plugin_records.quality_tables import Line
from ccmm_tables.amounts import Amounts
from ccmm_tables.counts import Dimensions

SCORERS = timedelta(days=30)  # whoever scored in so many days before a session is to take part in it
_BANDS = ((60, "short"), (300, "medium"))
_PARTS = ((8, "night"), (12, "morning"), (18, "afternoon"), (24, "evening"))
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Told:
    """A sample, with what tells whether it is still the same."""

    key: str
    digest: str
    observation: Observation
    at: datetime


def add_scores(amounts: Amounts, scores: Iterable[Line]) -> None:
    """Points, checks, critical errors and process steps by day, person, queue, form and whether chance chose."""
    for line in scores:
        named = _named(line)
        figures: dict[str, float | None] = {
            "qa_points": line.number("points"),
            "qa_possible": line.number("possible"),
            "qa_checked": 1,
            "qa_critical": _one(line.flag("critical")),
            "process_steps": line.number("steps"),
            "process_steps_right": line.number("steps_right"),
        }
        for measure, value in figures.items():
            if value is not None:
                amounts.add(measure, line.at, named, float(value))


def add_cells(amounts: Amounts, scores: Iterable[Line], recorded: Sequence[Line]) -> int:
    """Recorded and randomly checked contacts by cell; gives how many checks have no recorded contact.

    Which cell a check is in says the recorded contact of its call id, never the row of the check.
    """
    cells: dict[str, tuple[datetime, Dimensions]] = {}
    for line in recorded:
        id = str(line.text("call"))
        if id not in cells:
            cells[id] = (line.at, _cell(line, amounts.zone))
            amounts.add("recorded_cells", *cells[id], 1.0)
    unknown = 0
    drawn: set[str] = set()
    for line in scores:
        call = line.text("call")
        if line.flag("random") is False or call in drawn:
            continue
        if call is None or call not in cells:
            unknown += 1
            continue
        drawn.add(call)
        amounts.add("qa_cells", *cells[call], 1.0)
    return unknown


def add_calibration(amounts: Amounts, calibration: Iterable[Line]) -> None:
    """Distances from the reference, by day and form; whose contact it was is not told."""
    for line in calibration:
        form = line.text("form")
        amounts.add("calibration_gap", line.at, (("form", form),) if form else (), _gap(line))


def samples_of_scores(scores: Iterable[Line]) -> Iterator[Told]:
    """One sample of class `quality` for each score. Who scored is not stated."""
    for line in scores:
        attributes: dict[str, object] = {
            "class_": "quality",
            "call": line.text("call"),
            "agent": line.text("agent"),
            "channel": line.text("channel"),
            "subject": line.text("subject") or line.text("form"),
            "random": line.flag("random"),
            "critical": line.flag("critical"),
            "passed": line.flag("passed"),
            "score": line.number("points"),
            "possible": line.number("possible"),
        }
        yield _told(f"quality:{line.key}", line.at, attributes)


def samples_of_sessions(calibration: Iterable[Line], scores: Iterable[Line], *, has_scorers: bool) -> Iterator[Told]:
    """One sample of class `calibration` for each session: blind if all of it was, and whether all scorers took part."""
    sessions: dict[str, list[Line]] = {}
    for line in calibration:
        sessions.setdefault(line.key, []).append(line)
    at_work = [(line.at, line.text("scorer")) for line in scores]
    for key, lines in sessions.items():
        began = min(line.at for line in lines)
        blind = [line.flag("blind") for line in lines]
        due = {scorer for at, scorer in at_work if scorer and began - SCORERS <= at < began}
        attributes: dict[str, object] = {
            "class_": "calibration",
            "blind": None if None in blind else all(blind),
            "all_scorers": due <= {line.text("scorer") for line in lines} if has_scorers and due else None,
            "gap": sum(_gap(line) for line in lines) / len(lines),
        }
        yield _told(f"calibration:{key}", began, attributes)


def new_samples(told: Iterable[Told], known: Mapping[str, str]) -> tuple[list[Told], dict[str, str], int]:
    """What is new or changed, what is known then (by short digests), and how many changed."""
    found: list[Told] = []
    after = dict(known)
    changed = 0
    for one in told:
        key = hashlib.sha256(one.key.encode()).hexdigest()[:12]
        if known.get(key) != one.digest:
            found.append(one)
            changed += key in known
            after[key] = one.digest
    return found, after, changed


def _told(key: str, at: datetime, attributes: Mapping[str, object]) -> Told:
    observation = occurrence("sample", key, at, None, **attributes)
    digest = hashlib.sha256(observation.SerializeToString(deterministic=True)).hexdigest()[:8]
    return Told(key, digest, observation, at)


def _named(line: Line) -> Dimensions:
    random = line.flag("random")
    told = {name: line.text(name) for name in ("agent", "form", "process", "queue")}
    told["random"] = None if random is None else "yes" if random else "no"
    return tuple((name, text) for name, text in sorted(told.items()) if text)


def _one(flag: bool | None) -> float | None:
    return None if flag is None else float(flag)


def _gap(line: Line) -> float:
    score, reference = line.number("score"), line.number("reference")
    assert score is not None
    assert reference is not None  # columns that every calibration has
    return abs(score - reference)


def _cell(line: Line, zone: ZoneInfo) -> Dimensions:
    """Part of the day, day of the week and length, of one person."""
    here, length = line.at.astimezone(zone), line.number("length") or 0.0
    part = next(name for hour, name in _PARTS if here.hour < hour)
    band = next((name for most, name in _BANDS if length < most), "long")
    return (("agent", str(line.text("agent"))), ("cell", f"{_DAYS[here.weekday()]} {part} {band}"))
