"""From rows of an export to passages and badges: the words of the door system become ours. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from ccmm_agent.delimited import BadTable, LocalTimes, Row
from ccmm_agent.plugin import BadOption, Options
from ccmm_plugin_access_control.passages import NO_BADGE, UNKNOWN, Attributes, Passage

OWN_WORDS = frozenset(  # of the vocabulary: an export that is written in them needs no `words`
    ("in", "out", "open", "held", "refused", "passback", "personal", "shared", "temporary", "visitor")
)
MAX_LABEL = 1000
_DAY = timedelta(days=1)
_EVENT_COLUMNS = ("badge", "person", "door", "zone", "direction", "result", "badge_class", "project", "left")
_HOLDER_COLUMNS = ("badge", "person", "class", "enabled", "disabled", "zones", "project")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorMapping:
    """Which column of the events says what, and what the words of the door system mean."""

    time: tuple[str, ...]
    columns: Mapping[str, str]
    words: Mapping[str, str]
    zones: Mapping[str, str]  # door -> zone
    controlled: frozenset[str]
    dedicated: frozenset[str]

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        columns = options.table("columns")
        time = columns.text("time")
        date = columns.text("date", None)
        return cls(
            time=(time,) if date is None else (date, time),
            columns=_named(columns, _EVENT_COLUMNS),
            words=_pairs(options, "words"),
            zones=_pairs(options, "zones"),
            controlled=frozenset(options.texts("controlled_doors", ())),
            dedicated=frozenset(options.texts("dedicated_doors", ())),
        )

    def wanted(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        return tuple(dict.fromkeys([*self.time, *self.columns.values()]))

    def passages(
        self,
        row: Row,
        times: LocalTimes,
        holders: Mapping[str, Attributes],
        *,
        after: datetime | None = None,
        before: datetime | None = None,
    ) -> list[Passage]:
        """One passage; two where the row has an entry and a time of leaving. Raises BadTable."""
        at = _time(row, self.time, times, after=after, before=before)
        badge = self._label(row, "badge") or NO_BADGE
        attributes = self._attributes(row, badge, holders.get(badge, {}))
        left = self._left(row, times, at)
        if left is None:
            return [Passage(badge, at, attributes)]
        return [
            Passage(badge, at, {**attributes, "direction": "in"}),
            Passage(badge, left, {**attributes, "direction": "out"}),
        ]

    def unknown_words(self, row: Row) -> Iterable[str]:
        """Texts of the row that `words` does not hold, for `check`."""
        for name in ("direction", "result", "badge_class"):
            text = row.cell(self.columns[name]) if name in self.columns else ""
            if text and _our_word(self.words, text) == UNKNOWN:
                yield text

    def _attributes(self, row: Row, badge: str, holder: Attributes) -> Attributes:
        door = self._label(row, "door")
        return {
            "badge": None if badge == NO_BADGE else badge,
            "person": self._label(row, "person") or holder.get("person"),
            "badge_class": self._word(row, "badge_class") or holder.get("class"),
            "project": self._label(row, "project") or holder.get("project"),
            "door": door,
            "zone": _zone(self.words, self._label(row, "zone")) or self.zones.get(door or ""),
            "direction": self._word(row, "direction"),
            "result": self._word(row, "result"),
            "controlled": door in self.controlled if self.controlled else None,
            "dedicated": door in self.dedicated if self.dedicated else None,
        }

    def _left(self, row: Row, times: LocalTimes, entered: datetime) -> datetime | None:
        """An exit before its entry, on the same date, is past midnight."""
        column = self.columns.get("left")
        if column is None or not row.cell(column):
            return None
        left = _time(row, (*self.time[:-1], column), times, after=entered)
        if left < entered and len(self.time) > 1:
            left += _DAY
        if left < entered:
            raise BadTable("it ends before it starts", row=row.number, column=column)
        return left

    def _label(self, row: Row, name: str) -> str | None:
        column = self.columns.get(name)
        return _label(row, column) if column else None

    def _word(self, row: Row, name: str) -> str | None:
        text = self._label(row, name)
        return _our_word(self.words, text) if text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderMapping:
    """Which column of the list of badges says what."""

    columns: Mapping[str, str]
    enabled: frozenset[str]
    disabled: frozenset[str]
    words: Mapping[str, str]
    separator: str = ";"

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Raises BadOption."""
        columns = options.table("holder_columns")
        columns.text("badge")
        found = cls(
            columns=_named(columns, _HOLDER_COLUMNS),
            enabled=frozenset(options.texts("enabled_words", ())),
            disabled=frozenset(options.texts("disabled_words", ())),
            words=_pairs(options, "words"),
            separator=options.text("separator", ";"),
        )
        if "enabled" in found.columns and not (found.enabled and found.disabled):
            raise BadOption("enabled_words", "the words for enabled, and `disabled_words` for the others")
        return found

    def wanted(self) -> tuple[str, ...]:
        """Every column that is asked for, once."""
        return tuple(dict.fromkeys(self.columns.values()))

    def holders(self, rows: Iterable[Row], times: LocalTimes) -> dict[str, Attributes]:
        """Badge -> attributes. Raises BadTable, also for a badge that stands twice."""
        found: dict[str, Attributes] = {}
        seen: dict[str, int] = {}
        for row in rows:
            column = self.columns["badge"]
            badge = _label(row, column)
            if badge is None:
                raise BadTable("the badge is empty", row=row.number, column=column)
            if (first := seen.setdefault(badge.casefold(), row.number)) != row.number:
                raise BadTable(f"row {first} has the same badge", row=row.number, column=column)
            found[badge] = self._attributes(row, times)
        return found

    def _attributes(self, row: Row, times: LocalTimes) -> Attributes:
        cells = {name: _label(row, column) for name, column in self.columns.items()}
        class_, zones = cells.get("class"), cells.get("zones")
        return {
            "person": cells.get("person"),
            "project": cells.get("project"),
            "class": _our_word(self.words, class_) if class_ else None,
            "enabled": self._enabled(row, cells.get("enabled")),
            "disabled": _time(row, (self.columns["disabled"],), times) if cells.get("disabled") else None,
            "zones": [_zone(self.words, part.strip()) for part in zones.split(self.separator) if part.strip()]
            if zones
            else None,
        }

    def _enabled(self, row: Row, text: str | None) -> bool | None:
        if text is None:
            return None
        if text in self.enabled or text in self.disabled:
            return text in self.enabled
        raise BadTable(
            "neither in `enabled_words` nor in `disabled_words`", row=row.number, column=self.columns["enabled"]
        )


def _our_word(words: Mapping[str, str], text: str) -> str:
    return words.get(text) or (text if text in OWN_WORDS else UNKNOWN)


def _zone(words: Mapping[str, str], text: str | None) -> str | None:
    """Our word for a zone where `words` has one; else the house's own name of it."""
    return None if text is None else words.get(text, text)


def _label(row: Row, column: str) -> str | None:
    text = row.cell(column)
    if len(text) > MAX_LABEL:
        raise BadTable(f"a text of more than {MAX_LABEL} characters", row=row.number, column=column)
    return text or None


def _time(
    row: Row,
    columns: tuple[str, ...],
    times: LocalTimes,
    *,
    after: datetime | None = None,
    before: datetime | None = None,
) -> datetime:
    text = " ".join(row.cell(column) for column in columns)
    try:
        return times.parse(text, after=after, before=before)
    except BadTable as error:
        raise BadTable(error.args[0], row=row.number, column=" + ".join(columns)) from error


def _named(columns: Options, names: Iterable[str]) -> dict[str, str]:
    return {name: column for name in names if (column := columns.text(name, None))}


def _pairs(options: Options, key: str) -> dict[str, str]:
    table = options.table(key, None)
    return {} if table is None else {word: table.text(word) for word in table.keys()}  # noqa: SIM118
