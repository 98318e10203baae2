"""The source `carrier`: call detail of a carrier or SBC in a file or a database, which saw the calls before the center.

It tells what no switch can: calls that were refused before they reached it, and whether its trunks were full.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from ccmm_agent.plugin import CheckLine, Done, Manifest, Observation, Options, Source, Window, hookimpl
from ccmm_plugin_telephony.carrier_rows import ATTRIBUTES, CarrierRows, again_told, call_rows, slots_of
from ccmm_plugin_telephony.odd import told_of
from ccmm_proto.period import HOUR_MS
from ccmm_tables.declared import Declared
from ccmm_tables.history import History
from ccmm_tables.progress import parse_progress
from ccmm_tables.rolls import state_rolls
from ccmm_tables.slots import state_slots


@dataclass(frozen=True)
class Carrier(Source):
    """Attempts, blocked calls, busy channels and shown numbers by a declared column mapping."""

    plugin: ClassVar[str] = "carrier"
    value: ClassVar[int] = 80
    example: ClassVar[str] = """
# Call detail of the carrier or SBC, in a CSV or XLSX file or a database: docs/plugins/carrier.md.
[[source]]
name = "carrier"
plugin = "carrier"
every = "1h"
path = "/srv/carrier/cdr.csv"      # or url = "postgresql://sbc.example/cdr" with user, password_file and table or query
started = "setup time"             # when the call was tried; or ["date", "time"]
lines = ["95555", "010-8888 1234"] # the center's own numbers: of called numbers no other leaves in clear
causes = "q850"                    # release causes are of Q.850, or "sip"
# blocked = ["17", "34", "42"]     # the causes that count as blocked, instead of the usual ones
# registered = ["95555", "01088881*"] # numbers that outbound calls may show; * stands for any end
# since = "2026-01-01"             # a database: from when on it is read
# until = "day"                    # what a file can tell of: its newest row ("row"), whole days, or its export ("now")
# settle = "30m"
# look_back = "2d"                 # how far back late rows and changes are looked for
# batch = "7d"
# zone = "UTC"                     # of times without a zone; without it the center's
# time_formats = ["%Y%m%d%H%M%S"]
# encoding = "gb18030"             # of a file: also delimiter, header_row, sheet

[source.columns]                   # what the table calls it
call = "session id"                # several rows of one id are one attempt, over several routes
line = "called"                    # the number of the center that was dialled
trunk = "trunk group"
cause = "release cause"            # or `blocked` (yes, no)
answered_at = "connect time"       # or `answered` (yes, no)
ended_at = "disconnect time"       # or `lasted`: seconds from the start on
# direction = "direction"          # without it all are inbound
# party = "caller"                 # the customer's number; leaves as a pseudonym, as do callee and shown_number
# callee = "called"                # of outbound calls the customer's number
# shown_number = "shown"
# talk = "billsec"

[source.channels]                  # how many channels each trunk has: all trunks of the table
"TG-1" = 60

# [source.values.direction]        # in, out, internal
# "T" = "in"
# [source.values.cause]            # words of the table -> the number of the cause
# "busy" = "17"
# [source.absent]                  # texts that mean "nothing"
# "connect time" = ["0"]
# [source.where]                   # only rows with one of these texts
# "record type" = ["STOP"]
# [source.constants]               # the same for every row
"""

    history: History
    rows: CarrierRows

    @property
    def feeds(self) -> tuple[str, ...]:
        has_id = "call" in self.rows.declared.names
        return (*sorted(self.rows.told), *(("call",) if has_id else ()))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        declared = Declared.from_options(options, ATTRIBUTES)
        history = History.from_options(options, declared, look_back_s=2 * 86_400)
        return cls(history, CarrierRows.from_options(options, declared, history.started))

    def manifest(self) -> Manifest:
        return self.history.manifest()

    def read(self, window: Window) -> Iterator[Observation | Done]:
        progress = parse_progress(window.cursor)
        stretch = self.history.read(window, progress, HOUR_MS, self.rows.leg)
        legs = [leg for _, leg in stretch.items]
        slots = slots_of(legs, self.rows, stretch.reach, window.zone)
        found, after = state_slots(slots, progress.slots if progress else {}, stretch.reach, self.rows.told)
        calls, hours = state_rolls("call", call_rows(legs), progress.rolls if progress else {}, stretch.reach)
        yield from found
        yield from calls
        told = (self.rows.note(), again_told(legs), told_of(leg.odd for leg in legs))
        yield stretch.done(window, after, hours, "; ".join(filter(None, told)))

    def check(self, window: Window) -> Iterator[CheckLine]:
        yield from self.history.check(window, self.rows.leg)
        if "cause" in self.rows.declared.names:
            told = f"blocked are the causes {', '.join(sorted(self.rows.causes, key=int))}"
            yield CheckLine("ok", "causes", told)
        if "call" not in self.rows.declared.names:
            told = "no column `call`: a call that is tried over two routes counts as two"
            yield CheckLine("warning", "attempts", told)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(Carrier)
