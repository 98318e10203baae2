"""The source `freeswitch_cdr`: call records of mod_cdr_csv or mod_xml_cdr, with the variables of mod_callcenter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from ccmm_agent.plugin import BadOption, CheckLine, Done, Manifest, Observation, Options, Source, Window
from ccmm_plugin_telephony.batch import apart_told
from ccmm_plugin_telephony.cursor import LogCursor, parse_cursor
from ccmm_plugin_telephony.freeswitch.csv_files import CsvFiles
from ccmm_plugin_telephony.freeswitch.csv_record import parse_template
from ccmm_plugin_telephony.freeswitch.record import ENDING, contacts_of
from ccmm_plugin_telephony.freeswitch.stretch import Stretch
from ccmm_plugin_telephony.freeswitch.xml_files import XmlFiles
from ccmm_plugin_telephony.instant import parse_instant
from ccmm_plugin_telephony.queue_facts import WAITS, Reading, contact_facts
from ccmm_plugin_telephony.staff import load_staff
from ccmm_plugin_telephony.stated import Stated
from ccmm_proto.period import from_ms

_TOLD = ("calls_offered", "calls_answered", "calls_abandoned", "calls_left", "short_calls", "talk_time")
_TOLD_OF_ENDING = ("calls_transferred", "agent_releases")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecords(Source):
    """Calls in queues, their waits and talk by the quarter hour; every call by the hour."""

    plugin: ClassVar[str] = "freeswitch_cdr"
    value: ClassVar[int] = 90
    example: ClassVar[str] = """\
# Call records of FreeSWITCH with the variables of mod_callcenter: docs/plugins/freeswitch.md.
[[source]]
name = "calls"
plugin = "freeswitch_cdr"
every = "15m"
cdr = "/var/log/freeswitch/cdr-csv/Master.csv"   # mod_cdr_csv with its rotated files beside it; legs = a
# The template of cdr_csv.conf.xml that writes this file, as it stands there. Without names of callers, whose quotes
# and commas would move the cells.
template = '''"${uuid}","${start_epoch}","${bridge_epoch}","${end_epoch}","${cc_side}","${cc_queue}","${cc_agent}",\
"${cc_cause}","${cc_queue_joined_epoch}","${cc_queue_answered_epoch}","${cc_queue_canceled_epoch}",\
"${cc_queue_terminated_epoch}","${cc_cancel_reason}","${sip_hangup_disposition}","${transfer_history}",\
"${context}","${originating_leg_uuid}"'''
# Instead of both, the folder of mod_xml_cdr: xml_folder = "/var/log/freeswitch/xml_cdr"
# agents = "/etc/ccmm/agents.csv"    # lines of: agent name, staff id. Joins the switch with HR
recordings_required = true           # whether every answered call must have a recording
settle = "30m"                       # a quarter hour is stated this long after it ended
batch_kib = 2048                     # how much history one batch takes
# batch_files = 20000                # the same for xml_folder
# directions = { default = "out", public = "in" }   # by dialplan context, for calls that no queue took
# resume_after = "2026-11-22T10:00:00Z"   # only after records were rewritten or taken away: go on from here
"""

    files: CsvFiles | XmlFiles
    agents: Path | None = None
    recordings_required: bool = True
    directions: Mapping[str, str] = field(default_factory=dict)

    @property
    def feeds(self) -> tuple[str, ...]:
        return (*self._told(), *WAITS, "call")

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(
            files=_files(options),
            agents=options.path("agents", None),
            recordings_required=options.flag("recordings_required", True),
            directions=parse_directions(options.table("directions", None)),
        )

    def manifest(self) -> Manifest:
        folder = self.files.live.parent if isinstance(self.files, CsvFiles) else self.files.folder
        return Manifest(files=(self.agents,) if self.agents else (), folders=(folder,))

    def read(self, window: Window) -> Iterator[Observation | Done]:
        stretch = self.files.take(window, parse_cursor(window.cursor))
        if stretch.horizon_ms <= stretch.stated_ms:
            fresh = LogCursor(stated_ms=stretch.stated_ms, from_ms=stretch.stated_ms, position=None).to_bytes()
            yield Done(None, window.cursor if window.cursor or stretch.records else fresh)
            return
        staff = load_staff(self.agents) if self.agents else {}
        contacts = [one for record in stretch.records for one in contacts_of(record, staff, self.directions)]
        contacts.sort(key=lambda contact: (contact.entered_s, contact.call))
        reading = Reading(
            from_ms=stretch.known_ms,
            stated_ms=stretch.stated_ms,
            horizon_ms=stretch.horizon_ms,
            required=self.recordings_required,
            told=frozenset(self._told()),
        )
        stated = Stated(stretch.cursor.slots if stretch.cursor else {})
        yield from contact_facts(contacts, reading, stated)
        yield _done(stretch, stated)

    def check(self, window: Window) -> Iterator[CheckLine]:
        where = self.files.live if isinstance(self.files, CsvFiles) else self.files.folder
        yield CheckLine("ok", str(where), f"readable, {self.files.count()} file(s)")
        stretch = self.files.take(window, parse_cursor(window.cursor))
        if apart := apart_told(stretch.set_apart):
            yield CheckLine("warning", "records", f"{apart}; they cannot be of this template or module")
        calls = [record for record in stretch.records if record.of_caller]
        queued = [record for record in calls if record.queue is not None]
        told = f"{len(calls)} in the next batch, {len(queued)} of them through a queue"
        yield CheckLine("ok" if queued or not calls else "warning", "calls", told)
        if len(calls) < len(stretch.records):
            yield CheckLine("ok", "agents' sides", f"{len(stretch.records) - len(calls)} records, which count no call")
        if not set(_TOLD_OF_ENDING) <= set(self._told()):
            told = f"the template lacks {' and '.join(ENDING)}: who ends calls is not told"
            yield CheckLine("warning", "template", told)
        if self.agents is None and any(record.agent for record in queued):
            yield CheckLine("warning", "agents", "no table of staff ids: agents join with HR only if named by staff id")

    def _told(self) -> tuple[str, ...]:
        template = self.files.template if isinstance(self.files, CsvFiles) else ENDING
        return (*_TOLD, *_TOLD_OF_ENDING) if set(ENDING) <= set(template) else _TOLD


def parse_directions(contexts: Options | None) -> dict[str, str]:
    """Dialplan context → in, out or internal. Raises BadOption."""
    if contexts is None:
        return {}
    table = {context: contexts.text(context) for context in contexts.keys()}  # noqa: SIM118 - Options is no mapping
    for context, word in table.items():
        if word not in ("in", "out", "internal"):
            raise BadOption(f"directions.{context}", '"in", "out" or "internal"')
    return table


def _files(options: Options) -> CsvFiles | XmlFiles:
    cdr, xml_folder = options.path("cdr", None), options.path("xml_folder", None)
    template = options.text("template", None)
    settle = timedelta(seconds=options.seconds("settle", 1800))
    batch_bytes = options.whole("batch_kib", 2048, least=1, most=65536) * 1024
    batch_files = options.whole("batch_files", 20_000, least=100, most=200_000)
    resume_after = parse_instant("resume_after", options.text("resume_after", None))
    if cdr is not None and xml_folder is None:
        if template is None:
            raise BadOption("template", "the template of cdr_csv.conf.xml that writes this file")
        names = parse_template(template)
        return CsvFiles(live=cdr, template=names, settle=settle, batch_bytes=batch_bytes, resume_after=resume_after)
    if xml_folder is None or cdr is not None or template is not None:
        raise BadOption("cdr", "cdr with template, or xml_folder alone")
    return XmlFiles(folder=xml_folder, settle=settle, batch_files=batch_files, resume_after=resume_after)


def _done(stretch: Stretch, stated: Stated) -> Done:
    cursor = LogCursor(
        stated_ms=stretch.horizon_ms,
        from_ms=stretch.next_ms,
        position=stretch.position,
        position_s=stretch.newest_s,
        slots=stated.kept(stretch.next_ms),
        state={"names": list(stretch.names)},
    )
    covers = (from_ms(stretch.stated_ms), from_ms(stretch.horizon_ms))
    return Done(covers, cursor.to_bytes(), more=stretch.more, detail=apart_told(stretch.set_apart))
