"""Measures by day, quarter hour and reading."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from demo.book.rows import Figures, Row
from demo.characters import Character
from demo.people import local


def _quiz(character: Character, now: datetime) -> Iterator[Row]:
    for days in range(20, min(character.months * 30, 360), 30):
        asked: Row = {"started": local(now, days), "drawn": "random", "quiz_staff": 26, "quiz_taken": 20}
        yield asked | {"quiz_questions": 200, "quiz_right": 186}


FIGURES: Mapping[str, Figures] = {
    "quiz": Figures(measures=("quiz_staff", "quiz_taken", "quiz_questions", "quiz_right"), rows=_quiz),
}
