"""Asterisk: four sources, one outcome a run each. All only read.

queue_source        source `asterisk`: the queue log
queue_log           one line of the queue log
contacts            lines → contacts, one for each entering of a queue
agent_lines         lines → log-ins and pauses of agents
cdr_source          source `asterisk_cdr`: call detail records
cdr                 one row, in either column order; rows → calls
recordings_source   source `asterisk_recordings`: a folder of sound files
recordings          what a file name and a sound header say
ami_source          source `asterisk_ami`: the manager interface
ami                 the connection and its list of allowed actions
ami_protocol        bytes ↔ messages
ami_facts           messages → observations, and what an account could do
security_log        one line of Asterisk's security log
refusals            who was refused since the last read
"""

from collections.abc import Callable

from ccmm_agent.plugin import Source, hookimpl
from ccmm_plugin_telephony.asterisk.ami_source import ManagerInterface
from ccmm_plugin_telephony.asterisk.cdr_source import CallRecords
from ccmm_plugin_telephony.asterisk.queue_source import QueueLog
from ccmm_plugin_telephony.asterisk.recordings_source import Recordings


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    for source in (QueueLog, CallRecords, Recordings, ManagerInterface):
        register(source)
