"""FreeSWITCH with mod_callcenter: two sources, one outcome a run each. Both only read.

cdr_source        source `freeswitch_cdr`: call records
record            variables of a record → contacts
csv_files         Master.csv of mod_cdr_csv and its rotated files
csv_record        one line, by the template that wrote it
xml_files         the folder of mod_xml_cdr
xml_record        one of its files
stretch           what one read takes
socket_source     source `freeswitch`: queues, agents and tiers
event_socket      the connection and its list of allowed commands
event_protocol    bytes ↔ messages, and lists with `|` between cells
socket_facts      lists → settings, accounts, agents seen
agent_watch       agents seen from look to look → log-ins and pauses
"""

from collections.abc import Callable

from ccmm_agent.plugin import Source, hookimpl
from ccmm_plugin_telephony.freeswitch.cdr_source import CallRecords
from ccmm_plugin_telephony.freeswitch.socket_source import CallCenter


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    register(CallRecords)
    register(CallCenter)
