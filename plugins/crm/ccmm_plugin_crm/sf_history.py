"""What the history of a Salesforce case adds to it: opened again, due times put off, a complaint renamed. Pure.

Salesforce keeps a line of `CaseHistory` for each change of a field that is tracked (Set History Tracking); of others
it keeps none, which is no history without changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ccmm_plugin_crm.case_fields import CaseFields, time_in
from ccmm_plugin_crm.cases import Case
from ccmm_proto.errors import Malformed

STATUS = "Status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the history."""

    case: str
    at: datetime
    field: str
    row: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """All changes by case, oldest first; `closed`: statuses that end a case."""

    changes: Mapping[str, Sequence[Change]]
    closed: frozenset[str]

    def told_of(self, case: Case, id: str, fields: CaseFields, zone: ZoneInfo) -> Case:
        """The case with what its history tells."""
        changes = self.changes.get(id, ())
        class_field, due_field = fields.fields.get("class"), fields.fields.get("due")
        moves = [_is_put_off(one.row, zone) for one in changes if due_field is not None and one.field == due_field]
        names = [one.row.get("OldValue") for one in changes if class_field is not None and one.field == class_field]
        was_complaint = any(fields.word("class", name) == "complaint" for name in names if name not in (None, ""))
        return replace(
            case,
            reopened=tuple(self._reopened(case, changes)),
            due_moves=sum(moves) if moves else None,
            relabelled=True if was_complaint and case.class_ != "complaint" else case.relabelled,
        )

    def _reopened(self, case: Case, changes: Iterable[Change]) -> Iterable[tuple[datetime, datetime]]:
        """(closed, opened again) each time."""
        closed: datetime | None = None
        for one in changes:
            if one.field != STATUS:
                continue
            if one.row.get("NewValue") in self.closed:
                closed = closed or one.at
            elif one.row.get("OldValue") in self.closed:
                yield closed or case.opened, one.at
                closed = None


def parse_changes(rows: Iterable[Mapping[str, object]], zone: ZoneInfo) -> dict[str, list[Change]]:
    """By case, oldest first. Raises Malformed."""
    found: dict[str, list[Change]] = {}
    for row in rows:
        case, field, at = row.get("CaseId"), row.get("Field"), time_in(row, "CreatedDate", zone)
        if not isinstance(case, str) or not isinstance(field, str) or at is None:
            raise Malformed("a line of CaseHistory without its case, field or time")
        found.setdefault(case, []).append(Change(case=case, at=at, field=field, row=row))
    for changes in found.values():
        changes.sort(key=lambda one: one.at)
    return found


def _is_put_off(row: Mapping[str, object], zone: ZoneInfo) -> bool:
    """A due time that stood is later now, or taken away."""
    old, new = time_in(row, "OldValue", zone), time_in(row, "NewValue", zone)
    return old is not None and (new is None or new > old)
