"""The source `survey`: invitations and answers of a survey, in a CSV or XLSX file or in a database.

Satisfaction, recommendation and effort, each with counts of its own: which answers are favourable or easy is declared,
and told with each run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from ccmm_agent.plugin import (
    CheckLine,
    Done,
    Manifest,
    Observation,
    Options,
    Reason,
    Source,
    SourceUnavailable,
    Window,
    hookimpl,
)
from ccmm_plugin_crm.survey_rows import ATTRIBUTES, Asked, SurveyRows, add_asked, marks_of
from ccmm_proto.measures import MEASURES
from ccmm_proto.period import DAY_MS, HOUR_MS
from ccmm_tables.declared import Declared
from ccmm_tables.history import History
from ccmm_tables.progress import Progress, parse_progress
from ccmm_tables.rolls import state_rolls
from ccmm_tables.slots import Slots, state_slots

DAY_S = 86_400


@dataclass(frozen=True)
class Survey(Source):
    """Who was asked, who answered, how; and who was not asked, by a declared column mapping."""

    plugin: ClassVar[str] = "survey"
    value: ClassVar[int] = 65
    example: ClassVar[str] = """
# Invitations and answers of a survey, in a CSV or XLSX file or a database: docs/plugins/survey.md.
[[source]]
name = "satisfaction"
plugin = "survey"
every = "1h"
path = "/srv/survey/2026.csv"      # or url = "mysql://survey.example/cs" with user, password_file and table or query
started = "asked at"               # when the customer was asked; or ["date", "time"]
# who = "customers"                # customers, customers_by_outsiders, clients or staff
# or answers_only = true, where the table holds no invitations: then nobody knows how many were asked
# long_call = "10m"                # of invites_due: from when on a call is long
# since = "2026-01-01"             # a database: from when on it is read
# until = "row"                    # what a file can tell of: its newest row, whole days ("day"), or its export ("now")
# settle = "30m"
# look_back = "14d"                # how long after the invitation an answer is looked for
# batch = "31d"
# zone = "Asia/Shanghai"           # of times without a zone; without it the center's
# time_formats = ["%d.%m.%Y %H:%M"]
# encoding = "gb18030"             # of a file: also delimiter, header_row, sheet
# effort_scale = { least = 1, most = 7, easy_to = 3 }   # of `effort`; or easy_from, where high is easy

[source.columns]                   # what the table calls it
answer = "score"                   # satisfaction: empty where there is no answer
# recommendation = "nps"           # 0 to 10: promoters are 9 and 10, detractors 0 to 6
# effort = "effort"                # how much effort it took the customer
invited = "invited"                # yes or no, of each contact that was due; without it each row is an invitation
call = "call id"                   # leaves as a pseudonym, as do contact and agent
talk = "talk"                      # these three, or `cell`: were contacts left out that went badly?
transferred = "transferred"
ended_by_agent = "hung up by agent"
# queue = "queue"
# channel = "channel"
# client = "client"
# drawn = "drawn by"
# contact = "contact id"
# agent = "staff no"
# id = "invitation"                # stands once

[source.scale]                     # of `answer`: whole numbers; or the table's words under [source.values.answer]
least = 1
most = 5
favourable_from = 4                # or favourable_to, where low is good

# [source.values.answer]           # favourable, other, none (no valid answer)
# "非常满意" = "favourable"
# "*" = "other"
# [source.absent]                  # texts that mean "nothing"
# "score" = ["0"]
# [source.where]                   # only rows with one of these texts
# [source.constants]               # the same for every row
# [source.durations]               # columns with H:MM:SS
# "talk" = "s"
"""

    history: History
    rows: SurveyRows

    @property
    def feeds(self) -> tuple[str, ...]:
        return (*sorted(self.rows.told), *(("mark",) if self._has_marks else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        declared = Declared.from_options(options, ATTRIBUTES)
        history = History.from_options(options, declared, look_back_s=14 * DAY_S, batch_s=31 * DAY_S)
        return cls(history, SurveyRows.from_options(options, declared))

    def manifest(self) -> Manifest:
        return self.history.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        known = parse_progress(window.cursor)
        is_daily = any(MEASURES[measure].period_s == DAY_S for measure in self.rows.told)
        stretch = self.history.read(window, known, DAY_MS if is_daily else HOUR_MS, self.rows.asked)
        asked = [one for _, one in stretch.items]
        self._refuse_twice(asked)
        slots = Slots(window.zone)
        add_asked(slots, asked, self.rows)
        before = known or Progress(first_ms=0, stated_ms=0)
        found, after = state_slots(slots, before.slots, stretch.reach, self.rows.told)
        hours: dict[str, tuple[int, str]] = {}
        if self._has_marks:
            marks, hours = state_rolls("mark", marks_of(asked), before.rolls, stretch.reach)
            found += marks
        yield from found
        yield stretch.done(window, after, hours, self.rows.note())

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from self.history.check(window, self.rows.asked)
        yield CheckLine("ok", "answers", self.rows.note())
        if self.rows.answers_only and self.rows.who != "customers_by_outsiders":
            yield CheckLine("warning", "invitations", "only answers are read: nothing tells how many were asked")

    @property
    def _has_marks(self) -> bool:
        named = self.rows.declared.names & {"call", "contact"}
        return self.rows.who == "customers" and not self.rows.answers_only and bool(named)

    def _refuse_twice(self, asked: list[Asked]) -> None:
        ids = [one.id for one in asked if one.id is not None]
        if len(set(ids)) < len(ids):
            what = "an invitation stands twice: name its columns in `columns.id`, or `where`"
            raise SourceUnavailable(Reason.UNREADABLE, f"{self.history.rows.name}: {what}")


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Survey)
