from collections.abc import Sequence
from pathlib import Path

import pytest

from ccmm_collector.day_notes import DayNotes
from ccmm_collector.folds import Folds
from ccmm_collector.known import Known
from ccmm_collector.log import EvidenceLog
from ccmm_collector.projection import Projection
from ccmm_proto.period import DAY_MS, QUARTER_MS
from ccmm_rules.evidence import Span
from tests.unit.collector.chapters import START, Agent, Clock, answer, append, new_log, offered

DAYS = [Span(start, start + DAY_MS) for start in range(START, START + 5 * DAY_MS, DAY_MS)]
ASKED = ("calls_offered", "calls_answered")


class Reader:
    """Notes how many calls were offered on a day, and on which days it looked."""

    def __init__(self, projection: Projection, log: EvidenceLog) -> None:
        self.projection, self.log, self.looked = projection, log, list[int]()

    def notes(self, key: str = "k", index: int | None = None, days: Sequence[Span] = DAYS) -> list[str]:
        at = self.projection.position if index is None else index
        known = Known(self.projection.view("north", at), log_id=self.log.log_id, at_ms=START)

        def make(asked: Sequence[Span]) -> list[str]:
            self.looked += [(day.from_ms - START) // DAY_MS for day in asked]
            return [str(sum(row.count for row in known.slots("calls_offered", day))) for day in asked]

        return list(known.noted(key, ASKED, days, make))

    def took(self) -> list[int]:
        looked, self.looked = self.looked, []
        return looked


def world(folder: Path) -> tuple[EvidenceLog, Agent, Reader]:
    log, agent = new_log(folder, Clock()), Agent()
    append(log, agent.run((START, START + 4 * DAY_MS), [offered(START + n * QUARTER_MS, 1) for n in range(4 * 96)]))
    projection = Projection.open(folder, log_id=log.log_id)
    projection.apply(log.entries(after=-1, limit=100))
    return log, agent, Reader(projection, log)


def test_a_day_is_noted_once_an_empty_one_too(tmp_path: Path) -> None:
    _, _, reader = world(tmp_path)
    assert reader.notes() == ["96", "96", "96", "96", "0"]
    assert reader.took() == [0, 1, 2, 3, 4]
    assert reader.projection.tend()
    assert reader.notes() == ["96", "96", "96", "96", "0"]
    assert reader.took() == []
    assert reader.notes(key="other") == ["96", "96", "96", "96", "0"]
    assert reader.took() == [0, 1, 2, 3, 4]


def test_a_slot_that_comes_late_undoes_the_note_of_its_day_alone(tmp_path: Path) -> None:
    log, agent, reader = world(tmp_path)
    reader.notes()
    first = reader.projection.position
    for start, told in ((START + DAY_MS, "11"), (START + 4 * DAY_MS, "7")):
        append(log, agent.run((start, start + QUARTER_MS), [offered(start, int(told), revision=1)]))
    reader.projection.apply(log.entries(after=first, limit=10))  # writes the notes that were made before
    reader.took()
    assert reader.notes() == ["96", "106", "96", "96", "7"]
    assert reader.took() == [1, 4]
    assert reader.notes(index=first) == ["96", "96", "96", "96", "0"]  # as known then
    assert reader.took() == [1, 4]
    reader.projection.tend()
    assert reader.notes() == ["96", "106", "96", "96", "7"]
    assert reader.took() == []


def test_another_zone_has_other_days(tmp_path: Path) -> None:
    log, agent, reader = world(tmp_path)
    reader.notes()
    reader.projection.tend()
    before = reader.projection.position
    answer(log, "zone", '"Asia/Shanghai"')
    append(log, agent.run((START, START + DAY_MS), [offered(START, 1)]))
    reader.projection.apply(log.entries(after=before, limit=10))
    reader.took()
    shifted = [Span(day.from_ms - 8 * 3_600_000, day.to_ms - 8 * 3_600_000) for day in DAYS]
    assert reader.notes(days=shifted) == ["64", "96", "96", "96", "32"]
    assert len(reader.took()) == 5
    assert reader.notes(index=before) == ["96", "96", "96", "96", "0"]  # other days are kept by now: all made anew
    assert reader.took() == [0, 1, 2, 3, 4]


def test_who_only_reads_keeps_nothing(tmp_path: Path) -> None:
    log, _, _ = world(tmp_path)
    reader = Reader(Projection.open(tmp_path, log_id=log.log_id, readonly=True), log)
    reader.notes()
    assert not reader.projection.notes.fresh
    assert not reader.projection.tend()


def test_notes_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmm_collector.day_notes.MOST", 3)
    _, _, reader = world(tmp_path)
    assert reader.notes() == ["96", "96", "96", "96", "0"]
    assert isinstance(reader.projection.notes, DayNotes)
    assert len(reader.projection.notes.fresh) == 3


def test_what_was_made_of_a_span_is_kept_until_one_of_its_slots_comes_again(tmp_path: Path) -> None:
    log, agent, reader = world(tmp_path)
    folds, made = Folds(), list[int]()

    def kept(key: str, span: Span, index: int | None = None) -> int:
        at = reader.projection.position if index is None else index
        known = Known(reader.projection.view("north", at), log_id=log.log_id, at_ms=START, folds=folds)

        def make() -> list[int]:
            made.append(sum(row.count for row in known.slots("calls_offered", span)))
            return made[-1:]

        return known.kept(key, ASKED, span, make)[0]

    first = reader.projection.position
    whole = Span(START, START + 4 * DAY_MS)
    assert [kept("a", DAYS[0]), kept("a", DAYS[0]), kept("b", DAYS[0]), kept("a", whole)] == [96, 96, 96, 384]
    assert made == [96, 96, 384]
    append(log, agent.run((whole.from_ms, whole.to_ms), [offered(START + 3 * DAY_MS, 5, revision=1)]))
    reader.projection.apply(log.entries(after=first, limit=10))
    assert [kept("a", DAYS[0]), kept("a", whole), kept("a", whole)] == [96, 388, 388]
    assert made == [96, 96, 384, 388]
    assert kept("a", whole, first) == 384  # as known then, made anew
    assert made == [96, 96, 384, 388, 384]
